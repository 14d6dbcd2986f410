"""The words of a text field in a sealed segment: who has each, and in which order they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from .....storage.errors import CorruptionError
from ....filters.conditions.scanned import Scanned
from ....filters.conditions.text import HasWords
from ...bitmaps import bitmap, rows_of
from ...text_search import known_word, known_words, texts_having, texts_in_a_row, texts_that_may
from .dictionary import Dictionary, dictionary_arrays

Rows = NDArray[np.uint32]
# In the order in which :class:`Words` takes them.
ARRAYS = ("word", "word_end", "end", "text", "in_order", "text_end", "row")
# A word of so many texts has a bitmap, which is smaller and more quickly read than a list.
_BITMAP_FROM: Final = 4096
_SHORT_NUMBERS: Final = 1 << 16
# What it takes to compare a word of a text, in entries of an index.
_ENTRIES_A_WORD: Final = 20


def word_key(number: int) -> bytes:
    """Return the key of the texts that have a word that many have."""
    return b"w" + number.to_bytes(4, "big")


def word_arrays(texts: Sequence[str], rows: Rows) -> tuple[dict[str, NDArray[Any]], dict[bytes, BitMap]]:
    """Return the arrays of texts and the row of each, and the bitmaps of words that many of them have."""
    cut = [known_words(text) for text in texts]
    different = sorted({word for each in cut for word in each})
    number_of = {word: number for number, word in enumerate(different)}
    in_order = np.fromiter((number_of[word] for each in cut for word in each), np.int64)
    sizes = np.fromiter(map(len, cut), np.int64, len(cut))
    pairs = np.unique(in_order << 32 | np.repeat(np.arange(len(cut)), sizes))
    numbers, having = pairs >> 32, (pairs & 0xFFFFFFFF).astype(np.uint32)
    counts = np.bincount(numbers, minlength=len(different))
    ends = np.cumsum(counts)
    bitmaps = {
        word_key(number): bitmap(having[ends[number] - counts[number] : ends[number]])
        for number in np.flatnonzero(counts >= _BITMAP_FROM).tolist()
    }
    listed = counts < _BITMAP_FROM
    arrays = (
        *dictionary_arrays(different),
        np.cumsum(np.where(listed, counts, 0)),
        having[listed[numbers]],
        in_order.astype(np.uint16 if len(different) <= _SHORT_NUMBERS else np.uint32),
        np.cumsum(sizes),
        rows,
    )
    return dict(zip(ARRAYS, arrays, strict=True)), bitmaps


class Words:
    """The words of every text of a field. Immutable.

    Parameters
    ----------
    stored : callable
        Returns the set that is stored for a key.
    arrays
        Those of ``ARRAYS``.
    """

    def __init__(self, stored: Callable[[bytes], BitMap], *arrays: NDArray[Any]) -> None:
        data, word_ends, self._ends, self._texts, self._in_order, self._text_ends, self._rows = arrays
        self._words = Dictionary(data, word_ends)
        self._stored = stored
        for ends, of, n in (
            (self._ends, self._texts, len(self._words)),
            (self._text_ends, self._in_order, len(self._rows)),
        ):
            if len(ends) != n or (ends[-1] if n else 0) != len(of):
                raise CorruptionError("segment", f"{len(of)} words of {n} end at {ends.shape}")

    def rows_of(self, condition: Scanned) -> BitMap:
        """Return the rows with a text for which a condition holds, or may hold where words do not tell."""
        if isinstance(condition, HasWords):
            texts = texts_having(condition, self)
        else:
            texts = texts_that_may(condition, self, BitMap(range(len(self._rows))))
        # Rows of texts ascend.
        return bitmap(self._rows[rows_of(texts)])

    def entries(self, condition: HasWords) -> int:
        """Return about how many entries are read for a condition."""
        counts = [self._count(word) for word in map(known_word, condition.words)]
        if not condition.row or len(counts) < 2:
            return sum(counts)
        # The words of all texts that have each of them are compared.
        return sum(counts) + _ENTRIES_A_WORD * min(counts) * len(self._in_order) // max(len(self._rows), 1)

    def those_with(self, condition: HasWords, among: BitMap) -> BitMap | None:
        """Return those of a few rows with a text that has words in a row; None where that is not asked."""
        if not condition.row or len(condition.words) < 2:
            return None
        rows = rows_of(among)
        starts, stops = (np.searchsorted(self._rows, rows, side) for side in ("left", "right"))
        sizes = stops - starts
        texts = np.arange(int(sizes.sum())) + np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)
        wanted = [self._words.find(known_word(word)) for word in condition.words]
        if None in wanted:
            return BitMap()
        numbers = [number for number in wanted if number is not None]
        return bitmap(self._rows[texts_in_a_row(texts, self._in_order, self._text_ends, numbers)])

    def having(self, word: str) -> BitMap:
        """Return the texts that have a word."""
        number = self._words.find(word)
        return BitMap() if number is None else self._having(number)

    def beginning(self, prefix: str) -> BitMap:
        """Return the texts with a word that begins so."""
        first, stop = self._words.beginning(prefix)
        if first == stop:
            return BitMap()
        ends = self._ends[first - 1 : stop] if first else np.concatenate([[0], self._ends[:stop]])
        frequent = (first + np.flatnonzero(np.diff(ends) == 0)).tolist()
        listed = bitmap(np.sort(self._texts[int(ends[0]) : int(ends[-1])]))
        return BitMap.union(listed, *(self._stored(word_key(number)) for number in frequent))

    def sequences(self, wanted: Sequence[str]) -> tuple[NDArray[Any], NDArray[Any], list[int]]:
        """Return the words of all texts in order, where each text ends, and the numbers of some words."""
        numbers = [number for word in wanted if (number := self._words.find(word)) is not None]
        return self._in_order, self._text_ends, numbers

    def _count(self, word: str) -> int:
        number = self._words.find(word)
        if number is None:
            return 0
        start = int(self._ends[number - 1]) if number else 0
        return int(self._ends[number]) - start or max(_BITMAP_FROM, len(self._rows) >> 3)

    def _having(self, number: int) -> BitMap:
        start, end = int(self._ends[number - 1]) if number else 0, int(self._ends[number])
        return self._stored(word_key(number)) if start == end else bitmap(self._texts[start:end])
