"""The texts of a keyword field in a sealed segment, each with its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....indexes.rows.bits import Bitset, add_slices, n_words
from .....storage.errors import CorruptionError
from ....filters.conditions.scanned import OtherThan, Scanned
from ....filters.conditions.text import HasPrefix, IsLike, OfTexts
from ....filters.expression import AnyOf, Filter, Match
from .dictionary import Dictionary, dictionary_arrays

Rows = NDArray[np.uint32]
# In the order in which :class:`Keywords` takes them.
ARRAYS = ("text", "text_end", "end", "row")
# What it takes to look at a different text, in entries of an index.
_ENTRIES_A_TEXT = 90


def keyword_arrays(texts: Sequence[str], ends: NDArray[np.int64], rows: Rows) -> dict[str, NDArray[Any]]:
    """Return the arrays of texts in ascending order, of which each has the rows up to where they end."""
    return dict(zip(ARRAYS, (*dictionary_arrays(texts), ends, rows), strict=True))


class Keywords:
    """Every text of a field and the rows that have it. Immutable."""

    def __init__(self, data: NDArray[Any], text_ends: NDArray[Any], ends: NDArray[Any], rows: Rows) -> None:
        self._texts = Dictionary(data, text_ends)
        n = len(self._texts)
        if ends.shape != (n,) or rows.dtype != np.uint32 or (ends[-1] if n else 0) != len(rows):
            raise CorruptionError("segment", f"{n} texts have {len(rows)} rows, which end at {ends.shape}")
        self._ends, self._rows = ends, rows

    def rows_of(self, condition: Scanned) -> Rows:
        """Return the rows of which a text satisfies a condition, in no order; a row may occur twice."""
        match condition:
            case HasPrefix(_, prefix):
                first, stop = self._texts.beginning(prefix)
                return self._rows[self._start(first) : self._start(stop)]
            case OtherThan(_, excluded):
                chosen = np.ones(len(self._texts), np.bool_)
                chosen[
                    [number for text in excluded.texts if (number := self._texts.find(text)) is not None]
                ] = False
                return self._rows_of(chosen)
            case OfTexts():
                having = condition.literal if isinstance(condition, IsLike) else ""
                chosen = np.zeros(len(self._texts), np.bool_)
                chosen[self._texts.accepted(condition.accepts, having)] = True
                return self._rows_of(chosen)
        raise AssertionError(f"{type(condition).__name__} is not about texts")

    def entries(self, condition: Filter) -> int:
        """Return about how many entries are read for a condition."""
        match condition:
            case Match(_, value):
                return self.count(str(value))
            case AnyOf(_, values):
                # As if they were as frequent as others: to look all up is half of the work.
                return len(values) * len(self._rows) // max(len(self._texts), 1)
            case HasPrefix(_, prefix):
                first, stop = self._texts.beginning(prefix)
                return self._start(stop) - self._start(first)
            case OfTexts():
                return _ENTRIES_A_TEXT * len(self._texts) + len(self._rows)
        return len(self._rows)

    def count(self, text: str) -> int:
        """Return how many rows have a text."""
        number = self._texts.find(text)
        return 0 if number is None else int(self._ends[number]) - self._start(number)

    def bits_of(self, texts: Sequence[str], n_rows: int) -> Bitset:
        """Return which of ``n_rows`` rows have one of some texts, as a bitset."""
        numbers = self._texts.find_all(texts)
        stops = self._ends[numbers]
        starts = np.where(numbers > 0, self._ends[numbers - 1], 0)
        words = np.zeros(n_words(n_rows), np.uint64)
        within = (starts >= 0) & (starts <= stops) & (stops <= len(self._rows))
        if not within.all() or not add_slices(words, n_rows, self._rows, starts, stops):
            raise CorruptionError("segment", f"rows of texts lie beyond {len(self._rows)} or {n_rows} rows")
        return words

    def _start(self, number: int) -> int:
        return int(self._ends[number - 1]) if number else 0

    def _rows_of(self, chosen: NDArray[np.bool_]) -> Rows:
        return self._rows[np.repeat(chosen, np.diff(self._ends, prepend=0))]
