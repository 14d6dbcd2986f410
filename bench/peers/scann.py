"""ScaNN: lists of anisotropic product codes of 4 bits, scored again by 8-bit codes or by the vectors."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..datasets import Dataset
from ..datasets.dataset import Floats
from .lists import number_of_lists
from .peer import PROBES, Build, Effort, Ids, Work, grid

METRICS = {"cosine": "dot_product", "dot": "dot_product", "l2": "squared_l2"}
# What its authors use for unit vectors under dot products; it offers neither under distances.
ANISOTROPIC_THRESHOLD = 0.2
SOAR = {"soar_lambda": 1.5, "overretrieve_factor": 1.8}
DIMENSIONS_A_CODE = 2
TRAINED_ROWS = 250_000
# Candidates that are scored again, for each result.
RESCORED = (1, 2, 3, 4, 6, 10, 20)
# The searches name their own; these only have to be below the rows.
USUAL = 10


class ScannPeer:
    name = "scann"

    def __init__(self) -> None:
        self._library = import_module("scann")

    def builds(self, dataset: Dataset) -> Sequence[Build]:
        lists = number_of_lists(dataset.rows)
        spills = (False,) if dataset.metric == "l2" else (False, True)
        return [
            Build(
                f"IVF{lists}{' SOAR' if soar else ''} AH {kept}", {"lists": lists, "soar": soar, "kept": kept}
            )
            for soar in spills
            for kept in ("INT8", "FLOAT32")
        ]

    def efforts(self, build: Build, k: int) -> Sequence[Effort]:
        probes = [probes for probes in PROBES if probes <= build.parameters["lists"]]
        return grid(rescored=[k * factor for factor in RESCORED], leaves=probes)

    def queries(self, dataset: Dataset) -> Floats:
        return dataset.peer_queries

    def build(self, dataset: Dataset, build: Build, threads: int, scratch: Path) -> ScannSearcher:
        metric, chosen = METRICS[dataset.metric], build.parameters
        builder = self._library.scann_ops_pybind.builder(dataset.peer_vectors, USUAL, metric)
        searcher = (
            builder.set_n_training_threads(threads)
            .tree(
                num_leaves=chosen["lists"],
                num_leaves_to_search=USUAL,
                training_sample_size=min(dataset.rows, TRAINED_ROWS),
                quantize_centroids=True,
                **(SOAR if chosen["soar"] else {}),
            )
            .score_ah(
                DIMENSIONS_A_CODE,
                **(
                    {}
                    if metric == "squared_l2"
                    else {"anisotropic_quantization_threshold": ANISOTROPIC_THRESHOLD}
                ),
            )
            .reorder(USUAL, quantize=getattr(self._library.ReorderType, chosen["kept"]))
            .build()
        )
        return ScannSearcher(searcher, scratch)


class ScannSearcher:
    def __init__(self, searcher: Any, scratch: Path) -> None:
        self._searcher = searcher
        self._scratch = scratch

    def search(self, queries: Floats, k: int, effort: Effort, threads: int) -> Ids:
        ask = self._searcher.search_batched
        if threads > 1:
            self._searcher.set_num_threads(threads)
            ask = self._searcher.search_batched_parallel
        ids: Ids = ask(queries, k, effort.parameters["rescored"], effort.parameters["leaves"])[0]
        return ids

    def search_one(self, query: Floats, k: int, effort: Effort) -> Ids:
        knobs = effort.parameters
        ids: Ids = self._searcher.search(query, k, knobs["rescored"], knobs["leaves"])[0]
        return ids

    def bytes_in_memory(self) -> int:
        # Files have a byte for every code of 4 bits, of which searches read two in a byte.
        files = self._files()
        return sum(files.values()) - sum(
            size // 2 for name, size in files.items() if name.startswith("hashed")
        )

    def bytes_on_disk(self) -> int:
        return sum(self._files().values())

    def _files(self) -> dict[str, int]:
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            self._searcher.serialize(folder)
            return {file.name: file.stat().st_size for file in Path(folder).iterdir()}

    def work(self, queries: Floats, k: int, effort: Effort) -> Work:
        return Work()

    def close(self) -> None:
        del self._searcher
