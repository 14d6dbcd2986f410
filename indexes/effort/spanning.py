"""Efforts for scopes that are a part of the rows: what lies outside of it costs nothing."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from ..protocol import Index, Scope


@runtime_checkable
class Spans(Protocol):
    """What an index is besides, when rows before the first in scope and behind the last cost it nothing."""

    def spanning(self, share: float) -> Any:
        """Return the index that chooses efforts for scopes that lie within such a share of the rows.

        It is asked for efforts alone, and this index searches with them.
        """


def spanning_index(index: Index[Any, Any], scope: Scope, n_rows: int) -> Index[Any, Any]:
    """Return what chooses the efforts of an index for a scope; itself where it makes no difference."""
    if scope.rows is not None and isinstance(index, Spans):
        first, behind = scope.rows.span
        if behind - first < n_rows:
            found: Index[Any, Any] = index.spanning((behind - first) / n_rows)
            return found
    return index
