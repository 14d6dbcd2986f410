"""Efforts that are higher than a measured ladder says, because it promised too much."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from ..protocol import Index


@runtime_checkable
class Raises(Protocol):
    """What an index is besides, when it can try harder for a recall than its measured ladder says."""

    def raised(self, rungs: int) -> Any:
        """Return the index that chooses efforts as if each rung brought what the one so many below it does.

        It is asked for efforts alone, and this index searches with them. Beyond the highest rung stands the
        most that the index can do.
        """


def raised_index(index: Index[Any, Any], rungs: int) -> Index[Any, Any]:
    """Return what chooses the efforts of an index when they are raised; itself where it cannot do that."""
    if rungs and isinstance(index, Raises):
        found: Index[Any, Any] = index.raised(rungs)
        return found
    return index
