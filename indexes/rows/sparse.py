"""Sparse vectors as an index sees them: compressed rows of term numbers and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metric import Metric
from .offsets import check_offsets, chosen_offsets


@dataclass(frozen=True)
class SparseRows:
    """Sparse vectors of one field, or a batch of queries for them.

    Parameters
    ----------
    indptr
        ``(n + 1,)`` int64: row i holds the places ``indptr[i]`` to ``indptr[i + 1]``.
    indices
        ``(nnz,)`` uint32 term numbers.
    values
        ``(nnz,)`` float32 weights.
    metric
        How two of them are compared.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.uint32]
    values: NDArray[np.float32]
    metric: Metric = Metric.DOT

    def __post_init__(self) -> None:
        indices, values = self.indices, self.values
        fits = indices.dtype == np.uint32 and values.dtype == np.float32
        if not fits or indices.shape != values.shape or indices.ndim != 1:
            raise ValueError(
                f"sparse rows have indices {indices.dtype} {indices.shape} and values {values.dtype} "
                f"{values.shape}; expected uint32 and float32 of one length"
            )
        if not (indices.flags.c_contiguous and values.flags.c_contiguous):
            raise ValueError("indices and values of sparse rows are contiguous")
        check_offsets("indptr", self.indptr, len(indices))

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, chosen: Any) -> SparseRows:
        """Return some rows, by a slice or by numbers."""
        indptr, places = chosen_offsets(self.indptr, chosen)
        return SparseRows(indptr, self.indices[places], self.values[places], self.metric)

    @property
    def nbytes(self) -> int:
        """Bytes of the three arrays."""
        return self.indptr.nbytes + self.indices.nbytes + self.values.nbytes
