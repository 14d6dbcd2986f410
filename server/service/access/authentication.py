"""The first thing that happens to every call: who makes it.

Everything but the health check is denied unless it comes with a valid key, also methods that do not
exist. A key that is missing, malformed, unknown, expired or revoked gets one answer, the same bytes for
all of them, and the message of a denied call is never read. Keys are not logged, not counted and not part
of any answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import grpc

from ....engine.errors import Unauthenticated, VicinalError
from ...wire.statuses import to_status
from ..admission.refusals import not_ready
from .api_key import key_of
from .key_store import KeyStore
from .principal import Principal

if TYPE_CHECKING:
    Interceptor = grpc.ServerInterceptor[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
else:
    Interceptor = grpc.ServerInterceptor

HEALTH = "/grpc.health.v1.Health/"
UNAUTHENTICATED = "unauthenticated"
NOT_READY = "not_ready"

current_principal: ContextVar[Principal] = ContextVar("current_principal")
"""Who makes the call that runs in this context; unset, and so an error to read, where nobody was let in."""

log = logging.getLogger("vicinal.authentication")


class AuthenticationInterceptor(Interceptor):
    """Lets calls in that come with a valid key, or any call as long as the database never had a key.

    Parameters
    ----------
    keys : KeyStore or None
        None while the database is being opened: every call is then told to come again, because nobody
        knows yet whether it may be answered.
    refused : callable
        Told, in a word, of every call that is not let in.
    """

    def __init__(self, keys: KeyStore | None, refused: Callable[[str], None] = lambda reason: None) -> None:
        self._keys = keys
        self._refused = refused
        denied = Unauthenticated(
            "this server wants a valid key: send it as `authorization: Bearer KEY`, or pass key= to "
            "vicinal.connect"
        )
        self._denied = _refusal(denied)
        self._opening = _refusal(not_ready("the server is opening the database"))
        self._unable = _refusal(not_ready("the server cannot look up keys now"))

    def open(self, keys: KeyStore) -> None:
        """Begin to let callers in."""
        self._keys = keys

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the handler of the call, or the one that denies it."""
        if handler_call_details.method.startswith(HEALTH):
            return continuation(handler_call_details)
        keys = self._keys
        if keys is None:
            self._refused(NOT_READY)
            return self._opening
        try:
            principal = keys.principal_of(key_of(handler_call_details.invocation_metadata))
        except Exception as error:
            # Whatever goes wrong here, nobody is let in by it.
            log.error("a key could not be looked up: %s", _in_short(error))
            self._refused(NOT_READY)
            return self._unable
        if principal is None:
            self._refused(UNAUTHENTICATED)
            return self._denied
        current_principal.set(principal)
        return continuation(handler_call_details)


def _in_short(error: Exception) -> str:
    return str(error) if isinstance(error, VicinalError) else type(error).__name__


def _refusal(error: VicinalError) -> Handler:
    """Return a handler that answers with an error before it reads anything.

    It is a handler of a stream of requests, because those of one request run after it was read; on the
    wire both are the same.
    """
    status = to_status(error, "")

    def refuse(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        context.abort_with_status(status)

    return grpc.stream_unary_rpc_method_handler(refuse)
