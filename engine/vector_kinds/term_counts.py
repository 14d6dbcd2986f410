"""How many rows have each term: counts that rows are added to, and that are never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...indexes.rows.sparse import SparseRows

Terms: TypeAlias = NDArray[np.uint32]

# Terms of a usual vocabulary are counted by their numbers, those of a hashed one are sorted.
_MOST_NUMBERED = 1 << 22

_Run: TypeAlias = tuple[Terms, NDArray[np.int64]]


class TermCounts:
    """The sum of sorted runs, each at least twice as long as the next, so that adding rows is cheap."""

    __slots__ = ("_runs",)

    def __init__(self, runs: tuple[_Run, ...] = ()) -> None:
        self._runs = runs

    def plus(self, terms: Terms) -> TermCounts:
        """Return the counts with one more for each of ``terms``."""
        if not len(terms):
            return self
        run, runs = _counted(terms), list(self._runs)
        while runs and len(runs[-1][0]) < 2 * len(run[0]):
            run = _merged(runs.pop(), run)
        return TermCounts((*runs, run))

    def of(self, terms: Terms) -> NDArray[np.int64]:
        """Return the count of each of ``terms``."""
        total = np.zeros(len(terms), np.int64)
        for known, counts in self._runs:
            places = np.minimum(np.searchsorted(known, terms), len(known) - 1)
            total += np.where(known[places] == terms, counts[places], 0)
        return total


NO_TERMS = TermCounts()


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What some vectors come to.

    Attributes
    ----------
    n : int
        How many they are.
    total : float
        The sum of their values.
    terms : TermCounts
        In how many of them each term has a value that is not zero.
    """

    n: int = 0
    total: float = 0.0
    terms: TermCounts = NO_TERMS

    def plus(self, rows: SparseRows, chosen: Any) -> RowCounts:
        """Return the counts with some more rows, chosen by a slice or by their numbers."""
        more = rows[chosen]
        terms = more.indices[more.values != 0]
        return RowCounts(self.n + len(more), self.total + _sum(more.values), self.terms.plus(terms))


def value_total(rows: SparseRows, lo: int, hi: int) -> float:
    """Return the sum of all values of the rows ``lo`` to ``hi``."""
    return _sum(rows.values[rows.indptr[lo] : rows.indptr[hi]])


def inverse_frequencies(n: int, frequencies: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the weight of each term that so many of ``n`` rows have: above 0, the higher the fewer."""
    return np.log1p((n - frequencies + 0.5) / (frequencies + 0.5))


def _sum(values: NDArray[np.float32]) -> float:
    return float(values.sum(dtype=np.float64))


def _counted(terms: Terms) -> _Run:
    # An array of counts is worth its length when there are many to count.
    most = int(terms.max())
    if most < _MOST_NUMBERED and most < 8 * len(terms):
        table = np.bincount(terms)
        numbers = np.flatnonzero(table)
        return numbers.astype(np.uint32), table[numbers].astype(np.int64)
    known, counts = np.unique(terms, return_counts=True)
    return known, counts.astype(np.int64)


def _merged(one: _Run, other: _Run) -> _Run:
    both = np.concatenate([one[0], other[0]])
    known, places = np.unique(both, return_inverse=True)
    counts = np.zeros(len(known), np.int64)
    np.add.at(counts, places, np.concatenate([one[1], other[1]]))
    return known, counts
