"""Refusing calls in the thread that takes them in, so that a refusal never waits for a thread or for work.

When there are more calls than a server can answer, most are refused. Handed to a thread, each refusal would
take turns with the work that the server is too busy with; made where the call arrives, it comes at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import grpc

from ...wire.statuses import to_status
from ..access.authentication import current_principal
from ..admission.refusals import Refusal, rate_limited
from .call_log import CallLog
from .handler_parts import ANSWERS_ONCE, are_known, end_call
from .runtime import Runtime

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]

# Refusals that differ: a rate tells how long to wait.
_MOST_KEPT = 256


class EarlyRefusals:
    """Decides, before a call gets a thread, whether it is refused: too many of its key, or of all.

    Parameters
    ----------
    runtime : Runtime
    log : CallLog
    """

    def __init__(self, runtime: Runtime, log: CallLog) -> None:
        self._runtime = runtime
        self._log = log

    def handler(self, path: str) -> Handler | None:
        """Return what refuses the call of the current principal, None when it may go on."""
        runtime, key_id = self._runtime, current_principal.get().key_id
        try:
            seconds = runtime.rates.take(key_id)
            if seconds is not None:
                raise rate_limited(runtime.limits.calls_per_second or 0.0, seconds)
            runtime.calls.check()
            runtime.arrivals.arrive(key_id)
        except Refusal as error:
            runtime.metrics.refused(error.word)
            kind: Callable[..., Refusal] = type(error)
            code, handler = _refused(kind, str(error), error.retry_after)
            if self._log.every_call:
                self._log.call(runtime.request_id(), path, key_id, code, 0.0)
            return handler
        return None


@lru_cache(_MOST_KEPT)
def _refused(kind: Callable[..., Refusal], words: str, retry_after: float | None) -> tuple[str, Handler]:
    # Kept, because making a status costs more than sending it.
    status = to_status(kind(words, retry_after=retry_after), "")
    return status.code.name, refusing(status)


class _Here(ThreadPoolExecutor):
    """Refuses calls in the thread that submits their handlers; there is nothing to wait for."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """End the call that a handler is of; the handler itself would cost half as much again."""
        if _KNOWN and args[0] is ANSWERS_ONCE:
            _, event, state, refuse, *_ = args
            end_call(event, state, refuse.status)
        else:
            fn(*args, **kwargs)


_HERE = _Here(1)
_KNOWN = are_known()


def refusing(status: grpc.Status) -> Handler:
    """Return a handler that ends a call with a status, at once and without reading anything."""

    def refuse(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        context.abort_with_status(status)

    # gRPC asks a handler which threads it wants; this one never blocks.
    refuse.experimental_thread_pool = _HERE  # type: ignore[attr-defined]
    refuse.status = status  # type: ignore[attr-defined]
    return grpc.stream_unary_rpc_method_handler(refuse)
