"""qdrant-edge: Qdrant inside the process, with an index of each payload field, with and without ACORN."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ...engine.filters.notations.qdrant_json import filter_to_json
from ..datasets import Dataset
from ..datasets.dataset import Floats
from ..filtered.cells import Question
from ..filtered.searcher import Answering
from ..filtered.shapes import MadePayloads
from ..kept_peers.qdrant_edge import config
from ..peers import Effort
from .peer import filtered_widths

FIELD = "vector"
DISTANCES = {"cosine": "Cosine", "dot": "Dot", "l2": "Euclid"}
M, EF_CONSTRUCTION = 16, 200
# In kilobytes; the engine's own default for filters that few points pass.
_FULL_SCAN = 10_000
_ROWS_AT_ONCE = 1000
# Up to the share of points that pass it walks by two steps at once; the engine's own default.
_ACORN_UP_TO = 0.4


class QdrantEdgePeer:
    name = "qdrant-edge"

    def __init__(self) -> None:
        self._library = import_module("qdrant_edge")

    def build(
        self, data: Dataset, payloads: MadePayloads, threads: int, scratch: Path
    ) -> Iterator[QdrantEdgeSearcher]:
        library = self._library
        hnsw = library.HnswIndexConfig(M, EF_CONSTRUCTION, _FULL_SCAN, threads)
        distance = getattr(library.Distance, DISTANCES[data.metric])
        field = library.EdgeVectorParams(data.dim, distance, hnsw_config=hnsw)
        folder = tempfile.mkdtemp(dir=scratch)
        shard = library.EdgeShard.create(folder, config(library, 1, vectors={FIELD: field}))
        update, operation = shard.update, library.UpdateOperation
        for name, kind in payloads.fields.items():
            update(operation.create_field_index(name, getattr(library.PayloadSchemaType, kind.capitalize())))
        for start in range(0, data.rows, _ROWS_AT_ONCE):
            stop = min(start + _ROWS_AT_ONCE, data.rows)
            vectors = data.vectors[start:stop].tolist()
            made = zip(range(start, stop), vectors, payloads.of(start, stop), strict=True)
            update(
                operation.upsert_points(
                    [library.Point(row, {FIELD: vector}, payload) for row, vector, payload in made]
                )
            )
        shard.optimize()
        yield QdrantEdgeSearcher(library, shard, data, acorn=False)
        yield QdrantEdgeSearcher(library, shard, data, acorn=True)


class QdrantEdgeSearcher:
    by_rows = False

    def __init__(self, library: Any, shard: Any, data: Dataset, *, acorn: bool) -> None:
        self._library, self._shard, self._data, self._acorn = library, shard, data, acorn
        self.name = "qdrant-edge ACORN" if acorn else "qdrant-edge"

    def queries(self) -> Floats:
        return self._data.queries

    def efforts(self, k: int, matches: int) -> Sequence[Effort]:
        acorn = self._library.AcornSearchParams(True, _ACORN_UP_TO) if self._acorn else None
        widths = filtered_widths(k, self._data.rows)
        return [Effort(f"hnsw_ef {width}", {"hnsw_ef": width, "acorn": acorn}) for width in widths]

    def under(self, question: Question) -> Answering:
        library, ask = self._library, self._shard.query
        request, nearest = library.QueryRequest, library.Query.Nearest
        condition = translated(library, filter_to_json(question.filter))
        told = condition if isinstance(condition, library.Filter) else library.Filter(must=[condition])

        def answer(query: Floats, k: int, effort: Effort) -> list[int]:
            params = library.SearchParams(**effort.parameters)
            asked = nearest(query.tolist(), using=FIELD)
            return [point.id for point in ask(request(limit=k, query=asked, filter=told, params=params))]

        return answer

    def close(self) -> None:
        if not self._acorn:
            self._shard.close()


def translated(library: Any, told: Mapping[str, Any]) -> Any:
    """Return a filter in Qdrant's JSON as the library's own objects."""
    if "key" not in told:
        clauses = {name: [translated(library, one) for one in found] for name, found in told.items()}
        return library.Filter(**clauses)
    if "range" in told:
        return library.FieldCondition(told["key"], range=library.RangeFloat(**told["range"]))
    ((name, value),) = told["match"].items()
    form = {"value": library.MatchValue, "any": library.MatchAny, "text": library.MatchText}[name]
    return library.FieldCondition(told["key"], match=form(value))
