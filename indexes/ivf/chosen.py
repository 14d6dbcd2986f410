"""An index that was chosen by the automatic spec: it answers, and its efforts say what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..effort.raising import raised_index
from ..graph.hnsw import Hnsw
from ..protocol import EVERYTHING, Arrays, Effort, Index, Scope
from ..rows.neighbors import Neighbors
from .choices import knobs_of
from .ivf import Ivf


class ChosenIndex:
    """The index of a choice; immutable and thread-safe as that is."""

    def __init__(self, spec: Hnsw | Ivf, index: Index[Any, Any]) -> None:
        self._spec, self._index = spec, index

    @property
    def nbytes(self) -> int:
        """Bytes of the index's own arrays."""
        return self._index.nbytes

    def effort(self, k: int, recall: float, knobs: Mapping[str, float] | None, share: float) -> Effort[Any]:
        """Choose the effort as the index does; knobs of another kind of index leave it to ``recall``."""
        own = None if knobs is None else knobs_of(self._spec, knobs)
        effort = self._index.effort(k, recall, own, share)
        return replace(effort, words=f"{effort.words}; chosen: {self._spec!r}")

    def raised(self, rungs: int) -> ChosenIndex:
        """Return the index whose efforts are so many rungs higher."""
        return ChosenIndex(self._spec, raised_index(self._index, rungs))

    def search(
        self, queries: NDArray[Any], k: int, effort: Effort[Any], scope: Scope = EVERYTHING
    ) -> Neighbors:
        """Find about the nearest rows of each query."""
        return self._index.search(queries, k, effort, scope)

    def calibrate(
        self, queries: NDArray[Any], truth: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Measure the ladder of efforts on real queries."""
        return self._index.calibrate(queries, truth)

    def with_table(self, arrays: Arrays) -> ChosenIndex:
        """Return the same index with another ladder."""
        return ChosenIndex(self._spec, self._index.with_table(arrays))
