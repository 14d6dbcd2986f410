"""Conditions on the words of texts, and on how texts begin."""

from __future__ import annotations

import re
from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...schema.payload_field import FieldType
from ...text.words import words
from ..expression import TextMatch
from .scanned import Scanned, values_of


class OfTexts(Scanned):
    """A condition that holds where a text among the values is accepted."""

    __slots__ = ()

    def holds(self, found: Any) -> bool:
        """Whether one of the values found is such a text."""
        return any(type(value) is str and self.accepts(value) for value in values_of(found))

    @property
    def suggested(self) -> FieldType:
        """Texts."""
        return FieldType.KEYWORD

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

    @property
    def suggested(self) -> FieldType:
        """Texts by their words."""
        return FieldType.TEXT

    def accepts(self, text: str) -> bool:
        """Whether a text has them."""
        enough = any if self.any else all
        # Cutting a text takes longer than to see that the letters of a word are not in it.
        if text.isascii() and not enough(map(text.lower().__contains__, self.words)):
            return False
        there = words(text)
        if self.row:
            # No word has a space, and a text is found in a text as quickly where words repeat.
            return bool(self.words) and f" {' '.join(self.words)} " in f" {' '.join(there)} "
        return bool(self.words) and enough(word in there for word in self.words)


@dataclass(frozen=True, slots=True)
class IsLike(OfTexts):
    """Holds where a whole text looks as a pattern says; see ``expression.TextMatch``."""

    key: str
    pattern: str

    def accepts(self, text: str) -> bool:
        """Whether a text looks so."""
        first, *others = _pieces(self.pattern)
        if not others:
            return first.expression.fullmatch(text) is not None
        last, at = others.pop(), first.length
        if first.expression.match(text) is None:
            return False
        # What lies between is taken as early as it can be, so that the rest has the most room: one reading.
        for piece in others:
            found = piece.expression.search(text, at)
            if found is None:
                return False
            at = found.end()
        end = len(text) - last.length
        return end >= at and last.expression.match(text, end) is not None

    @property
    def literal(self) -> str:
        """The longest run of characters that is in every text that is accepted."""
        runs = (run for piece in _pieces(self.pattern) for run in piece.runs)
        return max(runs, key=len, default="")


@dataclass(frozen=True, slots=True)
class _Piece:
    """What stands between two ``%``: how long it is, its runs of characters, and what finds it."""

    length: int
    runs: tuple[str, ...]
    expression: re.Pattern[str]


_TOKENS = re.compile(r"\\?(.)", re.DOTALL)


@lru_cache(64)
def _pieces(pattern: str) -> tuple[_Piece, ...]:
    # None is any one character.
    pieces: list[list[str | None]] = [[]]
    for token in _TOKENS.finditer(pattern):
        match token[0]:
            case "%":
                pieces.append([])
            case "_":
                pieces[-1].append(None)
            case _:
                pieces[-1].append(token[1])
    return tuple(map(_piece, pieces))


def _piece(characters: list[str | None]) -> _Piece:
    expression = "".join("." if each is None else re.escape(each) for each in characters)
    runs = "".join("\0" if each is None else each for each in characters).split("\0")
    return _Piece(len(characters), tuple(runs), re.compile(expression, re.DOTALL))


def text_condition(match: TextMatch) -> OfTexts:
    """Return the condition that a match asks for."""
    if match.how == "like":
        return IsLike(match.key, match.text)
    if match.how == "prefix":
        return HasPrefix(match.key, match.text)
    return HasWords(match.key, tuple(words(match.text)), match.how == "text_any", match.how == "phrase")
