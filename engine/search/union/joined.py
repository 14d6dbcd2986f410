"""Several segments whose indexes are searched as one: what is found in one need not be beaten in the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ....indexes.joining import JoinsSearches
from ....indexes.protocol import Index, Queries, Scope
from ....indexes.rows.neighbors import NO_ROW, Neighbors
from ...segments.snapshot import place

Part = tuple[int, Index[Any, Any] | None, int, Scope]
"""The number of a view, its index, how many rows that has, and which of them may be found."""


class JoinedSearch:
    """A search for the nearest rows of several views."""

    def __init__(self, search: Callable[[Queries], Neighbors], parts: Sequence[Part]) -> None:
        self._search = search
        self._ends = np.cumsum([n for _, _, n, _ in parts], dtype=np.uint32)
        # What is added to a row to make its place of it.
        firsts = self._ends.astype(np.int64) - [n for _, _, n, _ in parts]
        origins = [place(number, np.zeros(1, np.int64))[0] for number, *_ in parts]
        self._shifts = np.array(origins, np.int64) - firsts

    @classmethod
    def of(cls, parts: Sequence[Part], k: int) -> Self | None:
        """Return the search for ``k`` rows of those parts; None where their indexes have none together."""
        (_, first, _, scope), *others = parts
        if not others or not isinstance(first, JoinsSearches) or sum(n for _, _, n, _ in parts) >= NO_ROW:
            return None
        search = first.joined([(index, among) for _, index, _, among in others], k, scope)
        return None if search is None else cls(search, parts)

    def nearest(self, queries: Queries) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return places and scores of the nearest of one query, without padding."""
        found = self._search(queries)
        rows, scores = found.rows[0], found.scores[0]
        if rows.item(-1) == NO_ROW:
            rows = rows[rows != NO_ROW]
        return rows + self._shifts[self._ends.searchsorted(rows, "right")], scores
