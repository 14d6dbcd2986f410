"""Sparse vectors as an index sees them: compressed rows of term numbers and weights.

How a row and a query become a score is the form of the rows; that of queries does not matter.

- ``DOT``: the sum of the products of their weights.
- ``COSINE``: the same, divided by the lengths of both; 0 where one of them has none.
- ``DOT`` of binary rows: the sum of the query's weights of the terms that a row has. Each of its own weights
  is 1 and stored nowhere.
- ``DOT`` with a `Saturation`: BM25. Rows hold how often each term stands in a document, queries what each
  term is worth (its inverse document frequency), and beside it the average length of documents, which is
  that of the collection when the search is made and not of these rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metric import Metric
from .offsets import check_offsets, chosen_offsets
from .saturation import Saturation


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
        ``(nnz,)`` float32 weights; term frequencies where there is a saturation, of which those that are not
        above 0 count as none.
    metric
        How two of them are compared.
    saturation
        What makes weights of term frequencies, in rows that are documents.
    average
        The sum of a document's values in the mean, in queries of such rows; above 0.
    binary
        Whether ``values`` is one 1 that is seen ``nnz`` times, which kernels do not read; never in queries.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.uint32]
    values: NDArray[np.float32]
    metric: Metric = Metric.DOT
    saturation: Saturation | None = None
    average: float | None = None
    binary: bool = False

    def __post_init__(self) -> None:
        indices, values = self.indices, self.values
        fits = indices.dtype == np.uint32 and values.dtype == np.float32
        if not fits or indices.shape != values.shape or indices.ndim != 1:
            raise ValueError(
                f"sparse rows have indices {indices.dtype} {indices.shape} and values {values.dtype} "
                f"{values.shape}; expected uint32 and float32 of one length"
            )
        if not (indices.flags.c_contiguous and (self.binary or values.flags.c_contiguous)):
            raise ValueError("indices and values of sparse rows are contiguous")
        if self.binary and (self.metric is not Metric.DOT or self.saturation is not None):
            raise ValueError("binary rows are compared by 'dot', and have no term frequencies")
        check_offsets("indptr", self.indptr, len(indices))
        if self.metric not in (Metric.DOT, Metric.COSINE):
            raise ValueError(f"metric is {self.metric.value!r}; sparse rows take 'dot' or 'cosine'")
        if self.saturation is not None and self.metric is not Metric.DOT:
            raise ValueError("term frequencies are compared by 'dot'")
        if self.average is not None and not 0 < self.average < math.inf:
            raise ValueError(f"average is {self.average!r}; expected a number above 0")

    @classmethod
    def of_terms(cls, indptr: NDArray[np.int64], indices: NDArray[np.uint32]) -> SparseRows:
        """Return binary rows: which terms each of them has."""
        return cls(indptr, indices, np.broadcast_to(np.float32(1), indices.shape), binary=True)

    @classmethod
    def one(cls, indices: NDArray[np.uint32], values: NDArray[np.float32]) -> SparseRows:
        """Return one row of arrays that are known to be right: contiguous, of these types and of one length.

        Of a query alone, checking them again would take a tenth of its time.
        """
        made = object.__new__(cls)
        indptr = np.array((0, len(indices)), np.int64)
        made.__dict__.update(indptr=indptr, indices=indices, values=values)
        return made

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, chosen: Any) -> SparseRows:
        """Return some rows as queries are given, by a slice or by numbers."""
        indptr, places = chosen_offsets(self.indptr, chosen)
        indices, values = self.indices[places], np.ascontiguousarray(self.values[places])
        return replace(self, indptr=indptr, indices=indices, values=values, binary=False)

    def between(self, lo: int, hi: int) -> SparseRows:
        """Return the rows ``lo`` to ``hi`` in their form, without a copy of their entries."""
        indptr = self.indptr[lo : hi + 1]
        entries = slice(int(indptr[0]), int(indptr[-1]))
        return replace(
            self, indptr=indptr - indptr[0], indices=self.indices[entries], values=self.values[entries]
        )

    def weighted(self, factors: NDArray[np.float64], average: float | None = None) -> SparseRows:
        """Return the same rows, each value times its factor, with an average length if they are to have one.

        They are not checked again.
        """
        made = object.__new__(SparseRows)
        made.__dict__.update(self.__dict__)
        made.__dict__["values"] = (self.values * factors).astype(np.float32)
        if average is not None:
            made.__dict__["average"] = average
        return made

    @property
    def longest(self) -> int:
        """How many entries the longest row has; of one or more rows."""
        return len(self.indices) if len(self.indptr) == 2 else int(np.diff(self.indptr).max())

    def mean_length(self) -> float:
        """Return the mean of the sums of the rows' values above 0; 1 where there are none."""
        total = float(np.maximum(self.values, 0).sum(dtype=np.float64))
        return total / len(self) if total > 0 else 1.0

    def average_of(self, queries: SparseRows) -> float:
        """Return the average length that queries bring to these rows, 1 where none is needed.

        Raises
        ------
        ValueError
            They bring none to rows of term frequencies.
        """
        if self.saturation is None:
            return 1.0
        if queries.average is None:
            raise ValueError("queries of term frequencies come with the average length of documents")
        return queries.average

    @property
    def form(self) -> int:
        """The number of the form, as kernels know it."""
        if self.binary:
            return 3
        return 1 if self.metric is Metric.COSINE else 0 if self.saturation is None else 2

    @property
    def flat(self) -> float:
        """What is added to a term frequency whatever the length of its row; 0 without a saturation."""
        return 0.0 if self.saturation is None else self.saturation.k1 * (1 - self.saturation.b)

    def slope(self, average: float) -> float:
        """Return what is added to a term frequency for each that its row has; 0 without a saturation."""
        return 0.0 if self.saturation is None else self.saturation.k1 * self.saturation.b / average

    def weights(self, average: float) -> NDArray[np.float64]:
        """Return what a query's weights are multiplied with: ``(nnz,)``, at an average length of documents.

        A query's own length is not in it.
        """
        values = self.values.astype(np.float64)
        if self.metric is Metric.COSINE:
            lengths = np.sqrt(self._sums(values * values))
            return np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0)
        if self.saturation is None:
            return values
        values = np.maximum(values, 0)
        total = values + self.flat + self.slope(average) * self._sums(values)
        return np.divide(values, total, out=np.zeros_like(values), where=values > 0)

    def _sums(self, parts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return for each entry the sum of ``parts`` over its row."""
        counts = np.diff(self.indptr)
        rows = np.repeat(np.arange(len(self)), counts)
        sums: NDArray[np.float64] = np.bincount(rows, parts, len(self)).astype(np.float64)
        return sums[rows]

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return self.indptr.nbytes + self.indices.nbytes + (0 if self.binary else self.values.nbytes)
