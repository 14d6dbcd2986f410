"""Conditions on the words of texts, and on how texts begin."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from ...text.words import words
from ..expression import TextMatch
from .scanned import Scanned, values_of


class OfTexts(Scanned):
    """A condition that holds where a text among the values is accepted."""

    __slots__ = ()

    def holds(self, found: Any) -> bool:
        """Whether one of the values found is such a text."""
        return any(type(value) is str and self.accepts(value) for value in values_of(found))

    @abstractmethod
    def accepts(self, text: str) -> bool:
        """Whether it holds of a text."""


@dataclass(frozen=True, slots=True)
class HasPrefix(OfTexts):
    """Holds where a text begins so, character by character."""

    key: str
    prefix: str

    def accepts(self, text: str) -> bool:
        """Whether a text begins so."""
        return text.startswith(self.prefix)


@dataclass(frozen=True, slots=True)
class HasWords(OfTexts):
    """Holds where a text has all the words, or ``any``, or the words in a ``row``; of no words, nowhere."""

    key: str
    words: tuple[str, ...]
    any: bool
    row: bool

    def accepts(self, text: str) -> bool:
        """Whether a text has them."""
        enough = any if self.any else all
        # Cutting a text takes longer than to see that the letters of a word are not in it.
        if text.isascii() and not enough(map(text.lower().__contains__, self.words)):
            return False
        there = words(text)
        if self.row:
            n = len(self.words)
            return n > 0 and any(tuple(there[at : at + n]) == self.words for at in range(len(there) - n + 1))
        return bool(self.words) and enough(word in there for word in self.words)


def text_condition(match: TextMatch) -> OfTexts:
    """Return the condition that a match asks for."""
    if match.how == "prefix":
        return HasPrefix(match.key, match.text)
    return HasWords(match.key, tuple(words(match.text)), match.how == "text_any", match.how == "phrase")
