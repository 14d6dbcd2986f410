"""The values of an ordered field in a sealed segment, each with its row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from .....indexes.rows import bits
from .....indexes.rows.bits import Bitset
from .....storage.errors import CorruptionError
from ....filters.canonical import Canonical
from ...bitmaps import bitmap, bitmap_of_mask
from .keys import BUCKETS_FROM, bucket_size

Rows = NDArray[np.uint32]
Slice = tuple[int, int]
# Sorting more than this share of the rows takes longer than to look at a byte of each.
_FEW: Final = 64


def ordered_arrays(values: NDArray[Any], rows: Rows, n_rows: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of values and the row of each, rows ascending, in a segment of ``n_rows`` rows."""
    order = np.argsort(values, kind="stable")
    arrays: dict[str, NDArray[Any]] = {"value": values[order], "row": rows[order]}
    if len(rows) >= BUCKETS_FROM and (rows[1:] > rows[:-1]).all():
        buckets = np.zeros(n_rows, np.uint8)
        buckets[arrays["row"]] = 1 + np.arange(len(rows)) // bucket_size(len(rows))
        arrays["bucket"] = buckets
    return arrays


class Ordered:
    """Every value of a field, ascending, and its row. Immutable.

    Parameters
    ----------
    path : str
    values, rows : (m,)
    buckets : (n_rows,) uint8, optional
        In which part of the values that of each row is, from 1 on, 0 being none.
    n_rows : int
    """

    def __init__(
        self, path: str, values: NDArray[Any], rows: Rows, buckets: NDArray[np.uint8] | None, n_rows: int
    ) -> None:
        if values.shape != rows.shape or rows.dtype != np.uint32:
            raise CorruptionError(
                "segment", f"field {path!r} has values {values.shape} for rows {rows.dtype} {rows.shape}"
            )
        if buckets is not None and (buckets.dtype != np.uint8 or buckets.shape != (n_rows,)):
            raise CorruptionError(
                "segment", f"field {path!r} has buckets {buckets.dtype} {buckets.shape} of {n_rows} rows"
            )
        self.values, self.rows = values, rows
        self._path, self._buckets, self._n_rows = path, buckets, n_rows

    def between(self, lo: Canonical | None, lo_open: bool, hi: Canonical | None, hi_open: bool) -> Slice:
        """Return where the values between the bounds begin and end."""
        start, stop = 0, len(self.values)
        if lo is not None:
            start = int(np.searchsorted(self.values, lo, side="right" if lo_open else "left"))
        if hi is not None:
            stop = int(np.searchsorted(self.values, hi, side="left" if hi_open else "right"))
        return start, max(start, stop)

    def slices(
        self, values: Sequence[Canonical] | NDArray[Any]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where each of some values begins and ends."""
        wanted = np.asarray(values, self.values.dtype)
        starts, stops = (np.searchsorted(self.values, wanted, side) for side in ("left", "right"))
        return starts, stops

    def set_of(self, start: int, stop: int) -> BitMap:
        """Return the rows of a slice."""
        if (stop - start) * _FEW < self._n_rows or self._buckets is None:
            return self._set_of(self.rows[start:stop])
        first, last, rest = self._whole(start, stop)
        mask = self._buckets - np.uint8(first) < np.uint8(last - first)
        for begin, end in rest:
            mask[self.rows[begin:end]] = True
        return bitmap_of_mask(mask)

    def those_in(self, rows: NDArray[np.int64], start: int, stop: int) -> NDArray[np.int64] | None:
        """Return which of some rows have their value in a slice; None where rows may have several."""
        if self._buckets is None:
            return None
        first, last, rest = self._whole(start, stop)
        buckets, size = self._buckets[rows], bucket_size(len(self.rows))
        found = buckets - np.uint8(first) < np.uint8(last - first)
        # Of the buckets at either end a part is in the slice.
        perhaps = ~found & (buckets > start // size) & (buckets <= 1 + (stop - 1) // size)
        if perhaps.any():
            ends = np.concatenate([self.rows[begin:end] for begin, end in rest])
            found[perhaps] = np.isin(rows[perhaps], ends)
        return rows[found]

    def set_of_slices(self, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> BitMap:
        """Return the rows of many slices."""
        slices = zip(starts.tolist(), stops.tolist(), strict=True)
        return self._set_of(np.concatenate([self.rows[:0], *(self.rows[lo:hi] for lo, hi in slices)]))

    def _set_of(self, rows: Rows) -> BitMap:
        if len(rows) * _FEW < self._n_rows:
            # A bitmap takes ascending rows more than ten times as fast as scattered ones.
            return bitmap(np.sort(rows))
        mask = np.zeros(self._n_rows, np.bool_)
        mask[rows] = True
        return bitmap_of_mask(mask)

    def bits_of(self, start: int, stop: int) -> Bitset:
        """Return the rows of a slice as a bitset."""
        rest = [(start, stop)]
        if self._buckets is None:
            words = np.zeros(bits.n_words(self._n_rows), np.uint64)
        else:
            first, last, rest = self._whole(start, stop)
            words = bits.of_codes(self._buckets, first, last)
        begins, ends = np.array(rest, np.int64).reshape(-1, 2).T.copy()
        return self._with_slices(words, begins, ends)

    def bits_of_slices(self, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> Bitset:
        """Return the rows of many slices as a bitset."""
        return self._with_slices(np.zeros(bits.n_words(self._n_rows), np.uint64), starts, stops)

    def _with_slices(self, words: Bitset, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> Bitset:
        if not bits.add_slices(words, self._n_rows, self.rows, starts, stops):
            raise CorruptionError("segment", f"field {self._path!r} has values of rows that are not there")
        return words

    def _whole(self, start: int, stop: int) -> tuple[int, int, list[Slice]]:
        """Return the first and the end of the buckets that lie in a slice, and what else is in it."""
        size = bucket_size(len(self.rows))
        first, last = -(-start // size), stop // size
        if stop == len(self.rows):
            # The last bucket may be shorter.
            last = -(-stop // size)
        if first >= last:
            return 1, 1, [(start, stop)]
        return 1 + first, 1 + last, [(start, first * size), (min(last * size, stop), stop)]
