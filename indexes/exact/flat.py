"""Exact search: every allowed row is compared with every query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays, Effort
from ..rows.dense import DenseVectors
from ..rows.metric import Metric
from ..rows.neighbors import Neighbors
from ..rows.row_set import RowSet
from .dense import ExactScan

if TYPE_CHECKING:
    from ..protocol import VectorIndex


@dataclass(frozen=True)
class Flat:
    """No structure at all: each search compares every row. Recall is 1."""

    name = "flat"

    def to_json(self) -> dict[str, Any]:
        """Return ``{"name": "flat"}``."""
        return {"name": self.name}

    def order(self, vectors: DenseVectors, metric: Metric) -> NDArray[np.uint32] | None:
        """Return None: an exact scan does not care about the order of rows."""
        return None

    def build(
        self,
        vectors: DenseVectors,
        metric: Metric,
        *,
        seed: int = 0,
        threads: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Return no arrays: the stored rows are all it needs."""
        if progress is not None:
            progress(1.0)
        return {}

    def open(self, arrays: Arrays, vectors: DenseVectors, metric: Metric) -> VectorIndex:
        """Return the index over ``vectors``."""
        if arrays:
            raise ValueError(f"a flat index has no arrays; got {sorted(arrays)}")
        return FlatIndex(vectors, metric)


class FlatIndex:
    """Exact search over the rows of one segment."""

    def __init__(self, vectors: DenseVectors, metric: Metric) -> None:
        self._scan = ExactScan(vectors, metric)

    @property
    def nbytes(self) -> int:
        """0: there are no arrays besides the rows."""
        return 0

    def search(
        self, queries: NDArray[Any], k: int, *, allowed: RowSet | None = None, effort: Effort
    ) -> Neighbors:
        """Return the true nearest rows, whatever the effort."""
        return self._scan.search(queries, k, allowed)

    def effort(
        self, k: int, *, recall: float | None = None, ef: int | None = None, selectivity: float = 1.0
    ) -> Effort:
        """Return the only effort there is: all rows that are allowed."""
        count = round(self._scan.n_rows * selectivity)
        return Effort(0, count, 1.0, self.scan_cost(count, contiguous=selectivity >= 1.0))

    def scan_cost(self, count: int, contiguous: bool) -> float:
        """Predict the seconds of an exact scan of ``count`` rows for one query."""
        return self._scan.cost(count, contiguous)

    def calibrate(
        self, queries: NDArray[Any], truth_scores: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return no arrays: there is nothing to measure."""
        return {}

    def with_table(self, arrays: Arrays) -> FlatIndex:
        """Return this index."""
        return self
