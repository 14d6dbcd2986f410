"""An index of sparse vectors: rows stand in the list of their heaviest term."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from third_party.probing import RUNGS, ListsIndex, Probes, probes_from

from vicinal.indexes.protocol import Arrays, BuildJob, FieldShape, RowOrder
from vicinal.indexes.rows.sparse import SparseRows


@dataclass(frozen=True)
class HeavyTerms:
    """Its spec."""

    least: int = 500

    name: ClassVar[str] = "heavy_terms"

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "least": self.least}

    def check(self, field: FieldShape) -> None:
        if field.kind != "sparse":
            raise ValueError(f"heavy terms are of sparse vectors; the field has {field.kind} ones")

    def knobs(self, given: Mapping[str, float]) -> Probes:
        return probes_from(given)

    def worth_building(self, n: int) -> bool:
        return n >= self.least

    def order(self, rows: SparseRows, job: BuildJob) -> RowOrder | None:
        return None

    def build(self, rows: SparseRows, job: BuildJob) -> dict[str, NDArray[Any]]:
        arrays = {"list": _weights(rows).argmax(axis=1).astype(np.uint8)}
        arrays |= self.open(arrays, rows).calibrate(rows[:50])
        job.progress(1.0)
        return arrays

    def open(self, arrays: Arrays, rows: SparseRows) -> ListsIndex:
        return ListsIndex(arrays, rows, lambda queries: np.argsort(-_weights(queries), axis=1, kind="stable"))


def _weights(rows: SparseRows) -> NDArray[np.float32]:
    """Return the largest weight of each row in each of the lists, which terms are dealt out to."""
    table = np.zeros((len(rows), RUNGS[-1]), np.float32)
    row = np.repeat(np.arange(len(rows)), np.diff(rows.indptr))
    np.maximum.at(table, (row, rows.indices % RUNGS[-1]), rows.values)
    return table
