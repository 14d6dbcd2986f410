"""Keyword search: the encoder that makes the vectors of a sparse field from texts of the payload."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...indexes.rows.saturation import Saturation
from ..errors import InvalidArgument
from .names import checked_path
from .strict_json import checked_object


@dataclass(frozen=True, init=False, slots=True)
class Bm25:
    """Makes vectors of the texts in a payload field and scores them by BM25, so that no model is needed.

    The vector of a point has a term for each word of its text, in lower case and brought to its stem, and how
    often it is there. A search takes a text. Points that share no term with it are not found; others score
    the sum over the terms that they share of ``idf * tf / (tf + k1 * (1 - b + b * length / average))``, which
    is Lucene's BM25: ``tf`` is how often the term is in the point's text, ``length`` how many terms that has,
    ``average`` how many the texts have that live, and ``idf`` is ``ln(1 + (n - df + 0.5) / (df + 0.5))`` of
    ``n`` such texts, ``df`` of which have the term. In a partitioned collection all of these are the tenant's
    alone, and every write changes them at once.

    Words are runs of letters, digits and underscores in any script; a Chinese character or a Japanese kana is
    a word of its own, and other scripts without spaces are not cut. No word is left out for being frequent:
    its ``idf`` makes it count for next to nothing, and names such as "The Who" are found.

    Parameters
    ----------
    text : str
        Dotted path in the payload to a text or a list of texts, as paths of filters. A point that has none
        there has no vector.
    language : str or None
        Of the stemmer, Snowball's; None for words as they are.
    k1 : float
        How slowly a term that is there more often counts for more; 0 or more.
    b : float
        How much long texts are held against; 0 to 1.

    Raises
    ------
    InvalidArgument
        The path is none, there is no stemmer of the language, or a number is out of range.
    """

    text: str
    language: str | None
    k1: float
    b: float

    name: ClassVar[str] = "bm25"

    def __init__(
        self, text: str, *, language: str | None = "english", k1: float = 1.2, b: float = 0.75
    ) -> None:
        object.__setattr__(self, "text", checked_path(text, "the text of Bm25"))
        object.__setattr__(self, "language", _checked_language(language))
        object.__setattr__(self, "k1", _checked_number("k1", k1, math.inf))
        object.__setattr__(self, "b", _checked_number("b", b, 1.0))

    @property
    def saturation(self) -> Saturation:
        """What an index makes of term frequencies."""
        return Saturation(self.k1, self.b)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of this encoder."""
        parameters = {"text": self.text, "language": self.language, "k1": self.k1, "b": self.b}
        return {"name": self.name, **parameters}


def encoder_from_json(value: Any, what: str) -> Bm25 | None:
    """Return the encoder that :meth:`Bm25.to_json` described, None for None; ``what`` names it in errors.

    Raises
    ------
    InvalidArgument
        It is not called bm25, a key is unknown or missing, or a value is out of range.
    """
    if value is None:
        return None
    if isinstance(value, Mapping) and value.get("name") != Bm25.name:
        raise InvalidArgument(
            f"{what} is named {value.get('name')!r:.80}; expected {Bm25.name!r}", field=what
        )
    record = checked_object(value, what, required=["name", "text", "language", "k1", "b"])
    return Bm25(record["text"], language=record["language"], k1=record["k1"], b=record["b"])


def _checked_language(language: Any) -> str | None:
    if language is None:
        return None
    # Only here: who makes no such field loads no stemmers.
    from ..text.analyzer import languages

    known = languages()
    if not isinstance(language, str) or language not in known:
        raise InvalidArgument(
            f"language is {language!r:.80}; there are stemmers for {', '.join(known)}; pass None for words "
            "as they are",
            field="language",
        )
    return str(language)


def _checked_number(name: str, value: Any, most: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= most or not math.isfinite(value):
        expected = "0 or more" if most == math.inf else f"from 0 to {most:g}"
        raise InvalidArgument(f"{name} is {value!r:.80}; expected a number, {expected}", field=name)
    return float(value)
