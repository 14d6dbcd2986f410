"""From texts to terms: words in lower case, brought to their stems."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import Stemmer

from ...storage.catalog.vocabulary import MAX_TOKEN_BYTES
from ...storage.columns.tokens import TokenColumn
from .words import words

# Stems of so many words are remembered, of a language: its usual ones and some names.
_MOST_STEMS = 1 << 17
_LONGEST_REMEMBERED = 40


def languages() -> list[str]:
    """Return the languages that have a stemmer, sorted."""
    return sorted(Stemmer.algorithms())


class Analyzer:
    """Makes terms of texts in one language, or without stems in any. Safe under threads."""

    def __init__(self, language: str | None) -> None:
        self._stemmer = None if language is None else Stemmer.Stemmer(language, 0)
        self._lock = threading.Lock()
        self._stems: dict[str, str] = {}

    def stem(self, word: str) -> str:
        """Return the term of a word in lower case."""
        term = self._stems.get(word)
        if term is not None:
            return term
        if self._stemmer is None:
            term = word
        else:
            # A stemmer works in buffers of its own.
            with self._lock:
                # A word of which nothing would be left stays.
                term = self._stemmer.stemWord(word) or word
        if len(term) > MAX_TOKEN_BYTES // 4:
            term = term.encode()[:MAX_TOKEN_BYTES].decode(errors="ignore")
        if len(word) <= _LONGEST_REMEMBERED:
            if len(self._stems) >= _MOST_STEMS:
                self._stems.clear()
            self._stems[word] = term
        return term

    def counts(self, parts: Iterable[str]) -> dict[str, int]:
        """Return how often each term is in a text, which comes in parts.

        A term that is longer than a token may be is cut.
        """
        stems = self._stems
        counts: dict[str, int] = {}
        for part in parts:
            for word in words(part):
                term = stems.get(word) or self.stem(word)
                counts[term] = counts.get(term, 0) + 1
        return counts

    def counted(self, texts: Sequence[Iterable[str]]) -> TokenColumn:
        """Return how often each term is in each of some texts, as :meth:`counts` does of one."""
        terms: dict[str, int] = {}
        numbers: list[int] = []
        times: list[int] = []
        indptr = [0]
        for parts in texts:
            counts = self.counts(parts)
            numbers += [terms.setdefault(term, len(terms)) for term in counts]
            times += counts.values()
            indptr.append(len(numbers))
        return TokenColumn(
            list(terms), np.array(indptr), np.array(numbers, np.uint32), np.array(times, np.float32)
        )


@lru_cache
def analyzer(language: str | None) -> Analyzer:
    """Return the analyzer of a language, the same for all that ask."""
    return Analyzer(language)
