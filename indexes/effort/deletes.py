"""Efforts where rows are gone, which no filter bars: no query looks where they were."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from ..protocol import Index


@runtime_checkable
class KnowsDeletes(Protocol):
    """What an index is besides, when rows that are gone cost it other than rows that a filter bars."""

    def with_deletes(self) -> Any:
        """Return the index that chooses efforts where those rows alone are out of scope that are gone.

        It is asked for efforts alone, and this index searches with them.
        """


def index_with_deletes(index: Index[Any, Any]) -> Index[Any, Any]:
    """Return what chooses the efforts of an index where rows are gone; itself where that is the same."""
    if isinstance(index, KnowsDeletes):
        found: Index[Any, Any] = index.with_deletes()
        return found
    return index
