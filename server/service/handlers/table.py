"""The handler of every RPC, found by its path. One that is missing stops the server from being imported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ...wire.methods import METHODS
from ..access.rights import RULES
from ..calls.call_log import CallLog
from ..calls.rpc import Handler, Rpc
from ..calls.runtime import Runtime
from . import collections as collection_handlers
from . import databases as database_handlers
from . import points as point_handlers
from . import searches as search_handlers
from . import tenants as tenant_handlers

if TYPE_CHECKING:
    from ..calls.rpc import GrpcHandler

_MODULES = {
    "vicinal.v1.DatabaseService": database_handlers,
    "vicinal.v1.CollectionService": collection_handlers,
    "vicinal.v1.PointService": point_handlers,
    "vicinal.v1.SearchService": search_handlers,
    "vicinal.v1.TenantService": tenant_handlers,
}


def find_handlers(paths: Iterable[str]) -> dict[str, Handler]:
    """Return the functions that are named after the RPCs, as `get_points`, in the modules of their services.

    Raises
    ------
    ImportError
        One is missing, or has no rule.
    """
    found: dict[str, Handler] = {}
    for path in paths:
        _, service, name = path.split("/")
        function = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        handler: Handler | None = getattr(_MODULES.get(service), function, None)
        if handler is None or path not in RULES:
            there = f"a rule: {path in RULES}, the function: {handler is not None}"
            raise ImportError(f"RPC {path} takes a rule and a function {function}() of its service; {there}")
        found[path] = handler
    return found


HANDLERS: Mapping[str, Handler] = find_handlers(METHODS)


def rpc_handlers(runtime: Runtime, log: CallLog) -> dict[str, GrpcHandler]:
    """Return what gRPC serves, by path: every RPC of every service."""
    return {
        path: Rpc(runtime, log, method, RULES[path], HANDLERS[path]).handler()
        for path, method in METHODS.items()
    }
