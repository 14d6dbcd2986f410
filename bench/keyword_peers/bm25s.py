"""bm25s: scores of all pairs of a term and a document, computed ahead; by its numba backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .peer import K1, B, Row, Text


class Bm25sPeer:
    name = "bm25s"

    def __init__(self) -> None:
        self._library = import_module("bm25s")

    def build(self, documents: Sequence[Text], folder: Path) -> Bm25sSearcher:
        index = self._library.BM25(method="lucene", k1=K1, b=B, backend="numba")
        index.index([list(one.terms) for one in documents], show_progress=False)
        return Bm25sSearcher(self, index, documents, folder)


class Bm25sSearcher:
    def __init__(self, peer: Bm25sPeer, index: Any, documents: Sequence[Text], folder: Path) -> None:
        self._peer, self._index, self._documents, self._folder = peer, index, documents, folder

    def asked(self, query: Text) -> Any:
        return list(query.terms)

    def search(self, asked: Any, k: int) -> Any:
        return self.search_all([asked], k)

    def search_all(self, asked: Sequence[Any], k: int) -> Any:
        return self._index.retrieve(list(asked), k=k, show_progress=False, n_threads=1)

    def scores(self, answer: Any) -> NDArray[np.float64]:
        scores = np.asarray(answer.scores[0], dtype=np.float64)
        # What shares no term with the query fills it up with nothing.
        positive: NDArray[np.float64] = scores[scores > 0]
        return positive

    def replaced(self, changed: Mapping[Row, Text]) -> Bm25sSearcher:
        """Index all documents again: there is no other way."""
        documents = [changed.get(row, text) for row, text in enumerate(self._documents)]
        return self._peer.build(documents, self._folder)

    def close(self) -> None:
        del self._index
