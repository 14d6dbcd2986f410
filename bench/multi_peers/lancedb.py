"""lancedb: inverted lists of product-quantized tokens, the best of which may be compared in full."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.dataset import Floats
from ..datasets.multi.dataset import MultiDataset
from ..peers import Build, Effort, grid
from .peer import SCAN, each_alone

TABLE, ROW, FIELD = "bench", "row", "tokens"
IVF_PQ = "IVF-PQ"


class LancedbPeer:
    """It compares by the cosine alone: tokens are taken to be of unit length."""

    name = "lancedb"

    def __init__(self) -> None:
        self._library, self._arrow = import_module("lancedb"), import_module("pyarrow")
        self._index = import_module("lancedb.index")
        logging.getLogger("lancedb").setLevel(logging.ERROR)

    def builds(self, dataset: MultiDataset) -> Sequence[Build]:
        return [Build(IVF_PQ, {}), Build(SCAN, {})]

    def efforts(self, build: Build) -> Sequence[Effort]:
        if build.label == SCAN:
            return [Effort("exact", {})]
        return grid(nprobes=(4, 8, 16, 32, 64), refine_factor=(0, 4, 16, 50))

    def prepare(self, dataset: MultiDataset, build: Build, folder: Path, scratch: Path) -> None:
        arrow, rows = self._arrow, dataset.documents
        numbers = arrow.array(np.asarray(rows.tokens).reshape(-1))
        tokens = arrow.FixedSizeListArray.from_arrays(numbers, dataset.dim)
        column = arrow.ListArray.from_arrays(arrow.array(rows.offsets.astype(np.int32)), tokens)
        table = arrow.table({ROW: arrow.array(np.arange(len(rows))), FIELD: column})
        self._library.connect(str(folder)).create_table(TABLE, table)

    def build(self, dataset: MultiDataset, build: Build, folder: Path, scratch: Path) -> Callable[[], None]:
        table = self._library.connect(str(folder)).open_table(TABLE)
        if build.label == IVF_PQ:
            table.create_index(FIELD, config=self._index.IvfPq(distance_type="cosine"))
        return lambda: None

    def open(self, dataset: MultiDataset, build: Build, folder: Path) -> LancedbSearcher:
        return LancedbSearcher(self._library.connect(str(folder)).open_table(TABLE))


class LancedbSearcher:
    def __init__(self, table: Any) -> None:
        self._table = table

    def asked(self, tokens: Floats) -> Any:
        return tokens

    def search(self, effort: Effort, k: int) -> Callable[[Any], Any]:
        table, probes = self._table, effort.parameters.get("nprobes")
        refined = effort.parameters.get("refine_factor")

        def search(asked: Any) -> Any:
            query = table.search(asked, vector_column_name=FIELD).limit(k).select([ROW, "_distance"])
            if probes is None:
                query = query.distance_type("cosine").bypass_vector_index()
            else:
                query = query.nprobes(probes)
            if refined:
                query = query.refine_factor(refined)
            return query.to_arrow()

        return search

    def search_all(self, effort: Effort, k: int) -> Callable[[Sequence[Any]], Sequence[Any]]:
        return each_alone(self.search(effort, k))

    def rows(self, answer: Any) -> Iterable[int]:
        rows: Iterable[int] = answer[ROW].to_pylist()
        return rows

    def close(self) -> None:
        del self._table
