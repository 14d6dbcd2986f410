"""zvec: an embedded database, with HNSW over sparse vectors or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..datasets.dataset import Floats
from ..datasets.sparse_dataset import SparseDataset, Terms
from ..peers import Build, Effort, grid
from ..peers.zvec import single_threaded

FIELD = "sparse"
FLAT = "flat"
SAVED = "collection"
_ROWS_AT_ONCE = 500


class ZvecPeer:
    name = "zvec"

    def __init__(self) -> None:
        self._library = single_threaded()

    def builds(self, dataset: SparseDataset) -> Sequence[Build]:
        # Its scan takes half a minute for a thousand queries over 60,000 documents; more would take hours.
        flat = [Build(FLAT, {})] if len(dataset.documents) <= 100_000 else []
        return [Build("m 16", {"m": 16, "ef_construction": 200}), *flat]

    def efforts(self, build: Build) -> Sequence[Effort]:
        return [Effort("", {})] if build.label == FLAT else grid(ef=(10, 20, 40, 80, 160, 320, 640))

    def prepare(self, dataset: SparseDataset, build: Build, folder: Path, scratch: Path) -> None:
        pass

    def build(self, dataset: SparseDataset, build: Build, folder: Path, scratch: Path) -> Callable[[], None]:
        library, rows = self._library, dataset.documents
        form = library.FlatIndexParam if build.label == FLAT else library.HnswIndexParam
        index = form(metric_type=library.MetricType.IP, **build.parameters)
        field = library.VectorSchema(FIELD, library.DataType.SPARSE_VECTOR_FP32, 0, index)
        schema = library.CollectionSchema(name="bench", fields=[], vectors=[field])
        collection = library.create_and_open(str(folder / SAVED), schema)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            documents = []
            for number in range(start, min(start + _ROWS_AT_ONCE, len(rows))):
                terms, weights = rows.row(number)
                vector = dict(zip(terms.tolist(), weights.tolist(), strict=True))
                documents.append(library.Doc(id=str(number), vectors={FIELD: vector}))
            collection.insert(documents)
        collection.optimize()
        return lambda: (collection.flush(), collection.close())[0]

    def open(self, dataset: SparseDataset, build: Build, folder: Path) -> ZvecSearcher:
        return ZvecSearcher(self._library, self._library.open(str(folder / SAVED)))


class ZvecSearcher:
    def __init__(self, library: Any, collection: Any) -> None:
        self._library = library
        self._collection = collection

    def asked(self, terms: Terms, weights: Floats) -> Any:
        return dict(zip(terms.tolist(), weights.tolist(), strict=True))

    def search(self, effort: Effort, k: int) -> Callable[[Any], Any]:
        query, form = self._collection.query, self._library.Query
        param = self._library.HnswQueryParam(**effort.parameters) if effort.parameters else None
        return lambda asked: query(form(FIELD, vector=asked, param=param), topk=k, output_fields=[])

    def rows(self, answer: Any) -> Iterable[int]:
        return [int(document.id) for document in answer]

    def close(self) -> None:
        self._collection.close()
