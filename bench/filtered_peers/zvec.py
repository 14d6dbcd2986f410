"""zvec: an embedded database, with inverted indexes of its fields and HNSW or lists of the vectors."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...engine.filters.notations.qdrant_json import filter_to_json
from ..datasets import Dataset
from ..datasets.dataset import Floats
from ..filtered.cells import Question
from ..filtered.searcher import Answering
from ..filtered.shapes import MadePayloads
from ..peers import Effort, grid
from ..peers.lists import number_of_lists
from ..peers.peer import PROBES
from ..peers.zvec import METRICS, single_threaded
from .peer import filtered_widths

FIELD = "vector"
M, EF_CONSTRUCTION, BITS = 16, 200, 7
_ROWS_AT_ONCE = 500
# It looks for no more values in a list.
_MOST_VALUES = 32
_CODED_DIMS = range(64, 4096)
_BOUNDS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


class ZvecPeer:
    name = "zvec"

    def __init__(self) -> None:
        self._library = single_threaded()

    def build(
        self, data: Dataset, payloads: MadePayloads, threads: int, scratch: Path
    ) -> Iterator[ZvecSearcher]:
        library = self._library
        metric = getattr(library.MetricType, METRICS[data.metric])
        lists = number_of_lists(data.rows)
        graph = library.HnswIndexParam(metric_type=metric, m=M, ef_construction=EF_CONSTRUCTION)
        builds = {"zvec HNSW": graph}
        if data.dim in _CODED_DIMS:
            coded = library.IvfRabitqIndexParam(metric_type=metric, nlist=lists, total_bits=BITS)
            builds["zvec IVF"] = coded
        for name, index in builds.items():
            collection = self._loaded(data, payloads, index, Path(tempfile.mkdtemp(dir=scratch)), threads)
            yield ZvecSearcher(name, library, collection, data, payloads, lists)

    def _loaded(self, data: Dataset, payloads: MadePayloads, index: Any, folder: Path, threads: int) -> Any:
        library = self._library
        schema = library.CollectionSchema(
            name="bench",
            fields=[self._field(name, kind, payloads) for name, kind in payloads.fields.items()],
            vectors=[library.VectorSchema(FIELD, library.DataType.VECTOR_FP32, data.dim, index)],
        )
        collection = library.create_and_open(str(folder / "collection"), schema)
        known = payloads.fields.keys()
        for start in range(0, data.rows, _ROWS_AT_ONCE):
            stop = min(start + _ROWS_AT_ONCE, data.rows)
            documents = [
                library.Doc(
                    id=str(row),
                    vectors={FIELD: data.peer_vectors[row]},
                    fields={key: value for key, value in payload.items() if key in known},
                )
                for row, payload in zip(range(start, stop), payloads.of(start, stop), strict=True)
            ]
            collection.insert(documents)
        collection.optimize(library.OptimizeOption(concurrency=threads))
        collection.flush()
        return collection

    def _field(self, name: str, kind: str, payloads: MadePayloads) -> Any:
        types, numeric = self._library.DataType, kind == "integer"
        texts = types.ARRAY_STRING if name in payloads.lists else types.STRING
        inverted = self._library.InvertIndexParam(enable_range_optimization=numeric)
        index = None if kind == "text" else inverted
        return self._library.FieldSchema(name, types.INT64 if numeric else texts, True, index)


class ZvecSearcher:
    by_rows = False

    def __init__(
        self,
        name: str,
        library: Any,
        collection: Any,
        data: Dataset,
        payloads: MadePayloads,
        lists: int,
    ) -> None:
        self.name = name
        self._library, self._collection, self._data = library, collection, data
        self._payloads, self._lists = payloads, lists

    def queries(self) -> Floats:
        return self._data.peer_queries

    def efforts(self, k: int, matches: int) -> Sequence[Effort]:
        if self.name == "zvec HNSW":
            # It takes no wider walk.
            return grid(ef=[width for width in filtered_widths(k, self._data.rows) if width <= 2048])
        probes = [*(one for one in PROBES if one < self._lists), self._lists]
        return grid(is_using_refiner=(True,), scale_factor=(4.0,), nprobe=probes)

    def under(self, question: Question) -> Answering | None:
        told = translated(filter_to_json(question.filter), self._payloads.lists)
        if told is None:
            return None
        library, ask = self._library, self._collection.query
        form = library.HnswQueryParam if self.name == "zvec HNSW" else library.IvfRabitqQueryParam

        def answer(query: Floats, k: int, effort: Effort) -> list[int]:
            asked = library.Query(FIELD, vector=query, param=form(**effort.parameters))
            return [int(one.id) for one in ask(asked, topk=k, filter=told, output_fields=[])]

        return answer

    def close(self) -> None:
        self._collection.close()


def translated(told: Mapping[str, Any], lists: frozenset[str]) -> str | None:
    """Return a filter in the engine's words; None of negation, words in texts and many values."""
    if "key" not in told:
        ((name, found),) = told.items()
        clauses = [translated(one, lists) for one in found]
        if name == "must_not" or None in clauses:
            return None
        return (" and " if name == "must" else " or ").join(f"({clause})" for clause in clauses)
    key = told["key"]
    if "range" in told:
        return " and ".join(f"{key} {_BOUNDS[bound]} {value}" for bound, value in told["range"].items())
    ((name, value),) = told["match"].items()
    wanted = [value] if name == "value" else value
    if name == "text" or len(wanted) > _MOST_VALUES:
        return None
    values = ", ".join(f"'{one}'" for one in wanted)
    return f"{key} contain_any ({values})" if key in lists else f"{key} in ({values})"
