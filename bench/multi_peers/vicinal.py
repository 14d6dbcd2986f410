"""This engine, through its public API as a user calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import vicinal

from ...indexes.registry import spec_class
from ..datasets.dataset import Floats
from ..datasets.multi.dataset import MultiDataset, part_of
from ..kept_peers.vicinal import COLLECTION, VicinalKept, VicinalKeptSearcher
from ..peers import Build, Effort
from .peer import SCAN

if TYPE_CHECKING:
    from ...engine.collection import Collection
    from ...engine.database import Database
    from ...indexes.protocol import IndexSpec

FIELD = "tokens"
BATCH_ROWS = 5_000
RECALLS = (0.80, 0.90, 0.95, 0.99)
# Of indexes that score candidates exactly: how many.
CANDIDATES = "candidates"
WIDTHS = (10, 14, 20, 28, 40, 60, 80, 112, 160, 224, 320, 448, 640, 896, 1_280, 1_792, 2_560)
# What is built unless indexes are given: those of these names that there are.
_SCANS, _INDEXES = "flat", ("token-lists", "muvera")


def usual_indexes() -> dict[str, IndexSpec]:
    """Return the indexes of multi-vectors that are registered, by label, the scan first."""
    found: dict[str, IndexSpec] = {SCAN: spec_class(_SCANS)()}
    for name in _INDEXES:
        try:
            found[name] = spec_class(name)()
        except ValueError:
            continue
    return found


class VicinalPeer(VicinalKept):
    """Builds the given indexes, by label, or all there are."""

    def __init__(self, indexes: Mapping[str, IndexSpec] | None = None, element: str = "float16") -> None:
        self.indexes = usual_indexes() if indexes is None else dict(indexes)
        self._element = element

    def builds(self, dataset: MultiDataset) -> Sequence[Build]:
        return [
            Build(label, {"index": spec.to_json(), "element": self._element})
            for label, spec in self.indexes.items()
        ]

    def efforts(self, build: Build) -> Sequence[Effort]:
        if getattr(self.indexes[build.label], "exact", False):
            return [Effort("exact", {})]
        promised = [Effort(f"recall {one}", {"recall": one}, promised=True) for one in RECALLS]
        knobs = [{CANDIDATES: width} for width in WIDTHS]
        try:
            self.indexes[build.label].knobs(knobs[0])
        except ValueError:
            return promised
        return [*promised, *(Effort(f"{CANDIDATES} {one[CANDIDATES]}", {"effort": one}) for one in knobs)]

    def prepare(self, dataset: MultiDataset, build: Build, folder: Path, scratch: Path) -> None:
        with vicinal.open(folder) as database:
            write(self._create(database, build, dataset.dim), dataset)

    def open(self, dataset: MultiDataset, build: Build, folder: Path) -> VicinalSearcher:
        return VicinalSearcher(vicinal.open(folder))

    def _create(self, database: Database, build: Build, dim: int) -> Collection:
        field = vicinal.Multi(dim, index=self.indexes[build.label], element=self._element)
        return database.create_collection(COLLECTION, vectors={FIELD: field})


class VicinalSearcher(VicinalKeptSearcher):
    def asked(self, tokens: Floats) -> Any:
        return np.ascontiguousarray(tokens)

    def search_all(self, effort: Effort, k: int) -> Callable[[Sequence[Any]], Sequence[Any]]:
        search, told = self.collection.search, {"k": k, **effort.parameters}
        return lambda asked: search(list(asked), **told).ids


def write(collection: Collection, dataset: MultiDataset) -> None:
    """Write the documents durably, batch by batch."""
    for start in range(0, dataset.rows, BATCH_ROWS):
        stop = min(start + BATCH_ROWS, dataset.rows)
        rows = part_of(dataset.documents, start, stop)
        ids = np.arange(start, stop, dtype=np.uint64)
        collection.upsert(ids, vectors={FIELD: (np.asarray(rows.tokens), rows.offsets)})
