"""Measures what searching takes on this machine, in a second or two."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from . import costs
from .codecs.scalar import Scalar
from .costs import USUAL, Costs
from .exact.scan import open_scan
from .graph.index import HnswIndex
from .graph.knobs import HnswKnobs
from .protocol import BuildJob, Effort, Scope
from .rows.dense import NO_NORMS, DenseRows, aligned
from .rows.element import Element
from .rows.metric import Metric
from .rows.multi import MultiRows
from .rows.row_set import RowSet
from .rows.sparse import SparseRows
from .sparse.inverted import Inverted

# More bytes than a second-level cache holds.
_ROWS, _DIM = 60_000, 384
_DEGREE, _EF, _RESCORED = 32, 100, 20
# Each with rows of its own, so that none finds in the cache what the one before has read.
_QUERIES = 64
_REPETITIONS = 5


def measure_once() -> None:
    """Measure unless this machine was measured before, and keep what came out."""
    if not costs.are_known():
        costs.keep(measured())


def measured() -> Costs:
    """Return what the parts of a search take; the least of a few tries, as others use the machine too."""
    rng = np.random.default_rng(0)
    matrix = aligned((_ROWS, _DIM), np.float32)
    matrix[:] = rng.random((_ROWS, _DIM), np.float32) - np.float32(0.5)
    rows = DenseRows(matrix, _DIM, Element.FLOAT32, NO_NORMS, Metric.DOT)
    in_order, at_random = _scanned(rows, rng)
    code, walked = _walked(rows, rng)
    posting, summed = _postings(rng)
    lines = _DIM // 16 * USUAL.line
    line = in_order / (USUAL.row + lines)
    return Costs(
        call=USUAL.call,
        row=_within(USUAL.row, line),
        line=_within(USUAL.line, line),
        random_row=_within(USUAL.random_row, (at_random - lines * line) / USUAL.random_row),
        # Nothing here has a file; a disk and what the system keeps of it are not this process's alone either.
        read=USUAL.read,
        read_line=USUAL.read_line,
        code_row=_within(USUAL.code_row, code),
        code_line=_within(USUAL.code_line, code),
        walked_row=_within(USUAL.walked_row, walked),
        walked_line=_within(USUAL.walked_line, walked),
        kept=_within(USUAL.kept, walked),
        weight=_within(USUAL.weight, _weight(rng) / USUAL.weight),
        product=_within(USUAL.product, _product(rng) / USUAL.product),
        posting=_within(USUAL.posting, posting / USUAL.posting),
        summed=_within(USUAL.summed, summed / USUAL.summed),
    )


def _scanned(rows: DenseRows, rng: np.random.Generator) -> tuple[float, float]:
    """Return the seconds of a row in order and of one at a random place."""
    scan, query = open_scan(rows), rows[:1]
    some = np.flatnonzero(rng.random(_ROWS) < 1 / 8)
    scope = Scope(RowSet.from_bitmap(BitMap(some), _ROWS))
    in_order = _least(lambda: scan.search(query, 10)) / _ROWS
    return in_order, _least(lambda: scan.search(query, 10, scope)) / len(some)


def _walked(rows: DenseRows, rng: np.random.Generator) -> tuple[float, float]:
    """Return how a scan of codes and a walk compare with the usual."""
    codec = Scalar().train(rows, BuildJob())
    links = rng.integers(0, _ROWS, (_ROWS, _DEGREE)).astype(np.uint32)
    arrays: dict[str, NDArray[Any]] = codec.arrays() | codec.encode(rows).arrays() | {"links": links}
    arrays["entries"] = np.arange(0, _ROWS, _ROWS // 64, dtype=np.uint32)
    index, queries, lines = HnswIndex(arrays, rows, Scalar()), rows[:_QUERIES], codec.row_bytes // 64

    def seconds(ef: int) -> tuple[float, float]:
        effort = Effort(HnswKnobs(ef, _RESCORED), None, 0.0, "")
        distances = index.search(queries, 10, effort).stats.distances
        return _least(lambda: index.search(queries, 10, effort)) / _QUERIES, distances / _QUERIES

    rescoring = _RESCORED * (USUAL.random_row + _DIM // 16 * USUAL.line)
    scanned, compared = seconds(0)
    code = (scanned - rescoring) / (compared * (USUAL.code_row + lines * USUAL.code_line))
    spent, compared = seconds(_EF)
    usual = USUAL.walked_row + lines * USUAL.walked_line + _EF * USUAL.kept
    return code, (spent - USUAL.call - rescoring) / (compared * usual)


def _weight(rng: np.random.Generator) -> float:
    n, terms = 5_000, 80
    indices = rng.integers(0, 30_000, n * terms).astype(np.uint32)
    rows = SparseRows(np.arange(0, n * terms + 1, terms), indices, np.ones(n * terms, np.float32))
    scan, query = open_scan(rows), rows[:1]
    return _least(lambda: scan.search(query, 10)) / (n * terms)


def _postings(rng: np.random.Generator) -> tuple[float, float]:
    """Return the seconds of a posting, and of a row of which there is none."""
    n, terms = 60_000, 20
    indices = (rng.random((n, terms)) ** 3 * 20_000).astype(np.uint32)
    rows = SparseRows(
        np.arange(0, n * terms + 1, terms), indices.reshape(-1), rng.random(n * terms, np.float32)
    )
    index, effort = Inverted().open(Inverted().build(rows, BuildJob()), rows), Effort(None, 1.0, 0.0, "")
    queries, known = rows[:_QUERIES], index.search(rows[:_QUERIES], 10, effort).stats.distances
    # Terms that no row has cost what a row costs besides its postings; few of them are looked for twice.
    few = SparseRows(np.arange(_QUERIES + 1), rows.indices[-_QUERIES:].copy(), np.ones(_QUERIES, np.float32))
    summed = _least(lambda: index.search(few, 10, effort)) / (_QUERIES * n)
    spent = _least(lambda: index.search(queries, 10, effort)) - summed * _QUERIES * n
    return spent / known, summed


def _product(rng: np.random.Generator) -> float:
    n, tokens, dim = 500, 16, 128
    rows = MultiRows(np.arange(0, n * tokens + 1, tokens), rng.random((n * tokens, dim), np.float32))
    scan, query = open_scan(rows), rows[:1]
    return _least(lambda: scan.search(query, 10)) / (n * tokens * tokens * dim)


def _least(work: Callable[[], object]) -> float:
    """Return the least processor time of this thread.

    By the clock what takes longer than a turn of the scheduler would seem dearer beside what fits into one,
    for as long as others use the machine.
    """
    best = np.inf
    for _ in range(_REPETITIONS):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return float(best)


def _within(usual: float, ratio: float) -> float:
    return usual * min(max(ratio, 1 / 4), 4.0)
