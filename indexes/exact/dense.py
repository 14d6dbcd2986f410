"""Exact search over the stored rows of one segment, as indexes and the engine use it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.dense import DenseVectors
from ..rows.element import Element
from ..rows.metric import Metric
from ..rows.neighbors import Neighbors, SearchStats
from ..rows.row_set import RowSet

_METRICS = {Metric.COSINE: 0, Metric.DOT: 1, Metric.L2: 2, Metric.HAMMING: 3}


def check_metric(vectors: DenseVectors, metric: Metric) -> None:
    """Refuse a metric that the element type, or the lack of norms, does not allow."""
    if (metric is Metric.HAMMING) != (vectors.element is Element.BINARY):
        raise ValueError(f"metric {metric} does not fit {vectors.element} vectors: hamming is for bits")
    if metric is Metric.COSINE and len(vectors.inv_norms) != len(vectors):
        raise ValueError("cosine needs DenseVectors.inv_norms: use inverse_norms()")


def check_queries(queries: NDArray[Any], vectors: DenseVectors, k: int) -> NDArray[Any]:
    """Return the queries contiguous, after checking their type and shape, and ``k``."""
    binary = vectors.element is Element.BINARY
    dtype = np.dtype(np.uint8 if binary else np.float32)
    width = vectors.element.width(vectors.dim) if binary else vectors.dim
    if queries.dtype != dtype or queries.ndim != 2 or queries.shape[1] != width:
        raise ValueError(f"queries are {queries.dtype} {queries.shape}; expected {dtype} (q, {width})")
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1")
    return queries if queries.flags.c_contiguous else np.ascontiguousarray(queries)


def address(array: NDArray[Any] | None) -> np.uint64:
    """Return where an array begins, 0 for none. The caller keeps the array alive."""
    return np.uint64(0 if array is None else array.ctypes.data)


def listed_rows(allowed: RowSet | None, n: int) -> tuple[int, int, NDArray[np.uint32] | None]:
    """Return ``(lo, hi, rows)``: allowed are ``rows[lo:hi]``, or the range itself if there is no list."""
    if allowed is None:
        return 0, n, None
    if allowed.n != n:
        raise ValueError(f"allowed is a set of rows of {allowed.n}; the segment has {n}")
    if allowed.bounds is not None:
        return *allowed.bounds, None
    return 0, allowed.count, allowed.rows


def row_record(vectors: DenseVectors, metric: Metric) -> NDArray[Any]:
    """Describe stored rows to kernels; the arrays of ``vectors`` must outlive the record."""
    from ..kernels.rows import CHUNK_ITEMS, ROWS, kind_of

    record = np.zeros(1, ROWS)
    row = record[0]
    binary = vectors.element is Element.BINARY
    stride = vectors.element.stride(vectors.dim)
    row["rows"], row["inv_norms"] = address(vectors.rows), address(vectors.inv_norms)
    row["n"], row["dim"], row["metric"] = len(vectors), vectors.dim, _METRICS[metric]
    row["row_bytes"] = stride * vectors.rows.itemsize
    row["chunks"] = stride // 64 if binary else stride // CHUNK_ITEMS
    row["kind"] = kind_of(vectors.element.value, _METRICS[metric])
    row["query_bytes"] = vectors.element.width(vectors.dim) if binary else vectors.dim * 4
    row["padded_bytes"] = stride if binary else stride * 4
    return record


class ExactScan:
    """Compares every allowed row with every query; thread-safe."""

    def __init__(self, vectors: DenseVectors, metric: Metric) -> None:
        check_metric(vectors, metric)
        self._vectors = vectors
        self._metric = metric
        self.n_rows = len(vectors)
        self._described: tuple[NDArray[Any], np.uint64, int] | None = None

    def search(self, queries: NDArray[Any], k: int, allowed: RowSet | None = None) -> Neighbors:
        """Return the true nearest rows of each query."""
        queries = check_queries(queries, self._vectors, k)
        lo, hi, listed = listed_rows(allowed, self.n_rows)
        # Rows beyond the number of candidates would only be padding.
        wanted = min(k, hi - lo)
        if not len(queries) or not wanted:
            return Neighbors.empty(len(queries), k, self._metric)
        # Kernels are loaded by the first search: importing numba takes longer than opening a database.
        from ..kernels.scan import scan, scan_scratch_bytes

        # Held here while the kernel reads it: another thread's first search may put its own in its place.
        described = self._described or self._describe()
        _, record, padded_bytes = described
        rows = np.empty((len(queries), wanted), np.uint32)
        scores = np.empty((len(queries), wanted), np.float32)
        scratch = np.empty(scan_scratch_bytes(padded_bytes, wanted), np.uint8)
        scan(
            record,
            address(queries),
            len(queries),
            wanted,
            lo,
            hi,
            address(listed),
            address(scratch),
            rows,
            scores,
        )
        stats = SearchStats(rescored=(hi - lo) * len(queries))
        if wanted == k:
            return Neighbors(rows, scores, stats)
        padded = Neighbors.empty(len(queries), k, self._metric)
        padded.rows[:, :wanted], padded.scores[:, :wanted] = rows, scores
        return Neighbors(padded.rows, padded.scores, stats)

    def _describe(self) -> tuple[NDArray[Any], np.uint64, int]:
        record = row_record(self._vectors, self._metric)
        self._described = described = record, address(record), int(record["padded_bytes"][0])
        return described

    def cost(self, count: int, contiguous: bool) -> float:
        """Predict the seconds of one query over ``count`` rows."""
        row_bytes = self._vectors.element.stride(self._vectors.dim) * self._vectors.rows.itemsize
        # Fixed, so that equal plans come out of equal statistics: a streamed cache line takes 3.2 ns
        # (20 GB/s) and a random row about 40 ns more until its first line arrives behind a prefetch.
        return count * (row_bytes / 64 * 3.2e-9 + (4e-9 if contiguous else 40e-9))
