"""One call of ``search``: checks what the caller said, runs it, wraps the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...input.candidates import StagedQuery, check_alike
from ...input.options import SearchOptions, check_results
from ...input.queries import bound_filters
from ...input.stored_queries import StoredQueries
from ...results.carried import fields_of
from ...results.hits import BatchHits, Hits
from ...segments.snapshot import Snapshot
from ...tenants.tenant import Tenant
from ..executor import Found, SearchRequest
from ..stored_vectors import stored_vectors
from .lone_query import nearest_alone
from .report import SearchReport
from .searched_field import searched_field
from .stages import Filters, Stages, nearest

Searched = Callable[[Stages, Filters, Found], None]
"""Is told what was searched for, under which filters, and what was found."""


def answer(
    snapshot: Snapshot,
    owner: Tenant | None,
    query: Any,
    options: SearchOptions,
    searched: Searched | None = None,
) -> tuple[Hits | BatchHits, int, SearchReport, float]:
    """Return the hits, how many queries there were, the executor's report and the seconds of checking.

    The tenant goes to the executor beside the filter, never into it, so nothing a filter says can reach
    another tenant's points. ``searched`` is told what was found before the hits are made.
    """
    start = time.perf_counter()
    stages, single = search_stages(snapshot, owner, query, options)
    return _answered(snapshot, stages, single, searched, start)


def hits(snapshot: Snapshot, owner: Tenant | None, query: Any, options: SearchOptions) -> Hits | BatchHits:
    """Return the hits of :func:`answer`; those of one query cost what its search costs."""
    field = searched_field(snapshot.schema, options)
    if not field.alone or isinstance(query, StoredQueries):
        return answer(snapshot, owner, query, options)[0]
    queries, single = field.kind.queries(field.spec, query, field.name)
    if field.resolves:
        queries = snapshot.resolved(field.name, queries)
    tenant = None if owner is None else owner.scope
    if single:
        # Of one query it is no list.
        expression: Any = bound_filters(options.filter, snapshot.schema, single, 1)
        found = nearest_alone(snapshot, field, queries, options, expression, tenant)
        if found is not None:
            return Hits(snapshot, *found, options.with_payload)
    else:
        check_results(len(queries), options.k)
    stages = Stages(SearchRequest(field, queries, options, None, tenant))
    return _answered(snapshot, stages, single, None, time.perf_counter())[0]


def search_stages(
    snapshot: Snapshot, owner: Tenant | None, query: Any, options: SearchOptions
) -> tuple[Stages, bool]:
    """Return a search, checked, without its filter, and whether it has one query."""
    query, other = (query.query, query.first) if isinstance(query, StagedQuery) else (query, None)
    request, single, own = _request(snapshot, owner, query, options)
    if not single:
        check_results(request.n_queries, options.k + options.offset)
    if options.candidates is None:
        return Stages(request, None, own), single
    first_query = query if other is None else other
    before, alone, _ = _request(snapshot, owner, first_query, options.candidates)
    check_alike(single, request.n_queries, alone, before.n_queries)
    if not single:
        check_results(before.n_queries, options.candidates.k)
    return Stages(request, before, own), single


def _answered(
    snapshot: Snapshot, stages: Stages, single: bool, searched: Searched | None, start: float
) -> tuple[Hits | BatchHits, int, SearchReport, float]:
    options, filters = stages.request.options, None
    if options.filter is not None:
        filters = bound_filters(options.filter, snapshot.schema, single, stages.request.n_queries)
    validate_seconds = time.perf_counter() - start
    found = nearest(snapshot, stages, filters)
    if searched is not None:
        searched(stages, filters, found)
    places, scores = found.places, found.scores
    carrying = options.with_payload, options.with_vectors
    source = snapshot
    if options.with_vectors:
        # Hits are readable after the database was closed.
        source = snapshot.remembering(places[places >= 0], fields_of(options.with_vectors))
    hits: Hits | BatchHits
    if single:
        places, scores = places[0], scores[0]
        if places.item(-1) < 0:
            n = int(np.count_nonzero(places >= 0))
            places, scores = places[:n], scores[:n]
        hits = Hits(source, places, scores, *carrying)
    else:
        counts = np.count_nonzero(places >= 0, axis=1)
        hits = BatchHits(source, places, scores, counts, *carrying)
    return hits, stages.request.n_queries, found.report, validate_seconds


def _request(
    snapshot: Snapshot, owner: Tenant | None, query: Any, options: SearchOptions
) -> tuple[SearchRequest, bool, NDArray[np.int64] | None]:
    """Return one stage without its filter, whether it has one query, and where points searched by are."""
    field, own = searched_field(snapshot.schema, options), None
    if isinstance(query, StoredQueries):
        column, own = stored_vectors(snapshot, owner, field.name, query, options)
        queries, single = field.kind.queries(field.spec, column, field.name)[0], query.single
    else:
        queries, single = field.kind.queries(field.spec, query, field.name)
    if field.resolves:
        queries = snapshot.resolved(field.name, queries)
    if options.tokens is not None and options.tokens[0] is not None:
        queries = queries.first(options.tokens[0])
    tenant = None if owner is None else owner.scope
    return SearchRequest(field, queries, options, None, tenant), single, own
