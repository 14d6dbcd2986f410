"""The standard health service, which needs no key."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from ....engine.errors import InvalidArgument, ResourceExhausted
from ..admission.receiving import CallerGone, Receiving

SERVICE = "grpc.health.v1.Health"
_MOST_WATCHERS = 64
# Whose message is waited for at a time: strangers may send as large a message as anybody.
_MOST_RECEIVING = 8

_State = health_pb2.HealthCheckResponse

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]


class Health:
    """Answers whether the server serves, as a whole and each of its services.

    Who asks has no key, so callers who are silent are ended, and few of them are waited for: when there are
    more, an answer is about the server as a whole, whatever was asked. Watchers, who hold a thread each, are
    counted.

    Parameters
    ----------
    services : iterable of str
        Full names; all are in the same state.
    receiving : Receiving
    """

    def __init__(self, services: Iterable[str], receiving: Receiving) -> None:
        self._known = frozenset({"", SERVICE, *services})
        self._receiving = receiving
        self._changed = threading.Condition()
        self._serving = False
        self._ended = False
        self._watchers = 0

    def set_serving(self, serving: bool) -> None:
        """Say whether calls are served, and tell those who watch."""
        with self._changed:
            self._serving = serving
            self._changed.notify_all()

    def close(self) -> None:
        """End every watch."""
        with self._changed:
            self._serving = False
            self._ended = True
            self._changed.notify_all()

    def handlers(self) -> dict[str, Handler]:
        """Return what gRPC serves, by path."""
        return {
            f"/{SERVICE}/Check": grpc.stream_unary_rpc_method_handler(self._check),
            f"/{SERVICE}/Watch": grpc.stream_stream_rpc_method_handler(self._watch),
        }

    def _check(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        if self._service(messages, context) not in self._known:
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service")
        return _message(self._state())

    def _watch(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        known = self._service(messages, context) in self._known
        with self._changed:
            full = self._watchers >= _MOST_WATCHERS
            self._watchers += not full
        if full:
            message = f"{_MOST_WATCHERS} callers watch the server's health, the most it lets; use Check"
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, message)
        try:
            yield from self._states(known, context)
        finally:
            with self._changed:
                self._watchers -= 1

    def _states(self, known: bool, context: grpc.ServicerContext) -> Iterator[bytes]:
        last = None
        if not context.add_callback(self._wake):
            return
        while context.is_active():
            state = self._state() if known else _State.SERVICE_UNKNOWN
            if state != last:
                last = state
                yield _message(state)
            with self._changed:
                # A change that came meanwhile is told first, the end included.
                if known and self._state() != last:
                    continue
                if self._ended:
                    return
                # The callback waits for this lock, so it cannot come between looking and waiting.
                if context.is_active():
                    self._changed.wait()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _state(self) -> Any:
        return _State.SERVING if self._serving else _State.NOT_SERVING

    def _service(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> str:
        try:
            message = self._receiving.receive(messages, context, SERVICE, _MOST_RECEIVING)
            return str(health_pb2.HealthCheckRequest.FromString(message).service)
        except (DecodeError, InvalidArgument):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the request is no HealthCheckRequest")
        except ResourceExhausted:
            return ""
        except CallerGone:
            context.abort(grpc.StatusCode.CANCELLED, "the caller is gone")
        raise AssertionError("abort() raises")


def _message(state: Any) -> bytes:
    message: bytes = health_pb2.HealthCheckResponse(status=state).SerializeToString()
    return message
