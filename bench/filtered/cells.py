"""The cells of the matrix: queries with the filters of their groups, and the exact answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..harness.truth import Truth, exact_truth
from .groups import QueryGroups
from .natural import natural_filters
from .orders import RowOrder
from .shapes import NATURAL, Level, levels_of

if TYPE_CHECKING:
    from ...engine.filters.expression import Filter

# Local selectivity is measured on the nearest hundredth of the rows, on so many at most and at least.
_LOCAL_SHARE, _LOCAL_LEAST, _LOCAL_MOST = 100, 100, 1000


@dataclass(frozen=True, eq=False)
class Question:
    """One filter, and the queries of the groups that have it in common.

    Attributes
    ----------
    queries : slice
    shape : str
    filter : Filter
    rows : ndarray
        int64, ascending: which pass.
    """

    queries: slice
    shape: str
    filter: Filter
    rows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Passing:
    """The rows that pass for each group, as many for one as for another.

    Attributes
    ----------
    selectivity : float
    correlation : float or None
        None where it was not chosen.
    rows : tuple of ndarray
        Of each group.
    levels : tuple of Level
        Of each group; none of a natural filter, which is itself known instead.
    local : float
        The share that passes of the rows nearest to a query.
    """

    selectivity: float
    correlation: float | None
    rows: tuple[NDArray[np.int64], ...]
    local: float
    levels: tuple[Level, ...] = ()
    text: str | None = None
    natural: Filter | None = None

    @property
    def matches(self) -> int:
        return len(self.rows[0])

    def questions(self, groups: QueryGroups, shape: str) -> list[Question]:
        """Return the filters of a shape; groups that have the same one are asked together."""
        slices = list(groups.slices())
        if self.natural is not None:
            return [Question(slice(0, slices[-1].stop), NATURAL, self.natural, self.rows[0])]
        if len({id(level) for level in self.levels}) == 1:
            whole = slice(0, slices[-1].stop)
            return [Question(whole, shape, self.levels[0].expression(shape), self.rows[0])]
        return [
            Question(queries, shape, level.expression(shape), rows)
            for queries, level, rows in zip(slices, self.levels, self.rows, strict=True)
        ]


class Matrix:
    """What passes at each selectivity and correlation.

    Parameters
    ----------
    groups : QueryGroups
    orders : sequence of RowOrder
    selectivities : sequence of float
    """

    def __init__(
        self, groups: QueryGroups, orders: Sequence[RowOrder], selectivities: Sequence[float]
    ) -> None:
        self._groups = groups
        self._selectivities = selectivities
        self.levels = levels_of(orders, selectivities)
        n = groups.data.rows
        near = min(n, _LOCAL_MOST, max(_LOCAL_LEAST, n // _LOCAL_SHARE))
        self._near = exact_truth(groups.data, near).ids

    def made(self) -> Iterator[Passing]:
        """Yield what the orders let pass, by correlation and rising selectivity."""
        by_cell: dict[tuple[float, float], list[Level]] = {}
        for levels in self.levels:
            for level in levels:
                by_cell.setdefault((level.order.correlation, level.selectivity), []).append(level)
        for (correlation, selectivity), found in sorted(by_cell.items(), key=lambda item: item[0]):
            of_group = tuple(found) if len(found) > 1 else tuple(found) * len(self._groups)
            passing = {id(level): level.order.passing(level.count) for level in found}
            rows = tuple(passing[id(level)] for level in of_group)
            yield Passing(selectivity, correlation, rows, self._local(rows), of_group)

    def natural(self) -> Iterator[Passing]:
        """Yield what filters on the data's own fields let pass, as far as some come near a selectivity."""
        for one in natural_filters(self._groups.data, self._selectivities):
            rows = (one.rows,) * len(self._groups)
            yield Passing(one.level, None, rows, self._local(rows), text=one.text, natural=one.expression)

    def truth(self, passing: Passing, k: int) -> Truth:
        """Return the nearest rows that pass, of as many as there are where those are fewer than k."""
        wanted = min(k, passing.matches)
        data, parts = self._groups.data, []
        for queries, rows in zip(self._groups.slices(), passing.rows, strict=True):
            parts.append(exact_truth(data, wanted, rows=rows, asked=queries))
        return Truth(
            np.concatenate([part.ids for part in parts]), np.concatenate([part.scores for part in parts])
        )

    def _local(self, rows: Sequence[NDArray[np.int64]]) -> float:
        shares = []
        for queries, passing in zip(self._groups.slices(), rows, strict=True):
            member = np.zeros(self._groups.data.rows, bool)
            member[passing] = True
            shares.append(member[self._near[queries]].mean())
        return float(np.mean(shares))


def measured_correlation(local: float, selectivity: float) -> float:
    """Return (r - 1) / (r + 1), r how many times as many rows pass near the queries as on the whole."""
    return (local - selectivity) / (local + selectivity)


def part_of(truth: Truth, k: int) -> Truth:
    """Return the exact answers of fewer neighbours."""
    return truth if truth.k <= k else Truth(truth.ids[:, :k], truth.scores[:, :k])
