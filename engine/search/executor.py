"""Runs a search over a snapshot: filter, plan, scan or walk each segment, merge."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from ...indexes.protocol import Queries, Scope
from ...indexes.rows.neighbors import NO_ROW, Neighbors, SearchStats
from ...indexes.rows.row_set import RowSet
from .. import deadline
from ..filters.evaluation.scanning import ScanWork
from ..filters.expression import Filter
from ..input.options import SearchOptions
from ..results.explanation import PlanReason
from ..results.weighting import Weighting
from ..segments.allowed import Allowed
from ..segments.live_statistics import prepared
from ..segments.snapshot import NO_PLACE, Snapshot, place
from ..segments.view import SegmentView
from .calls.searched_field import SearchedField
from .candidates import candidate_scopes
from .planner import ExactScan, Plan
from .segment_search import SegmentSearch, scanned_tokens, segment_search
from .threads import search_threads

# Queries of one call of a kernel under a deadline: enough that the call costs nothing beside them.
_PIECE_QUERIES = 64
# And no more of them than are scanned in so many seconds.
_PIECE_SECONDS = 0.1
# Rows whose scan says how much more these queries cost than usual ones.
_COMPARED_ROWS = 1000
# Scans that take less are not worth waking other threads for.
_SPREAD_SECONDS = 0.4e-3

_Done = TypeVar("_Done")


class SearchRequest(Struct, eq=False):
    """One search, validated.

    Attributes
    ----------
    field : SearchedField
        What it is of.
    queries : Queries
        ``(q, dim)`` float32 or packed uint8 for dense fields; q rows of their kind for the others.
    options : SearchOptions
        What the caller said.
    expression : Filter or None
        Checked against the schema.
    tenant : int or None
        Owner whose points may be returned; None in a collection that is not partitioned.
    candidates : (q, c) int64 or None
        Places that are scored, of each query, -1 for none, and nothing else is; None for all that may be
        found. They satisfy filter and tenant already.
    n_queries : int
        How many queries there are.
    """

    field: SearchedField
    queries: Queries
    options: SearchOptions
    expression: Filter | None
    tenant: int | None
    candidates: NDArray[np.int64] | None = None
    n_queries: int = 0

    def __post_init__(self) -> None:
        self.n_queries = len(self.queries)

    @property
    def tokens(self) -> int | None:
        """How many first tokens of a row count; None for all, and of vectors that have none."""
        return scanned_tokens(self.options)

    @property
    def higher_is_nearer(self) -> bool:
        """Which way scores point."""
        return self.field.spec.metric.higher_is_nearer

    @property
    def worst_score(self) -> float:
        """The score of padding."""
        return self.field.spec.metric.worst


class SegmentReport(Struct, eq=False):
    """What searching one segment took."""

    segment: str
    n_rows: int
    n_allowed: int
    plan: Plan
    stats: SearchStats


class SearchReport(Struct, eq=False):
    """What a search took, in seconds and in work, over all its queries."""

    segments: list[SegmentReport] = field(default_factory=list)
    filter_seconds: float = 0.0
    search_seconds: float = 0.0
    merge_seconds: float = 0.0
    weighting: Weighting | None = None
    first: SearchReport | None = None
    filter: Filter | None = None
    scanning: ScanWork = field(default_factory=ScanWork)

    @property
    def seconds(self) -> float:
        """What it took without checking what was asked."""
        return self.filter_seconds + self.search_seconds + self.merge_seconds


class Found(Struct, eq=False):
    """Nearest rows of each query: places (q, k) int64 padded with -1, scores (q, k) float32."""

    places: NDArray[np.int64]
    scores: NDArray[np.float32]
    report: SearchReport


def execute(snapshot: Snapshot, request: SearchRequest) -> Found:
    """Return the ``min(k, matches)`` nearest points of each query.

    Ties go to the segment that came first, then to what the tenant owns, then to the lower row. Takes
    no locks; kernels release the GIL. Under a deadline the time is looked at before each segment and each
    piece of a batch, and all that was found is given up when it is over.
    """
    start, report = time.perf_counter(), SearchReport(filter=request.expression)
    if request.field.prepares:
        queries, report.weighting = prepared(snapshot, request.field.name, request.tenant, request.queries)
        request = replace(request, queries=queries)
        weighted = time.perf_counter()
        report.search_seconds, start = weighted - start, weighted
    found: list[tuple[int, Neighbors]] = []
    # No queries ask nothing of any segment.
    for number, view in enumerate(snapshot.views if request.n_queries else ()):
        deadline.check()
        if request.candidates is not None:
            scored = _scored(view, number, request, request.candidates, report)
            found += [(number, scored)] if scored is not None else []
            start = time.perf_counter()
            continue
        for allowed in view.allowed(request.expression, request.tenant, report.scanning):
            neighbors = _within(view, request, allowed, report, start)
            if neighbors is not None:
                found.append((number, neighbors))
            start = time.perf_counter()
    places, scores = _merge(found, request)
    # Those that are made of texts are weighted in any case.
    field = request.field
    of_texts = report.weighting is not None and field.kind.source(field.spec) is not None
    # Scores descend, so the last of each query tells whether any is 0.
    if of_texts and found and (scores.item(-1) <= 0 or (len(scores) > 1 and (scores[:, -1] <= 0).any())):
        # A row that shares no term with a text is not what was searched for.
        places[scores <= 0] = NO_PLACE
        scores = np.where(scores > 0, scores, request.worst_score)
    report.merge_seconds = time.perf_counter() - start
    return Found(places, scores, report)


def _within(
    view: SegmentView, request: SearchRequest, allowed: Allowed, report: SearchReport, start: float
) -> Neighbors | None:
    """Search what may be found of a view, which was asked for at ``start``; None where that is nothing."""
    field = request.field
    present = view.present(field.name)
    if present is None:
        n_vectors = view.n_rows
    else:
        n_vectors = len(present)
        allowed = allowed.among(field.name, present)
    planned = time.perf_counter()
    report.filter_seconds += planned - start
    found = segment_search(view, field, request.options, allowed, n_vectors)
    if found is None:
        return None
    neighbors = _spread(view, request, allowed.scope, found)
    if present is not None:
        neighbors = neighbors.renumbered(present)
    report.search_seconds += time.perf_counter() - planned
    report.segments.append(SegmentReport(view.uuid, view.n_rows, found.count, found.plan, neighbors.stats))
    return neighbors


def _scored(
    view: SegmentView,
    number: int,
    request: SearchRequest,
    candidates: NDArray[np.int64],
    report: SearchReport,
) -> Neighbors | None:
    """Score the candidates that a view holds; None where it holds none."""
    start = time.perf_counter()
    present = view.present(request.field.name)
    n_vectors = view.n_rows if present is None else len(present)
    scopes = candidate_scopes(candidates, number, present, n_vectors)
    most = max(scope.count(n_vectors) for scope in scopes)
    if not most:
        return None
    scan = view.scan(request.field.name, request.tokens)
    plan = ExactScan(most, scan.cost(None, most, contiguous=False), PlanReason.CANDIDATES)

    def score(lo: int, hi: int) -> list[Neighbors]:
        each = []
        for q in range(lo, hi):
            deadline.check()
            each.append(scan.search(request.queries[q : q + 1], request.options.k, scopes[q]))
        return each

    n = len(scopes)
    threads = min(request.options.threads or os.cpu_count() or 1, n)
    parts = _at_a_time(n, threads, score) if threads > 1 else [score(0, n)]
    neighbors = Neighbors.concat([one for part in parts for one in part])
    if present is not None:
        neighbors = neighbors.renumbered(present)
    report.search_seconds += time.perf_counter() - start
    report.segments.append(SegmentReport(view.uuid, view.n_rows, most, plan, neighbors.stats))
    return neighbors


def _spread(view: SegmentView, request: SearchRequest, scope: Scope, found: SegmentSearch) -> Neighbors:
    queries, plan, n, threads = request.queries, found.plan, request.n_queries, request.options.threads
    if n == 1 and threads == 1:
        return found.search(queries)
    threads = threads or os.cpu_count() or 1
    if n < threads and isinstance(plan, ExactScan) and n * plan.seconds >= _SPREAD_SECONDS:
        return _rows_spread(view, request, scope, plan, min(threads, os.cpu_count() or 1))

    def search(lo: int, hi: int) -> Neighbors:
        return _in_pieces(view, request, queries[lo:hi], plan, found.search)

    threads = min(threads, n)
    return search(0, n) if threads == 1 else Neighbors.concat(_at_a_time(n, threads, search))


def _rows_spread(
    view: SegmentView, request: SearchRequest, scope: Scope, plan: ExactScan, threads: int
) -> Neighbors:
    """Scan parts of the rows at a time: fewer queries than threads."""
    allowed, k = scope.rows or RowSet.everything(plan.n_rows), request.options.k
    scan = view.scan(request.field.name, request.tokens)

    def search(lo: int, hi: int) -> Neighbors:
        part = dataclasses.replace(scope, rows=allowed.part(lo, hi))
        return _in_pieces(view, request, request.queries, plan, lambda some: scan.search(some, k, part))

    first, *others = _at_a_time(allowed.count, threads, search)
    for other in others:
        first = first.nearest(other, k, request.field.spec.metric)
    return first


def _at_a_time(n: int, threads: int, work: Callable[[int, int], _Done]) -> list[_Done]:
    """Do ``work(lo, hi)`` for as many parts of ``n`` things as there are threads, at the same time."""
    cuts = np.linspace(0, n, threads + 1, dtype=int).tolist()
    return search_threads().each([partial(work, lo, hi) for lo, hi in pairwise(cuts)])


def _in_pieces(
    view: SegmentView,
    request: SearchRequest,
    queries: Queries,
    plan: Plan,
    search: Callable[[Any], Neighbors],
) -> Neighbors:
    """Search in one call of a kernel, or in several with looks at the deadline between them."""
    if len(queries) == 1 or deadline.current() is None:
        return search(queries)
    # These queries may hold more than a usual one.
    scan = view.scan(request.field.name, request.tokens)
    usual = scan.cost(None, _COMPARED_ROWS, contiguous=True)
    seconds = plan.seconds * scan.cost(queries, _COMPARED_ROWS, contiguous=True) / max(usual, 1e-12)
    size = max(1, min(_PIECE_QUERIES, int(_PIECE_SECONDS / max(seconds, 1e-9))))
    if size >= len(queries):
        return search(queries)
    parts: list[Neighbors] = []
    for lo in range(0, len(queries), size):
        deadline.check()
        parts.append(search(queries[lo : lo + size]))
    return Neighbors.concat(parts)


def _merge(
    found: list[tuple[int, Neighbors]], request: SearchRequest
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    n, k = request.n_queries, request.options.k
    if not found:
        return np.full((n, k), NO_PLACE, np.int64), np.full((n, k), request.worst_score, np.float32)
    if len(found) == 1:
        ((number, neighbors),) = found
        return _places(number, neighbors.rows), neighbors.scores
    all_places = np.concatenate([_places(number, neighbors.rows) for number, neighbors in found], axis=1)
    scores = np.concatenate([neighbors.scores for _, neighbors in found], axis=1)
    # A stable sort leaves ties in the order of segments and rows.
    nearest = (-scores if request.higher_is_nearer else scores).argsort(axis=1, kind="stable")[:, :k]
    if n > 1:
        nearest = nearest + np.arange(0, scores.size, scores.shape[1])[:, None]
    # As np.take_along_axis does, at a tenth of its cost for one query.
    return all_places.take(nearest), scores.take(nearest)


def _places(number: int, rows: NDArray[np.uint32]) -> NDArray[np.int64]:
    places = place(number, rows)
    # Padding stands at the end of a query's rows, so the last column shows whether there is any.
    if rows.item(-1) == NO_ROW or (len(rows) > 1 and (rows[:, -1] == NO_ROW).any()):
        places[rows == NO_ROW] = NO_PLACE
    return places
