"""The two protocols an index fulfils: a spec that builds arrays, and an index that searches them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .rows.dense import DenseVectors
from .rows.metric import Metric
from .rows.neighbors import Neighbors
from .rows.row_set import RowSet

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Effort:
    """How hard a search tries, and what that is expected to bring and to cost.

    Parameters
    ----------
    ef
        Width of the walk: how many candidates it keeps. 0 means that the index compares the codes of all
        allowed rows instead.
    rescore
        How many of the nearest candidates are scored exactly from the stored vectors.
    expected_recall
        Recall@k measured at this effort by the index's effort table; None when nothing was measured.
    seconds
        Predicted cost of one query.
    """

    ef: int
    rescore: int
    expected_recall: float | None
    seconds: float


class IndexSpec(Protocol):
    """Parameters of an index; frozen, validated, JSON in the catalog."""

    @property
    def name(self) -> str:
        """The name the spec is registered under."""

    def to_json(self) -> dict[str, Any]:
        """Return ``{"name": ..., parameters}``; the registry reads it back."""

    def order(self, vectors: DenseVectors, metric: Metric) -> NDArray[np.uint32] | None:
        """Return the row order the index would like in the segment, or None when it does not matter."""

    def build(
        self,
        vectors: DenseVectors,
        metric: Metric,
        *,
        seed: int = 0,
        threads: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Build the index's arrays; ``threads`` 0 means every core, ``progress`` is told 0..1."""

    def open(self, arrays: Arrays, vectors: DenseVectors, metric: Metric) -> VectorIndex:
        """Validate every shape, offset and id of ``arrays`` and return the index over them."""


class VectorIndex(Protocol):
    """A built index: immutable, safe under threads, its kernels release the GIL."""

    @property
    def nbytes(self) -> int:
        """Bytes of the index's own arrays."""

    def search(
        self, queries: NDArray[Any], k: int, *, allowed: RowSet | None = None, effort: Effort
    ) -> Neighbors:
        """Find the ``min(k, allowed)`` nearest rows of each query.

        Queries are float32 ``(q, dim)``, or packed uint8 ``(q, ceil(dim / 8))`` for binary vectors.
        """

    def effort(
        self, k: int, *, recall: float | None = None, ef: int | None = None, selectivity: float = 1.0
    ) -> Effort:
        """Choose the effort that reaches ``recall``, or take ``ef`` as given, and predict its cost."""

    def scan_cost(self, count: int, contiguous: bool) -> float:
        """Predict the seconds of an exact scan of ``count`` rows for one query."""

    def calibrate(
        self, queries: NDArray[Any], truth_scores: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Measure an effort table on real queries; ``truth_scores`` (q, >= 100) are exact scores if known."""

    def with_table(self, arrays: Arrays) -> VectorIndex:
        """Return the same index with the effort table that :meth:`calibrate` returned."""
