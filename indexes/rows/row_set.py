"""Sets of rows of one segment, in the forms that kernels read."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from .addresses import address
from .bits import Bitset, extent, listed, of_bitmap


class RowSet:
    """An immutable set of row numbers of a segment of ``n`` rows.

    Built by :meth:`from_bitmap`, :meth:`from_words`, :meth:`from_range` or :meth:`everything`. The bitset and
    the list are made when first asked for and then kept.
    """

    def __init__(
        self,
        n: int,
        *,
        bounds: tuple[int, int] | None,
        rows: NDArray[np.uint32] | None,
        bitmap: BitMap | None = None,
        words: NDArray[np.uint64] | None = None,
        count: int = 0,
    ) -> None:
        self.n = n
        self._rows = rows
        self._bounds = bounds
        self._bitmap = bitmap
        self._words = words
        if bounds is not None:
            self.count = bounds[1] - bounds[0]
        elif words is not None:
            self.count = count
        else:
            self.count = len(bitmap) if bitmap is not None else 0 if rows is None else len(rows)

    @classmethod
    def from_bitmap(cls, bitmap: BitMap, n: int) -> RowSet:
        """Take the row numbers of a roaring bitmap, all of which must be below ``n``.

        The bitmap is kept, and not to be changed any more.
        """
        count = len(bitmap)
        if count == 0:
            return cls(n, bounds=(0, 0), rows=None)
        first, last = int(bitmap.min()), int(bitmap.max())
        if last >= n:
            raise ValueError(f"bitmap holds row {last}; the segment has {n} rows")
        if last - first + 1 == count:
            return cls(n, bounds=(first, last + 1), rows=None)
        return cls(n, bounds=None, rows=None, bitmap=bitmap)

    @classmethod
    def from_words(cls, words: Bitset, n: int) -> RowSet:
        """Take the bits that are set, all below ``n``.

        The words are kept, and not to be changed any more.
        """
        count, first, behind = extent(words)
        if behind > n:
            raise ValueError(f"bitset holds row {behind - 1}; the segment has {n} rows")
        if behind - first == count:
            return cls(n, bounds=(first, behind), rows=None)
        found = cls(n, bounds=None, rows=None, words=words, count=count)
        found.span = first, behind
        return found

    @classmethod
    def from_range(cls, lo: int, hi: int, n: int) -> RowSet:
        """Take the rows ``lo <= row < hi``."""
        if not 0 <= lo <= hi <= n:
            raise ValueError(f"range [{lo}, {hi}) does not lie within [0, {n})")
        return cls(n, bounds=(lo, hi), rows=None)

    @classmethod
    def everything(cls, n: int) -> RowSet:
        """Take all rows."""
        return cls.from_range(0, n, n)

    def part(self, start: int, stop: int) -> RowSet:
        """Return the rows from place ``start`` to ``stop`` of those in the set, in ascending order."""
        if self._bounds is not None:
            first = self._bounds[0]
            return RowSet.from_range(first + start, first + stop, self.n)
        return RowSet(self.n, bounds=None, rows=self.rows[start:stop])

    def without(self, rows: NDArray[np.int64]) -> RowSet:
        """Return the set without some rows of the segment, each given once, which need not be in it.

        That copies the bitset and changes a word for each row: nothing else is made of all rows.
        """
        words = self.words.copy()
        places, bits = rows >> 6, np.uint64(1) << (rows & 63).astype(np.uint64)
        removed = int(np.count_nonzero(words[places] & bits))
        np.bitwise_and.at(words, places, ~bits)
        if removed == self.count:
            return RowSet.from_range(0, 0, self.n)
        return RowSet(self.n, bounds=None, rows=None, words=words, count=self.count - removed)

    def __len__(self) -> int:
        return self.count

    @property
    def bounds(self) -> tuple[int, int] | None:
        """``(lo, hi)`` when the rows are contiguous, else None."""
        return self._bounds

    @cached_property
    def span(self) -> tuple[int, int]:
        """``(lo, hi)`` from the first row to behind the last one, of a set that is not empty."""
        if self._bounds is not None:
            return self._bounds
        if self._bitmap is not None:
            return int(self._bitmap.min()), int(self._bitmap.max()) + 1
        return int(self.rows[0]), int(self.rows[-1]) + 1

    @cached_property
    def rows(self) -> NDArray[np.uint32]:
        """The rows in ascending order."""
        if self._rows is not None:
            return self._rows
        if self._bitmap is not None:
            return np.frombuffer(self._bitmap.to_array(), np.uint32)
        if self._words is not None:
            return listed(self._words, self.count)
        assert self._bounds is not None
        return np.arange(*self._bounds, dtype=np.uint32)

    @cached_property
    def located_rows(self) -> tuple[NDArray[np.uint32], np.uint64]:
        """The rows and their address, as :attr:`located_words`."""
        rows = self.rows
        return rows, address(rows)

    @cached_property
    def located_words(self) -> tuple[NDArray[np.uint64], np.uint64]:
        """The words and their address, which takes a while to look up.

        Held together while a kernel reads them: of two threads that ask first each may make its own.
        """
        words = self.words
        return words, address(words)

    @cached_property
    def words(self) -> NDArray[np.uint64]:
        """One bit per row of the segment, row 0 lowest in word 0: ``ceil(n / 64)`` words."""
        if self._words is not None:
            return self._words
        if self._bitmap is not None:
            return of_bitmap(self._bitmap, self.n)
        bits = np.zeros(-(-self.n // 64) * 64, np.bool_)
        if self._bounds is not None:
            bits[self._bounds[0] : self._bounds[1]] = True
        else:
            bits[self.rows] = True
        return np.packbits(bits, bitorder="little").view(np.uint64)
