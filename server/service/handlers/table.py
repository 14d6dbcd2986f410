"""The handler of every RPC, found by its name. One that is missing stops the server from being imported."""

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

if TYPE_CHECKING:
    from ..calls.rpc import GrpcHandler

_MODULES = (database_handlers, collection_handlers, point_handlers, search_handlers)


def find_handlers(names: Iterable[str]) -> dict[str, Handler]:
    """Return the functions of the handler modules that are named after the RPCs, as `get_points`.

    Raises
    ------
    ImportError
        One is missing, or has no rule.
    """
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


HANDLERS: Mapping[str, Handler] = find_handlers(METHODS)


def rpc_handlers(runtime: Runtime, log: CallLog) -> dict[str, GrpcHandler]:
    """Return what gRPC serves, by path: every RPC of every service."""
    return {
        method.path: Rpc(runtime, log, method, RULES[name], HANDLERS[name]).handler()
        for name, method in METHODS.items()
    }
