"""Runs a search over a snapshot: filter, plan, scan or walk each segment, merge."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from ...indexes.protocol import Queries
from ...indexes.rows.neighbors import Neighbors
from ...indexes.rows.row_set import RowSet
from ...storage.columns.partial import Present
from .. import deadline
from ..filters.expression import Filter
from ..input.options import SearchOptions
from ..results.explanation import PlanReason
from ..segments.allowed import Allowed
from ..segments.live_statistics import prepared
from ..segments.snapshot import NO_PLACE, Snapshot
from ..segments.view import SegmentView
from .calls.report import SearchReport, SegmentReport
from .calls.search_kind import SearchKind, kind_of_search
from .calls.searched_field import SearchedField
from .candidates import candidate_scopes
from .planner import ExactScan, Plan
from .segment_search import SegmentSearch, scanned_tokens, segment_search
from .threads import at_a_time
from .union.merging import merged
from .union.shared_target import first_wanted, holding_more, with_more

# Queries of one call of a kernel under a deadline: enough that the call costs nothing beside them.
_PIECE_QUERIES = 64
# And no more of them than are scanned in so many seconds.
_PIECE_SECONDS = 0.1
# Rows whose scan says how much more these queries cost than usual ones.
_COMPARED_ROWS = 1000
# Scans that take less are not worth waking other threads for.
_SPREAD_SECONDS = 0.4e-3


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
    raised : int or None
        By how many rungs indexes try harder than was measured; None for as many as audits of such searches
        showed to be needed.
    n_queries : int
        How many queries there are.
    """

    field: SearchedField
    queries: Queries
    options: SearchOptions
    expression: Filter | None
    tenant: int | None
    candidates: NDArray[np.int64] | None = None
    raised: int | None = None
    n_queries: int = 0

    def __post_init__(self) -> None:
        self.n_queries = len(self.queries)

    @property
    def tokens(self) -> int | None:
        """How many first tokens of a row count; None for all, and of vectors that have none."""
        return scanned_tokens(self.options)

    @property
    def kind(self) -> SearchKind:
        """Which searches it is like."""
        filtered = self.expression is not None or self.tenant is not None
        return kind_of_search(self.field.name, self.options, filtered)

    @property
    def higher_is_nearer(self) -> bool:
        """Which way scores point."""
        return self.field.spec.metric.higher_is_nearer

    @property
    def worst_score(self) -> float:
        """The score of padding."""
        return self.field.spec.metric.worst


class _Part(Struct, eq=False):
    """What may be found of the ``n`` vectors of one view, at least one."""

    number: int
    view: SegmentView
    allowed: Allowed
    n: int
    present: Present | None

    def prepared(self, said: SearchRequest, most: int | None) -> SegmentSearch:
        return segment_search(self.view, said.field, said.options, said.raised, self.allowed, self.n, most)


class Found(Struct, eq=False):
    """Nearest rows of each query: places (q, k) int64 padded with -1, scores (q, k) float32."""

    places: NDArray[np.int64]
    scores: NDArray[np.float32]
    report: SearchReport


def execute(snapshot: Snapshot, request: SearchRequest) -> Found:
    """Return the ``min(k, matches)`` nearest points of each query.

    Ties go to the segment that came first, then to what the tenant owns, then to the lower row. Takes
    no locks; kernels release the GIL. Under a deadline the time is looked at before the rows of
    each segment are chosen, before they are searched and before each piece of a batch, and all that was found
    is given up when it is over.
    """
    start, report = time.perf_counter(), SearchReport(filter=request.expression)
    if request.field.prepares:
        queries, report.weighting = prepared(snapshot, request.field.name, request.tenant, request.queries)
        request = replace(request, queries=queries)
        weighted = time.perf_counter()
        report.search_seconds, start = weighted - start, weighted
    if snapshot.raised and request.raised is None:
        request = replace(request, raised=snapshot.raised.get(request.kind, 0))
    found: list[tuple[int, Neighbors]] = []
    parts: list[_Part] = []
    # No queries ask nothing of any segment.
    for number, view in enumerate(snapshot.views if request.n_queries else ()):
        deadline.check()
        if request.candidates is not None:
            scored = _scored(view, number, request, request.candidates, report)
            found += [(number, scored)] if scored is not None else []
            start = time.perf_counter()
            continue
        for allowed in view.allowed(request.expression, request.tenant, report.scanning):
            part = _part(number, view, request.field.name, allowed)
            if part is not None:
                parts.append(part)
    if parts:
        planned = time.perf_counter()
        report.filter_seconds += planned - start
        found = [_alone(parts[0], request, report)] if len(parts) == 1 else _together(parts, request, report)
        start = time.perf_counter()
        report.search_seconds += start - planned
    places, scores = merged(found, request.n_queries, request.options.k, request.field.spec.metric)
    # Scores descend, so the last of each query tells whether any is 0.
    if (
        request.field.matches
        and found
        and (scores.item(-1) <= 0 or (len(scores) > 1 and (scores[:, -1] <= 0).any()))
    ):
        # A row that shares no term with a text is not what was searched for.
        places[scores <= 0] = NO_PLACE
        scores = np.where(scores > 0, scores, request.worst_score)
    report.merge_seconds = time.perf_counter() - start
    return Found(places, scores, report)


def _part(number: int, view: SegmentView, field: str, allowed: Allowed) -> _Part | None:
    """Return what is to be searched of a view; None where that is nothing."""
    present = view.present(field)
    if present is None:
        n_vectors = view.n_rows
    else:
        n_vectors = len(present)
        allowed = allowed.among(field, present)
    return _Part(number, view, allowed, n_vectors, present) if allowed.scope.count(n_vectors) else None


def _alone(part: _Part, request: SearchRequest, report: SearchReport) -> tuple[int, Neighbors]:
    search = part.prepared(request, None)
    return _reported(part, search, _spread(part, request, search), report)


def _together(
    parts: list[_Part], request: SearchRequest, report: SearchReport
) -> list[tuple[int, Neighbors]]:
    """Search each part for its share of the nearest, and where it may hold more of them for all."""
    options, metric = request.options, request.field.spec.metric
    counts = tuple([part.allowed.scope.count(part.n) for part in parts])
    told = request.field.knobs is not None or options.exact
    wanted: Iterable[int | None] = repeat(None) if told else first_wanted(counts, options.k)
    searches, found = [], []
    for part, most in zip(parts, wanted, strict=False):
        deadline.check()
        search = part.prepared(request, most)
        searches.append(search)
        found.append(_spread(part, request, search))
    for place, queries in holding_more(found, [search.shares for search in searches], options.k, metric):
        deadline.check()
        part, asked = parts[place], replace(request, queries=request.queries[queries])
        more = _spread(part, asked, part.prepared(asked, None))
        found[place] = with_more(found[place], queries, more, options.k, metric)
    return [_reported(*each, report) for each in zip(parts, searches, found, strict=True)]


def _reported(
    part: _Part, search: SegmentSearch, found: Neighbors, report: SearchReport
) -> tuple[int, Neighbors]:
    if part.present is not None:
        found = found.renumbered(part.present)
    view = part.view
    report.segments.append(SegmentReport(view.uuid, view.n_rows, search.count, search.plan, found.stats))
    return part.number, found


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
    parts = at_a_time(n, threads, score) if threads > 1 else [score(0, n)]
    neighbors = Neighbors.concat([one for part in parts for one in part])
    if present is not None:
        neighbors = neighbors.renumbered(present)
    report.search_seconds += time.perf_counter() - start
    report.segments.append(SegmentReport(view.uuid, view.n_rows, most, plan, neighbors.stats))
    return neighbors


def _spread(part: _Part, request: SearchRequest, found: SegmentSearch) -> Neighbors:
    queries, plan, n, threads = request.queries, found.plan, request.n_queries, request.options.threads
    if n == 1 and threads == 1:
        return found.search(queries)
    threads = threads or os.cpu_count() or 1
    if n < threads and isinstance(plan, ExactScan) and n * plan.seconds >= _SPREAD_SECONDS:
        return _rows_spread(part, request, found, min(threads, os.cpu_count() or 1))

    def search(lo: int, hi: int) -> Neighbors:
        return _in_pieces(part.view, request, queries[lo:hi], plan, found.search)

    threads = min(threads, n)
    return search(0, n) if threads == 1 else Neighbors.concat(at_a_time(n, threads, search))


def _rows_spread(part: _Part, request: SearchRequest, found: SegmentSearch, threads: int) -> Neighbors:
    """Scan parts of the rows at a time: fewer queries than threads."""
    view, scope, plan, k = part.view, part.allowed.scope, found.plan, found.k
    allowed = scope.rows or RowSet.everything(found.count)
    scan = view.scan(request.field.name, request.tokens)

    def search(lo: int, hi: int) -> Neighbors:
        some = dataclasses.replace(scope, rows=allowed.part(lo, hi))
        return _in_pieces(view, request, request.queries, plan, lambda asked: scan.search(asked, k, some))

    first, *others = at_a_time(allowed.count, threads, search)
    for other in others:
        first = first.nearest(other, k, request.field.spec.metric)
    return first


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
