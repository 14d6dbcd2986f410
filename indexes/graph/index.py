"""An open HNSW index: its graph, and how hard that is searched."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codecs.protocol import CodecSpec
from ..exact.scan import open_scan
from ..protocol import EVERYTHING, Arrays, Effort, Scope
from ..rows.dense import DenseRows
from ..rows.neighbors import Neighbors
from .efforts import Efforts
from .knobs import HnswKnobs
from .measuring import calibrated
from .opened import Graph


class HnswIndex:
    """Walks a graph over codes and scores the nearest candidates exactly. Immutable and thread-safe.

    Without arrays, as few rows have none, it scans the rows.
    """

    def __init__(self, arrays: Arrays, rows: DenseRows, codec: CodecSpec) -> None:
        self._rows, self._arrays, self._codec = rows, arrays, codec
        self._scan = open_scan(rows)
        self._graph = Graph(arrays, rows, codec) if arrays else None
        self._efforts = self._graph.efforts if self._graph else Efforts.of_a_scan(len(rows), self._scan)

    @property
    def nbytes(self) -> int:
        """Bytes of the graph, the codes and the ladder."""
        return sum(array.nbytes for array in self._arrays.values())

    def search(
        self, queries: NDArray[Any], k: int, effort: Effort[HnswKnobs], scope: Scope = EVERYTHING
    ) -> Neighbors:
        """Find about the nearest ``min(k, allowed)`` rows of each query, as :class:`Graph` does."""
        return self.prepared(k, effort, scope)(queries)

    def prepared(
        self, k: int, effort: Effort[HnswKnobs], scope: Scope = EVERYTHING
    ) -> Callable[[NDArray[Any]], Neighbors]:
        """Return :meth:`search` for all but the queries."""
        if self._graph is None:
            scope.check(len(self._rows))
            return lambda queries: self._scan.search(queries, k, scope)
        return self._graph.prepared(k, effort.knobs, scope)

    def effort(self, k: int, recall: float, knobs: HnswKnobs | None, share: float) -> Effort[HnswKnobs]:
        """Choose the effort that reaches ``recall``, or take ``knobs`` as given, as :class:`Efforts` does."""
        return self._efforts.choose(k, recall, knobs, share)

    def shared_effort(self, k: int, wanted: int, recall: float, share: float) -> Effort[HnswKnobs] | None:
        """Return what finds its share of the nearest of several graphs, as :meth:`Efforts.shared` does."""
        return self._efforts.shared(k, wanted, recall, share)

    def raised(self, rungs: int) -> HnswIndex:
        """Return the index whose efforts are so many rungs higher."""
        return self._choosing_by(self._efforts.raised(rungs))

    def spanning(self, share: float) -> HnswIndex:
        """Return the index that chooses efforts for scopes within such a share of the rows."""
        return self._choosing_by(self._efforts.spanning(share))

    def with_deletes(self) -> HnswIndex:
        """Return the index that chooses efforts where those rows alone are out of scope that are gone."""
        return self._choosing_by(self._efforts.with_deletes())

    def _choosing_by(self, efforts: Efforts) -> HnswIndex:
        index = copy(self)
        index._efforts = efforts
        return index

    def calibrate(
        self, queries: NDArray[Any], truth: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Measure the ladder on real queries and return its arrays."""
        return calibrated(self._graph, queries, truth) if self._graph else {}

    def with_table(self, arrays: Arrays) -> HnswIndex:
        """Return the same index with another ladder."""
        return HnswIndex({**self._arrays, **arrays}, self._rows, self._codec)
