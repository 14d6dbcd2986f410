"""What an index is besides, when it is searched with those of other segments sooner than one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from .protocol import EVERYTHING, Scope
from .rows.neighbors import Neighbors


@runtime_checkable
class JoinsSearches(Protocol):
    """An index whose search goes on in others with what it has found."""

    def joined(
        self, others: Sequence[tuple[Any, Scope]], k: int, scope: Scope = EVERYTHING
    ) -> Callable[[Any], Neighbors] | None:
        """Return a search of this index and others, of one field, as of one, each within its scope.

        Rows of each are numbered behind all of those before. None where one of them is of another kind.
        """
