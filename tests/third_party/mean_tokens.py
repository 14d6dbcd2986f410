"""An index of multi-vectors: rows stand in the list of the sign bits of their tokens' mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from third_party.probing import RUNGS, ListsIndex, Probes, probes_from

from vicinal.indexes.protocol import Arrays, BuildJob, FieldShape, RowOrder
from vicinal.indexes.rows.multi import MultiRows

_BITS = 4


@dataclass(frozen=True)
class MeanTokens:
    """Its spec."""

    least: int = 500

    name: ClassVar[str] = "mean_tokens"

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "least": self.least}

    def check(self, field: FieldShape) -> None:
        if field.kind != "multi" or field.dim is None or field.dim < _BITS:
            raise ValueError(f"mean tokens are of multi-vectors of {_BITS} dimensions or more; got {field}")

    def knobs(self, given: Mapping[str, float]) -> Probes:
        return probes_from(given)

    def worth_building(self, n: int) -> bool:
        return n >= self.least

    def order(self, rows: MultiRows, job: BuildJob) -> RowOrder | None:
        return None

    def build(self, rows: MultiRows, job: BuildJob) -> dict[str, NDArray[Any]]:
        arrays = {"list": _suiting(rows)[:, 0].astype(np.uint8)}
        arrays |= self.open(arrays, rows).calibrate(rows[:50])
        job.progress(1.0)
        return arrays

    def open(self, arrays: Arrays, rows: MultiRows) -> ListsIndex:
        return ListsIndex(arrays, rows, _suiting)


def _suiting(rows: MultiRows) -> NDArray[np.int64]:
    sums = np.zeros((len(rows), _BITS), np.float32)
    row = np.repeat(np.arange(len(rows)), np.diff(rows.offsets))
    np.add.at(sums, row, rows.tokens[:, :_BITS].astype(np.float32))
    bits = np.arange(RUNGS[-1])[:, None] >> np.arange(_BITS) & 1
    return np.argsort(-(sums @ (2 * bits - 1).T), axis=1, kind="stable")
