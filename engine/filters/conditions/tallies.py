"""How many rows have each value of a payload field without an index, over columns of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import nsmallest
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .columns import FieldColumn

Chosen: TypeAlias = NDArray[np.bool_] | None
"""Which positions of a column are asked for; None for all."""

Counted: TypeAlias = list[tuple[Any, int]]
"""Values, and how many rows have each."""


class Tally:
    """Counts values by their own JSON types: true is not 1, and 1 is 1.0."""

    def __init__(self) -> None:
        self._bools: dict[bool, int] = {}
        self._numbers: dict[int | float, int] = {}
        self._texts: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many values there are."""
        return len(self._bools) + len(self._numbers) + len(self._texts)

    def add(self, column: FieldColumn, chosen: Chosen) -> None:
        """Add the chosen rows of a column, each once for a value though a list repeats it."""
        for truth, rows in ((False, column.false), (True, column.true)):
            _add(self._bools, [(truth, len(np.unique(_of_chosen(rows, chosen))))])
        numbers = [
            (values[_is_chosen(rows, chosen)], _of_chosen(rows, chosen)) for values, rows in column.numbers
        ]
        if _share_rows([rows for _, rows in numbers]):
            # One row may have 1 and 1.0.
            pairs = {
                (row, value)
                for values, rows in numbers
                for row, value in zip(rows.tolist(), values.tolist(), strict=True)
            }
            _add(self._numbers, ((value, 1) for _, value in pairs))
        else:
            for values, rows in numbers:
                found, counts = np.unique(_once(values, rows), return_counts=True)
                _add(self._numbers, zip(found.tolist(), counts.tolist(), strict=True))
        is_chosen, texts = _is_chosen(column.text_rows, chosen), list(column.texts)
        codes = _once(column.codes[is_chosen], column.text_rows[is_chosen])
        counts = np.bincount(codes, minlength=len(texts)).tolist()
        _add(self._texts, zip(texts, counts, strict=True))

    def ranked(self, limit: int | None) -> Counted:
        """Return the most frequent values: of equal counts false before true, numbers, texts, each rising."""
        kinds: tuple[Mapping[Any, int], ...] = self._bools, self._numbers, self._texts
        ranked = [
            (-count, kind, value)
            for kind, counted in enumerate(kinds)
            for value, count in most_frequent(counted, limit)
        ]
        return [(value, -count) for count, _, value in sorted(ranked)[:limit]]


class Ends:
    """The least and the most number of columns, and the first and the last of the texts that are times."""

    def __init__(self) -> None:
        self._numbers: list[int | float] = []
        self._times: list[tuple[int, str]] = []

    def add(self, column: FieldColumn, chosen: Chosen) -> None:
        """Add the chosen rows of a column."""
        for values, rows in column.numbers:
            some = values[_is_chosen(rows, chosen)]
            if len(some):
                self._numbers = _ends([*self._numbers, some.min().item(), some.max().item()])
        if self._numbers or not column.texts:
            return
        there = np.zeros(len(column.texts), np.bool_)
        there[column.codes[_is_chosen(column.text_rows, chosen)]] = True
        moments, is_time = column.times
        for text, moment, counts in zip(
            column.texts, moments.tolist(), (there & is_time).tolist(), strict=True
        ):
            if counts:
                self._times.append((moment, text))
        self._times = _ends(self._times)

    def found(self) -> tuple[Any, Any] | None:
        """Return the two, of numbers if there is any; None where there is neither a number nor a time."""
        found: list[Any] = self._numbers or [text for _, text in self._times]
        return (found[0], found[-1]) if found else None


def most_frequent(counted: Mapping[Any, int], limit: int | None) -> Counted:
    """Return the most frequent of values that can be compared, the least first where counts are equal."""
    if limit is None or len(counted) <= limit:
        return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    counts = np.fromiter(counted.values(), np.int64, len(counted))
    least = int(np.partition(counts, -limit)[-limit])
    above = [(value, count) for value, count in counted.items() if count > least]
    ties = nsmallest(limit - len(above), (value for value, count in counted.items() if count == least))
    return sorted(above, key=lambda pair: (-pair[1], pair[0])) + [(value, least) for value in ties]


def _ends(values: list[Any]) -> list[Any]:
    return [min(values), max(values)] if values else []


def _add(counted: dict[Any, int], more: Iterable[tuple[Any, int]]) -> None:
    for value, count in more:
        if count:
            counted[value] = counted.get(value, 0) + count


def _is_chosen(rows: NDArray[np.uint16], chosen: Chosen) -> NDArray[np.bool_] | slice:
    return slice(None) if chosen is None else chosen[rows]


def _of_chosen(rows: NDArray[np.uint16], chosen: Chosen) -> NDArray[np.uint16]:
    found: NDArray[np.uint16] = rows[_is_chosen(rows, chosen)]
    return found


def _share_rows(rows: list[NDArray[np.uint16]]) -> bool:
    return len(rows) > 1 and sum(len(np.unique(some)) for some in rows) > len(np.unique(np.concatenate(rows)))


def _once(values: NDArray[Any], rows: NDArray[np.uint16]) -> NDArray[Any]:
    """Return the values of the different pairs of a value and a row."""
    if (rows[1:] > rows[:-1]).all():
        return values
    order = np.lexsort((rows, values))
    values, rows = values[order], rows[order]
    first = np.ones(len(rows), np.bool_)
    first[1:] = (values[1:] != values[:-1]) | (rows[1:] != rows[:-1])
    return values[first]
