"""Sparse queries cut in two."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.sparse_dataset import SparseDataset, SparseRows
from ..harness.sparse_truth import exact_sparse_truth, sparse_recall
from ..harness.truth import Truth


@dataclass(frozen=True, eq=False)
class SparseHalf:
    """Half of the queries with their exact answers."""

    data: SparseDataset
    truth: Truth

    @property
    def k(self) -> int:
        return self.truth.k

    @property
    def queries(self) -> SparseRows:
        return self.data.queries

    def asked(self, searcher: Any) -> list[Any]:
        """Return the queries in the form that a searcher takes."""
        return [searcher.asked(*self.queries.row(number)) for number in range(len(self.queries))]

    def recall(self, ids: NDArray[np.int64]) -> float:
        """Return the recall of answers, (queries, k) row numbers."""
        return sparse_recall(self.data, self.truth, ids)


def sparse_halves(
    data: SparseDataset, k: int, rows: NDArray[np.int64] | None = None
) -> tuple[SparseHalf, SparseHalf]:
    """Cut the queries into those to tune on and those to report, each with its exact answers."""
    middle = len(data.queries) // 2
    parts = (data.queries.part(0, middle), data.queries.part(middle, len(data.queries)))
    first, second = (replace(data, queries=part) for part in parts)
    return tuple(SparseHalf(one, exact_sparse_truth(one, k, rows=rows)) for one in (first, second))  # type: ignore[return-value]
