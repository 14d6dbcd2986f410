"""Which texts have the words that a filter asks for, over what a segment knows of its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from hashlib import blake2b
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from .. import deadline
from ..filters.conditions.scanned import EqualsOne, Scanned
from ..filters.conditions.text import HasPrefix, HasWords
from ..text.words import words
from .bitmaps import bitmap, rows_of

MAX_WORD_BYTES: Final = 128
"""A longer word is known by its beginning and a digest."""
_KEPT_CHARACTERS: Final = 16
# Texts whose words are compared at once.
_TEXTS_AT_ONCE: Final = 1 << 14


class TextWords(Protocol):
    """The words of some texts, which are numbered."""

    def having(self, word: str) -> BitMap:
        """Return the texts that have a word, as :func:`known_word` spells it."""

    def beginning(self, prefix: str) -> BitMap:
        """Return the texts with a word that begins so."""

    def sequences(self, wanted: Sequence[str]) -> tuple[NDArray[Any], NDArray[Any], list[int]]:
        """Return the numbers of the words of all texts in order, where each text ends, and those of some."""


def known_word(word: str) -> str:
    """Return a word as it is known, at most ``MAX_WORD_BYTES`` long; different ones stay different."""
    if len(word) <= MAX_WORD_BYTES // 4 or len(word.encode()) <= MAX_WORD_BYTES:
        return word
    # No word has a space.
    return f"{word[:_KEPT_CHARACTERS]} {blake2b(word.encode(), digest_size=16).hexdigest()}"


def known_words(text: str) -> list[str]:
    """Return the words of a text as they are known."""
    return list(map(known_word, words(text)))


def texts_having(condition: HasWords, source: TextWords) -> BitMap:
    """Return the texts for which a condition holds."""
    wanted = list(map(known_word, condition.words))
    if condition.any:
        return BitMap.union(BitMap(), *map(source.having, dict.fromkeys(wanted)))
    found = _having_all(wanted, source)
    if not condition.row or len(wanted) < 2 or not found:
        return found
    in_order, ends, numbers = source.sequences(wanted)
    parts = (texts_in_a_row(some, in_order, ends, numbers) for some in _parts(rows_of(found)))
    return bitmap(np.concatenate(list(parts)))


def texts_that_may(condition: Scanned, source: TextWords, everything: BitMap) -> BitMap:
    """Return texts among which are all those for which a condition on whole texts holds."""
    match condition:
        case EqualsOne():
            asked = map(known_words, condition.texts)
            return BitMap.union(
                BitMap(), *(_having_all(known, source) if known else everything for known in asked)
            )
        case HasPrefix(_, prefix) if prefix.isascii():
            return _may_begin(prefix, source, everything)
    return everything


def _may_begin(prefix: str, source: TextWords, everything: BitMap) -> BitMap:
    # What follows may go on with the last word, and change its last letter by a mark; no word before that.
    *whole, last = words(prefix) or [""]
    begun = last[:-1] if prefix[-1:].isalnum() or prefix.endswith("_") else None
    if begun is None and last:
        whole.append(last)
    found = _having_all(list(map(known_word, whole)), source) if whole else everything
    return found & source.beginning(begun[:_KEPT_CHARACTERS]) if begun and found else found


def _having_all(wanted: Sequence[str], source: TextWords) -> BitMap:
    sets: list[BitMap] = []
    for word in dict.fromkeys(wanted):
        sets.append(source.having(word))
        if not sets[-1]:
            return BitMap()
    return reduce(BitMap.__and__, sorted(sets, key=len)) if sets else BitMap()


def _parts(texts: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    return (texts[start : start + _TEXTS_AT_ONCE] for start in range(0, len(texts), _TEXTS_AT_ONCE))


def texts_in_a_row(
    texts: NDArray[np.int64], in_order: NDArray[Any], ends: NDArray[Any], wanted: list[int]
) -> NDArray[np.int64]:
    """Return which of some texts have the wanted words in a row."""
    stops = ends[texts].astype(np.int64)
    starts = np.where(texts > 0, ends[texts - 1], 0).astype(np.int64)
    sizes = stops - starts
    of_text = np.repeat(np.arange(len(texts)), sizes)
    places = np.arange(int(sizes.sum())) + np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)
    for ahead, number in enumerate(wanted):
        deadline.check()
        there = places + ahead < stops[of_text]
        places, of_text = places[there], of_text[there]
        there = in_order[places + ahead] == number
        places, of_text = places[there], of_text[there]
    found: NDArray[np.int64] = texts[np.unique(of_text)]
    return found
