"""How large a filter may be, so that walking one stays cheap whoever wrote it."""

from __future__ import annotations

from ..errors import LimitExceeded

MAX_DEPTH = 16
MAX_NODES = 1024
MAX_PATTERN = 1024
"""Characters of a pattern, as many of which may be compared at each place of a text."""


class FilterBudget:
    """Counts the nodes of one filter as it is walked."""

    __slots__ = ("_nodes",)

    def __init__(self) -> None:
        self._nodes = 0

    def spend(self, depth: int) -> None:
        """Count one node, ``depth`` levels down from 1; LimitExceeded when that is too many or too deep."""
        self._nodes += 1
        if depth > MAX_DEPTH:
            message = f"the filter is nested more than {MAX_DEPTH} deep; join clauses of one kind in one list"
            raise LimitExceeded(message, field="filter")
        if self._nodes > MAX_NODES:
            message = f"the filter has more than {MAX_NODES} parts; list many values of a field in one is_in"
            raise LimitExceeded(message, field="filter")
