"""What answers single queries under filters, asked and timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..datasets.dataset import Floats
from ..peers import Effort
from ..peers.peer import Ids
from .cells import Question

Answering = Callable[[Floats, int, Effort], Ids | list[int]]
"""Returns at most k row numbers for a query (dim,)."""


class FilteredSearcher(Protocol):
    """An index that is searched under filters."""

    @property
    def name(self) -> str: ...

    @property
    def by_rows(self) -> bool:
        """Whether it is given the rows that pass, so that the shape of a filter is nothing to it."""
        ...

    def queries(self) -> Floats:
        """All queries in the form it takes."""
        ...

    def efforts(self, k: int, matches: int) -> Sequence[Effort]:
        """The searches to choose from, by rising effort."""
        ...

    def under(self, question: Question) -> Answering | None:
        """Make ready what answers under a filter, None where there is no such filter; not timed."""
        ...

    def close(self) -> None:
        """Let go of what was built."""
        ...


def ask(
    searcher: FilteredSearcher,
    answering: Sequence[tuple[Question, Answering]],
    k: int,
    effort: Effort,
    first: int = 0,
    step: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Ask each ``step``-th query of each question alone, from the ``first`` on.

    Returns
    -------
    ids : ndarray
        int64 (queries, k), -1 where there is no answer or was no question.
    seconds : ndarray
        (queries,), NaN where there was no question.
    """
    queries = searcher.queries()
    ids = np.full((len(queries), k), -1, np.int64)
    seconds = np.full(len(queries), np.nan)
    for question, answer in answering:
        for place in range(question.queries.start + first, question.queries.stop, step):
            query = queries[place]
            began = time.perf_counter()
            found = answer(query, k, effort)
            seconds[place] = time.perf_counter() - began
            ids[place, : len(found)] = found
    return ids, seconds
