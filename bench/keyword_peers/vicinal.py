"""This engine, through its public API as a user calls it: texts are written and asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import vicinal

from .peer import K1, B, Row, Text

if TYPE_CHECKING:
    from ...engine.database import Database

_FIELD, _TEXT, _COLLECTION = "body", "text", "bench"
_BATCH_ROWS = 1_000


class VicinalPeer:
    name = "vicinal"

    def build(self, documents: Sequence[Text], folder: Path) -> VicinalSearcher:
        database = vicinal.open(folder / "database")
        encoder = vicinal.Bm25(_TEXT, k1=K1, b=B)
        collection = database.create_collection(_COLLECTION, {_FIELD: vicinal.Sparse(encoder=encoder)})
        searcher = VicinalSearcher(database).replaced(dict(enumerate(documents)))
        collection.merge()
        return searcher


class VicinalSearcher:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._collection = database.collection(_COLLECTION)

    def asked(self, query: Text) -> Any:
        return query.written

    def search(self, asked: Any, k: int) -> Any:
        hits = self._collection.search(asked, k=k, field=_FIELD)
        return hits.ids, hits.scores

    def search_all(self, asked: Sequence[Any], k: int) -> Any:
        hits = self._collection.search(list(asked), k=k, field=_FIELD)
        return hits.ids, hits.scores

    def scores(self, answer: Any) -> NDArray[np.float64]:
        return np.asarray(answer[1], dtype=np.float64)

    def replaced(self, changed: Mapping[Row, Text]) -> VicinalSearcher:
        rows = list(changed)
        for start in range(0, len(rows), _BATCH_ROWS):
            some = rows[start : start + _BATCH_ROWS]
            self._collection.upsert(some, {}, [{_TEXT: changed[row].written} for row in some])
        self._collection.wait_indexed()
        return self

    def close(self) -> None:
        self._database.close()
