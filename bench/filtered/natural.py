"""Filters on the payload fields that the data has, as people would write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset, DatasetError

if TYPE_CHECKING:
    from ...engine.filters.expression import Filter

# A natural filter passes about the wanted share: neither 1.6 times more nor less.
TOLERATED = 1.6


@dataclass(frozen=True)
class NaturalFilter:
    """A filter on one payload field and the rows that pass it, found without the engine.

    Attributes
    ----------
    level : float
        The share of the rows that it was to pass.
    text : str
    expression : Filter
    rows : ndarray
        int64, ascending.
    """

    level: float
    text: str
    expression: Filter
    rows: NDArray[np.int64]


def natural_filters(dataset: Dataset, levels: Sequence[float]) -> list[NaturalFilter]:
    """For every indexed field and level, the filter whose share of rows comes nearest, if it comes near."""
    if dataset.payloads is None or not dataset.fields:
        raise DatasetError(f"{dataset.name} has no payload fields to filter on")
    found = []
    for level in levels:
        for field, kind in dataset.fields.items():
            values = [payload.get(field) for payload in dataset.payloads]
            made = _keyword(field, values, level) if kind == "keyword" else _threshold(field, values, level)
            share = 0.0 if made is None else len(made.rows) / dataset.rows
            if made is not None and 1 / TOLERATED <= share / level <= TOLERATED:
                found.append(made)
    return found


def _keyword(field: str, values: list[Any], level: float) -> NaturalFilter | None:
    from ...engine.filters.field import F

    counts = Counter(value for value in values if isinstance(value, str))
    wanted = level * len(values)
    if not counts:
        return None
    nearest = min(counts, key=lambda value: abs(np.log(counts[value] / wanted)))
    if 1 / TOLERATED <= counts[nearest] / wanted <= TOLERATED:
        rows = np.flatnonzero([value == nearest for value in values])
        return NaturalFilter(level, f"{field} == {nearest!r}", F(field) == nearest, rows)
    chosen: list[str] = []
    total = 0
    for value, count in counts.most_common():
        if total + count <= wanted:
            chosen.append(value)
            total += count
    if not chosen:
        return None
    rows = np.flatnonzero([value in chosen for value in values])
    text = f"{field} in {chosen[0]!r} and {len(chosen) - 1} more"
    return NaturalFilter(level, text, F(field).is_in(chosen), rows)


def _threshold(field: str, values: list[Any], level: float) -> NaturalFilter | None:
    from ...engine.filters.field import F

    numbers = np.array(
        [value if isinstance(value, int | float) else np.nan for value in values], dtype=np.float64
    )
    known = np.sort(numbers[~np.isnan(numbers)])
    if not len(known):
        return None
    least = known[max(0, len(known) - max(1, round(level * len(values))))]
    bound = int(least) if least.is_integer() else float(least)
    rows = np.flatnonzero(numbers >= bound)
    return NaturalFilter(level, f"{field} >= {bound}", F(field) >= bound, rows)
