"""The words of a text field in the growing segment."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ...filters.conditions.scanned import Scanned
from ...filters.conditions.text import HasWords
from ...vector_kinds.growable_array import GrowableArray
from ..bitmaps import bitmap, joined, rows_of
from ..text_search import known_words, texts_having, texts_that_may


class GrowingWords:
    """The words of texts that are appended by one thread, and read by any."""

    __slots__ = ("_ends", "_in_order", "_known", "_rows")

    def __init__(self) -> None:
        # Of each word its number and the texts that have it.
        self._known: dict[str, tuple[int, array[int]]] = {}
        self._in_order = GrowableArray(np.uint32)
        self._ends = GrowableArray(np.int64)
        self._rows = GrowableArray(np.uint32)

    def extend(self, rows: NDArray[np.uint32], texts: Sequence[str]) -> None:
        """Append texts and the row of each, ascending."""
        known, in_order, ends = self._known, array("I"), np.empty(len(texts), np.int64)
        first = len(self._in_order)
        for place, text in enumerate(texts):
            number = len(self._ends) + place
            for word in known_words(text):
                found = known.get(word)
                if found is None:
                    found = known[word] = len(known), array("I")
                if not found[1] or found[1][-1] != number:
                    found[1].append(number)
                in_order.append(found[0])
            ends[place] = first + len(in_order)
        # A reader takes the number of texts from the rows, so the rest is there before them.
        self._in_order.extend(np.frombuffer(in_order, np.uint32))
        self._ends.extend(ends)
        self._rows.extend(rows)

    def rows_of(self, condition: Scanned, n_rows: int) -> BitMap:
        """Return the rows below ``n_rows`` for which a condition holds, or may where words do not tell."""
        rows = self._rows.view(len(self._rows))
        rows = rows[: np.searchsorted(rows, n_rows)]
        seen = _FirstTexts(self._known, self._in_order, self._ends.view(len(rows)))
        if isinstance(condition, HasWords):
            texts = texts_having(condition, seen)
        else:
            texts = texts_that_may(condition, seen, BitMap(range(len(rows))))
        return bitmap(rows[rows_of(texts)])


class _FirstTexts:
    """The words of as many texts as have an end."""

    def __init__(
        self, known: dict[str, tuple[int, array[int]]], in_order: GrowableArray, ends: NDArray[np.int64]
    ) -> None:
        self._known, self._in_order, self._ends = known, in_order, ends

    def having(self, word: str) -> BitMap:
        """Return the texts that have a word."""
        found = self._known.get(word)
        return BitMap() if found is None else self._below(found[1])

    def beginning(self, prefix: str) -> BitMap:
        """Return the texts with a word that begins so."""
        # A list at once, as words may come while it is looked at.
        found = (texts for word, (_, texts) in list(self._known.items()) if word.startswith(prefix))
        return joined(found, len(self._ends))

    def sequences(self, wanted: Sequence[str]) -> tuple[NDArray[Any], NDArray[Any], list[int]]:
        """Return the words of all texts in order, where each text ends, and the numbers of some words."""
        n_words = int(self._ends[-1]) if len(self._ends) else 0
        return self._in_order.view(n_words), self._ends, [self._known[word][0] for word in wanted]

    def _below(self, texts: array[int]) -> BitMap:
        # The slice is a copy made under the interpreter lock: no append can come between.
        return BitMap(texts[: bisect_left(texts, len(self._ends))])
