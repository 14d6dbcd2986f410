"""What the bench asks of an engine of keyword search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

K1, B = 1.2, 0.75

Row = int
Asked = Any


@dataclass(frozen=True)
class Text:
    """A document or a query: as it is written, and the terms in it."""

    written: str
    terms: Sequence[str]


class KeywordSearcher(Protocol):
    """Documents that can be searched."""

    def asked(self, query: Text) -> Asked:
        """Bring a query into the form that the engine takes; not timed."""
        ...

    def search(self, asked: Asked, k: int) -> Any:
        """Answer one query; timed."""
        ...

    def search_all(self, asked: Sequence[Asked], k: int) -> Any:
        """Answer many queries in the best way there is on one thread; timed."""
        ...

    def scores(self, answer: Any) -> NDArray[np.float64]:
        """Return the scores in the answer to one query, best first."""
        ...

    def replaced(self, changed: Mapping[Row, Text]) -> KeywordSearcher:
        """Return what searches the documents after some were replaced, by their number."""
        ...

    def close(self) -> None:
        """Let go of what was built."""
        ...


class KeywordPeer(Protocol):
    """An engine to measure. It scores by Lucene's BM25 with `K1` and `B`."""

    @property
    def name(self) -> str: ...

    def build(self, documents: Sequence[Text], folder: Path) -> KeywordSearcher:
        """Index documents; what needs files has an empty folder for them."""
        ...
