"""The one way in: whatever is called, it is asked first who calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import grpc

from ..access.authentication import AuthenticationInterceptor
from .early_refusals import EarlyRefusals

if TYPE_CHECKING:
    Base = grpc.GenericRpcHandler[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
else:
    Base = grpc.GenericRpcHandler


class Door(Base):
    """All that a server answers, behind its authentication.

    It is the only thing gRPC is given to serve, so nothing can be reached around it; and asking it directly
    costs less than gRPC's own chain of interceptors.

    Parameters
    ----------
    authentication : AuthenticationInterceptor
    open_handlers : mapping
        Handlers by the path of their method, as ``/grpc.health.v1.Health/Check``.
    handlers : mapping
        Those whose calls may be refused early.
    refusals : EarlyRefusals
    """

    def __init__(
        self,
        authentication: AuthenticationInterceptor,
        open_handlers: Mapping[str, Handler],
        handlers: Mapping[str, Handler],
        refusals: EarlyRefusals,
    ) -> None:
        self._authentication = authentication
        self._open_handlers = open_handlers
        self._handlers = handlers
        self._refusals = refusals

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """Return the handler of a call, one that denies it, or None when there is no such method."""
        return self._authentication.intercept_service(self._find, handler_call_details)

    def _find(self, details: grpc.HandlerCallDetails) -> Handler | None:
        handler = self._handlers.get(details.method)
        if handler is None:
            return self._open_handlers.get(details.method)
        return self._refusals.handler(details.method) or handler
