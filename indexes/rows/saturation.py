"""Saturation: how BM25 makes a weight of a term frequency."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Saturation:
    """The parameters of BM25 that belong to documents, as Lucene counts.

    A term that stands ``tf`` times in a document of so many terms has the weight ``tf / (tf + k1 * (1 - b +
    b * length / average))``, which rises with ``tf`` to 1.

    Parameters
    ----------
    k1
        How slowly weights rise; 0 or more.
    b
        How much a document's length counts; 0 to 1.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """

    k1: float = 1.2
    b: float = 0.75

    def __post_init__(self) -> None:
        if not 0 <= self.k1 < math.inf:
            raise ValueError(f"k1 is {self.k1!r}; expected a number from 0 on")
        if not 0 <= self.b <= 1:
            raise ValueError(f"b is {self.b!r}; expected a number from 0 to 1")
