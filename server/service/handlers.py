"""The handler of every RPC, found by its name. One that is missing stops the server from being imported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import grpc

from ..wire.methods import METHODS
from . import collection_handlers, database_handlers, point_handlers, search_handlers
from .call_log import CallLog
from .rights import RULES
from .rpc import Handler, Rpc
from .runtime import Runtime

if TYPE_CHECKING:
    Service = grpc.GenericRpcHandler[Any, Any]
    GrpcHandler = grpc.RpcMethodHandler[Any, Any]

_MODULES = (database_handlers, collection_handlers, point_handlers, search_handlers)


def _handlers(names: Iterable[str]) -> dict[str, Handler]:
    """Return the functions of the handler modules that are named after the RPCs, as `get_points`."""
    found: dict[str, Handler] = {}
    for name in names:
        function = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        candidates = [getattr(module, function) for module in _MODULES if hasattr(module, function)]
        if len(candidates) != 1 or name not in RULES:
            raise ImportError(
                f"RPC {name} takes one function {function}() and one rule; there are {len(candidates)} and "
                f"{int(name in RULES)}"
            )
        found[name] = candidates[0]
    return found


HANDLERS: Mapping[str, Handler] = _handlers(METHODS)


def rpc_handlers(runtime: Runtime, log: CallLog) -> list[Service]:
    """Return what gRPC serves: every RPC of every service."""
    services: dict[str, dict[str, GrpcHandler]] = {}
    for name, method in METHODS.items():
        service = method.path.split("/")[1]
        rpc = Rpc(runtime, log, method, RULES[name], HANDLERS[name])
        services.setdefault(service, {})[name] = rpc.handler()
    return [grpc.method_handlers_generic_handler(service, handlers) for service, handlers in services.items()]
