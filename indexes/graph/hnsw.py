"""The HNSW spec: a graph built by hnswlib and walked by our own kernels over codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays
from ..rows.dense import DenseVectors
from ..rows.metric import Metric

if TYPE_CHECKING:
    from ..protocol import VectorIndex


@dataclass(frozen=True)
class Hnsw:
    """A proximity graph: fast approximate search of a recall that the caller chooses.

    Parameters
    ----------
    m
        Links of a row in the upper layers of the build; the stored graph has up to ``2 * m``.
    ef_construction
        Width of the search that finds a new row's neighbours: higher builds longer and better graphs.
    """

    m: int = 16
    ef_construction: int = 200

    name = "hnsw"

    def __post_init__(self) -> None:
        for field, low, high in (("m", 2, 128), ("ef_construction", 8, 4096)):
            value = getattr(self, field)
            if type(value) is not int or not low <= value <= high:
                raise ValueError(f"Hnsw.{field} is {value!r}; expected a whole number from {low} to {high}")

    def to_json(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, "m": self.m, "ef_construction": self.ef_construction}

    def order(self, vectors: DenseVectors, metric: Metric) -> NDArray[np.uint32] | None:
        """Return None: codes are read in whole cache lines, so neighbouring rows gain nothing."""
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
        """Build the graph, the codes and the effort table.

        With ``threads=1`` equal input gives equal arrays.
        """
        from .build import build

        report = progress or (lambda _share: None)
        return build(vectors, metric, self.m, self.ef_construction, seed, threads, report)

    def open(self, arrays: Arrays, vectors: DenseVectors, metric: Metric) -> VectorIndex:
        """Validate the arrays and return the index."""
        from .index import HnswIndex

        return HnswIndex(arrays, vectors, metric)
