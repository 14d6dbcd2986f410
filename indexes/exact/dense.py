"""Exact search over the stored rows of one segment, as indexes and the engine use it."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..costs import costs
from ..protocol import EVERYTHING, Scope
from ..rows.addresses import address
from ..rows.dense import DenseRows
from ..rows.element import Element
from ..rows.metric import Metric
from ..rows.neighbors import Neighbors, SearchStats
from .row_codes import CodedRows, no_codes
from .scores import scores_of

_METRICS = {Metric.COSINE: 0, Metric.DOT: 1, Metric.L2: 2, Metric.HAMMING: 3}


def check_queries(queries: NDArray[Any], stored: DenseRows, k: int) -> NDArray[Any]:
    """Return the queries contiguous, after checking their type and shape, and ``k``."""
    dtype, width = stored.query_dtype, stored.query_width
    if queries.dtype != dtype or queries.ndim != 2 or queries.shape[1] != width:
        raise ValueError(f"queries are {queries.dtype} {queries.shape}; expected {dtype} (q, {width})")
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1")
    return queries if queries.flags.c_contiguous else np.ascontiguousarray(queries)


def listed_rows(scope: Scope, n: int) -> tuple[int, int, NDArray[np.uint32] | None]:
    """Return ``(lo, hi, rows)``: found may be ``rows[lo:hi]``, or the range itself if there is no list."""
    scope.check(n)
    allowed = scope.rows
    if allowed is None:
        return 0, n, None
    if allowed.bounds is not None:
        return *allowed.bounds, None
    return 0, allowed.count, allowed.rows


def row_record(stored: DenseRows) -> NDArray[Any]:
    """Describe stored rows to kernels; the arrays of ``stored`` must outlive the record.

    Of rows that are read from elsewhere it has no address: what kernels are given of them are copies.
    """
    from ..kernels.rows import CHUNK_ITEMS, ROWS, kind_of

    record = np.zeros(1, ROWS)
    row = record[0]
    binary = stored.element is Element.BINARY
    stride = stored.element.stride(stored.dim)
    row["rows"] = address(stored.rows if stored.reader is None else None)
    row["inv_norms"] = address(stored.inv_norms)
    row["n"], row["dim"], row["metric"] = len(stored), stored.dim, _METRICS[stored.metric]
    row["row_bytes"] = stored.row_bytes
    row["chunks"] = stride // 64 if binary else stride // CHUNK_ITEMS
    row["kind"] = kind_of(stored.element.value, _METRICS[stored.metric])
    row["query_bytes"] = stored.element.width(stored.dim) if binary else stored.dim * 4
    row["padded_bytes"] = stride if binary else stride * 4
    return record


class DescribedRows(NamedTuple):
    """Rows in memory as kernels are given them: where their record is, and bytes of a query as it is read.

    ``held`` is what has to outlive the kernel.
    """

    held: Any
    record: np.uint64
    padded_bytes: int


def described_rows(stored: DenseRows) -> DescribedRows:
    """Describe stored rows to kernels; to do so takes as long as to score a few of them."""
    record = row_record(stored)
    return DescribedRows((stored, record), address(record), int(record["padded_bytes"][0]))


class DenseScan:
    """Compares every row in scope with every query; thread-safe."""

    def __init__(self, rows: DenseRows) -> None:
        self._rows = rows
        self._n = len(rows)
        self._described: DescribedRows | None = None

    def search(self, queries: NDArray[Any], k: int, scope: Scope = EVERYTHING) -> Neighbors:
        """Return the true nearest rows of each query."""
        queries = check_queries(queries, self._rows, k)
        lo, hi, listed = listed_rows(scope, self._n)
        # Rows beyond the number of candidates would only be padding.
        wanted = min(k, hi - lo)
        if not len(queries) or not wanted:
            return Neighbors.empty(len(queries), k, self._rows.metric)
        scan, scan_scratch_bytes = self._kernels
        # Held here while the kernel reads it: another thread's first search may put its own in its place.
        described = self._described = self._described or described_rows(self._rows)
        coded = self._codes(wanted, hi - lo)
        rows = np.empty((len(queries), wanted), np.uint32)
        scores = np.empty((len(queries), wanted), np.float32)
        scratch = np.empty(scan_scratch_bytes(described.padded_bytes, wanted), np.uint8)
        scan(
            described.record,
            coded.record,
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
        return Neighbors(rows, scores, stats).padded(k, self._rows.metric)

    @cached_property
    def _no_codes(self) -> CodedRows:
        return no_codes()

    def _codes(self, wanted: int, count: int) -> CodedRows:
        """Return what rows have as codes besides, where so many are wanted of so many."""
        return self._no_codes

    @cached_property
    def _kernels(self) -> Any:
        # Loaded by the first search: importing numba takes longer than opening a database.
        from ..kernels.scan import scan, scan_scratch_bytes

        return scan, scan_scratch_bytes

    def score(self, queries: NDArray[Any], rows: NDArray[np.uint32]) -> NDArray[np.float32]:
        """Return the ``(q, c)`` exact scores of the given rows."""
        return scores_of(self, queries, rows, self._n)

    def cost(self, queries: NDArray[Any] | None, count: int, contiguous: bool) -> float:
        """Predict the seconds of one query over ``count`` rows."""
        rows = self._rows
        row_bytes = rows.element.stride(rows.dim) * rows.rows.itemsize
        known = costs()
        return count * (row_bytes / 64 * known.line + (known.row if contiguous else known.random_row))
