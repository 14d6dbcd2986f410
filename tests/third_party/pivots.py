"""An index of dense vectors: a list for each of sixteen rows, of the rows that are nearest to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from third_party.probing import RUNGS, ListsIndex, Probes, probes_from

from vicinal.indexes.exact.scan import open_scan
from vicinal.indexes.protocol import Arrays, BuildJob, FieldShape, RowOrder
from vicinal.indexes.rows.dense import DenseRows


@dataclass(frozen=True)
class Pivots:
    """Its spec."""

    least: int = 500

    name: ClassVar[str] = "pivots"

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "least": self.least}

    def check(self, field: FieldShape) -> None:
        if field.kind != "dense":
            raise ValueError(f"pivots are of dense vectors; the field has {field.kind} ones")

    def knobs(self, given: Mapping[str, float]) -> Probes:
        return probes_from(given)

    def worth_building(self, n: int) -> bool:
        return n >= self.least

    def order(self, rows: DenseRows, job: BuildJob) -> RowOrder | None:
        return None

    def build(self, rows: DenseRows, job: BuildJob) -> dict[str, NDArray[Any]]:
        if len(rows) < RUNGS[-1]:
            job.progress(1.0)
            return {"list": np.zeros(len(rows), np.uint8), "pivot": np.zeros(RUNGS[-1], np.uint32)}
        rng = np.random.default_rng(job.seed)
        pivots = rng.choice(len(rows), RUNGS[-1], replace=False).astype(np.uint32)
        arrays = {"list": _nearest(rows, rows[:], pivots)[:, 0].astype(np.uint8), "pivot": pivots}
        moved = rows[:50] + rng.standard_normal((len(rows[:50]), rows.dim)).astype(np.float32)
        arrays |= self.open(arrays, rows).calibrate(moved)
        job.progress(1.0)
        return arrays

    def open(self, arrays: Arrays, rows: DenseRows) -> ListsIndex:
        return ListsIndex(arrays, rows, lambda queries: _nearest(rows, queries, arrays["pivot"]))


def _nearest(rows: DenseRows, queries: Any, pivots: NDArray[np.uint32]) -> NDArray[np.int64]:
    if not len(rows):
        return np.zeros((len(queries), 1), np.int64)
    scores = open_scan(rows).score(queries, pivots)
    return np.argsort(-scores if rows.metric.higher_is_nearer else scores, axis=1, kind="stable")
