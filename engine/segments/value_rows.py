"""Which rows have which value in an indexed payload field, as arrays that are counted at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What a text takes beside its characters.
_BYTES_OF_TEXT = 60


@dataclass(frozen=True, slots=True, eq=False)
class ValueRows:
    """The values of a field in some rows, and the rows of each, laid end to end. Immutable.

    Attributes
    ----------
    values : list of str or bool, or (v,) array
        Ascending, each with at least one row.
    rows : (m,) uint32
        The rows of each value, ascending; a row is once among those of a value.
    starts : (v,) int64
        Where the rows of each begin.
    """

    values: Sequence[Any] | NDArray[Any]
    rows: NDArray[np.uint32]
    starts: NDArray[np.int64]

    @classmethod
    def of_pairs(cls, values: NDArray[Any], rows: NDArray[np.uint32]) -> ValueRows:
        """Return the rows of each value of ascending pairs, equal values by row, of which some may repeat."""
        begins, again = np.ones(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
        begins[1:] = values[1:] != values[:-1]
        again[1:] = ~begins[1:] & (rows[1:] == rows[:-1])
        if again.any():
            values, rows, begins = values[~again], rows[~again], begins[~again]
        starts = np.flatnonzero(begins)
        return cls(values[starts], rows, starts)

    @classmethod
    def of_lists(cls, values: Sequence[Any], rows: Sequence[NDArray[np.uint32]]) -> ValueRows:
        """Return the same of ascending values and the ascending rows of each, of which some may repeat."""
        sizes = np.fromiter(map(len, rows), np.int64, len(rows))
        joined = np.concatenate([np.empty(0, np.uint32), *rows])
        found = cls.of_pairs(np.repeat(np.arange(len(values)), sizes), joined)
        kept = values if len(found.values) == len(values) else [values[code] for code in found.values]
        return cls(kept, found.rows, found.starts)

    @property
    def nbytes(self) -> int:
        """Bytes in memory, of texts about, but for the rows."""
        values = self.values
        if isinstance(values, np.ndarray):
            return int(values.nbytes + self.starts.nbytes)
        return int(self.starts.nbytes) + sum(_BYTES_OF_TEXT + len(str(value)) for value in values)

    def counts(self, chosen: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Return how many of the rows that are chosen by number have each value; None chooses all."""
        if chosen is None or not len(self.rows):
            return np.diff(self.starts, append=len(self.rows))
        counts: NDArray[np.int64] = np.add.reduceat(
            chosen[self.rows].view(np.uint8), self.starts, dtype=np.int64
        )
        return counts

    def first_row(self, value: Any, chosen: NDArray[np.bool_] | None) -> int | None:
        """Return the first chosen row that has a value of an array of them, None when none has."""
        values: Any = self.values
        at = int(np.searchsorted(values, value))
        if at == len(values) or values[at] != value:
            return None
        stop = self.starts[at + 1] if at + 1 < len(values) else len(self.rows)
        rows = self.rows[self.starts[at] : stop]
        if chosen is not None:
            rows = rows[chosen[rows]]
        return int(rows[0]) if len(rows) else None
