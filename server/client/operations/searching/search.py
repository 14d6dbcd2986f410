"""Searching, without input and output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from .....engine.input.candidates import StagedQuery, check_alike
from .....engine.input.options import SearchOptions, check_results
from .....engine.input.queries import bound_filters, validate_queries
from .....engine.input.stored_queries import StoredQueries
from .....engine.results.explanation import Explanation
from .....engine.results.facet import FieldValue
from .....engine.results.groups import BatchGroups, Groups
from .....engine.results.hits import BatchHits, Hits
from .....engine.schema.collection_schema import CollectionSchema
from .....engine.schema.vector_field import VectorField
from .....indexes.protocol import Queries
from .....proto.v1 import search_pb2 as pb
from ....wire.methods import METHODS
from ....wire.searching.explanations import read_explanation
from ....wire.searching.groups import read_group_values
from ....wire.searching.hits import read_hits
from ...calls.call import Operation
from ...calls.caller import Caller
from ..answers import joined_hits, read_answer
from ..call_limits import MESSAGE_BYTES, ServerLimits
from ..handle import CollectionHandle
from ..live_schema import LiveSchema
from ..parts import cut, in_parts, nothing
from ..responses import parsed
from .filtering import UNFILTERED, Filtering, filtering_of
from .search_plan import Asked, SearchPlan, encoded_queries, search_plan

_EXPLAIN = METHODS["/vicinal.v1.SearchService/Explain"]
_SEARCH_BATCH = METHODS["/vicinal.v1.SearchService/SearchBatch"]
_SEARCH_GROUPS = METHODS["/vicinal.v1.SearchService/SearchGroups"]
_SEARCH = METHODS["/vicinal.v1.SearchService/Search"]
_CACHED_PLANS = 1024


class SearchOperations:
    """The calls of one collection that search it."""

    def __init__(
        self, handle: CollectionHandle, caller: Caller, limits: ServerLimits, schema: LiveSchema
    ) -> None:
        self._handle = handle
        self._caller = caller
        self._limits = limits
        self._schema = schema
        self._plans = handle.schema, _plans(handle, handle.schema)

    def search(
        self, query: Any, options: SearchOptions
    ) -> Operation[Hits | BatchHits | Groups | BatchGroups]:
        """Return the nearest points of one query, or of each of several, by groups if that is asked for."""
        plan, queries, single, filtering = yield from self._schema.checked(
            lambda schema: self._prepared(schema, query, options)
        )
        if options.group_by is not None:
            groups = yield from self._groups(plan, queries, filtering)
            return groups[0] if single else groups
        if single:
            request = plan.one(queries)
            if filtering is not UNFILTERED:
                request += filtering.whole()
            answer = yield from self._caller.call(_SEARCH, request, harmless=True)
            return read_answer(answer, options)
        return (yield from self._batch(plan, queries, filtering))

    def explain(self, query: Any, options: SearchOptions) -> Operation[Explanation]:
        """Search as :meth:`search` does, in one call, and say how it was done."""
        plan, queries, single, filtering = yield from self._schema.checked(
            lambda schema: self._prepared(schema, query, options)
        )
        request = plan.start + _grouping(options) + filtering.whole()
        request += encoded_queries(plan.column(queries))
        answer = yield from self._caller.call(_EXPLAIN, request, harmless=True)
        response, n = parsed(pb.ExplainResponse, answer), len(queries)
        found: Hits | BatchHits | Groups | BatchGroups
        if options.group_by is not None:
            values = read_group_values(response, n, options.k)
            groups = Groups(values, plan.group_hits(response.hits, response.counts, len(values)))
            found = groups if single else BatchGroups(groups, response.groups)
        elif single:
            found = read_hits(response.hits, options.with_payload, options.with_vectors)
        else:
            found = plan.batch_hits(response.hits, response.counts, n)
        return read_explanation(response, found, n, options.tokens)

    def _plan(self, schema: CollectionSchema, options: SearchOptions) -> SearchPlan:
        known, plans = self._plans
        if known is not schema:
            plans = _plans(self._handle, schema)
            self._plans = schema, plans
        if options.filter is not None:
            options = replace(options, filter=None)
        try:
            return plans(options)
        except TypeError:
            # What has no hash is mostly a mistake, which this tells.
            return search_plan(self._handle, schema, options)

    def _prepared(
        self, schema: CollectionSchema, query: Any, options: SearchOptions
    ) -> tuple[SearchPlan, Asked, bool, Filtering]:
        """Return plan, queries, whether there is but one, and the filters as parts of the request."""
        plan = self._plan(schema, options)
        queries, single = _checked(plan, query)
        if not single:
            size = 1 if options.group_by is None else options.group_size
            check_results(len(queries), options.k * size + options.offset)
        if options.filter is None:
            return plan, queries, single, UNFILTERED
        bound_filters(options.filter, schema, single, len(queries))
        return plan, queries, single, filtering_of(options.filter)

    def _batch(self, plan: SearchPlan, queries: Asked, filtering: Filtering) -> Operation[BatchHits]:
        limits = yield from self._limits.get()
        column = plan.column(queries)
        options = plan.options
        deepest = options.k + options.offset if options.candidates is None else options.candidates.k
        most = min(limits.queries, max(1, limits.results // deepest))
        sizes = column.row_bytes() + filtering.row_bytes(len(queries))
        parts = cut(sizes, limits.message_bytes - MESSAGE_BYTES, most, "query")

        def send(first: int, end: int) -> Operation[tuple[pb.HitColumns, BatchHits]]:
            request = plan.start + filtering.part(first, end) + encoded_queries(column.slice(first, end))
            answer = yield from self._caller.call(_SEARCH_BATCH, request, harmless=True)
            response = parsed(pb.SearchBatchResponse, answer)
            return response.hits, plan.batch_hits(response.hits, response.counts, end - first)

        answers = yield from in_parts(parts, send, nothing)
        if len(answers) == 1:
            return answers[0][1]
        return joined_hits(answers, options.with_payload, options.with_vectors)

    def _groups(self, plan: SearchPlan, queries: Asked, filtering: Filtering) -> Operation[BatchGroups]:
        limits = yield from self._limits.get()
        column, options, size = plan.column(queries), plan.options, plan.options.group_size
        most = min(limits.queries, max(1, limits.results // (options.k * size)))
        sizes = column.row_bytes() + filtering.row_bytes(len(queries))
        parts = cut(sizes, limits.message_bytes - MESSAGE_BYTES, most, "query")

        def send(first: int, end: int) -> Operation[tuple[pb.SearchGroupsResponse, BatchHits]]:
            request = plan.start + _grouping(options) + filtering.part(first, end)
            request += encoded_queries(column.slice(first, end))
            answer = yield from self._caller.call(_SEARCH_GROUPS, request, harmless=True)
            response = parsed(pb.SearchGroupsResponse, answer)
            hits = plan.group_hits(response.hits, response.counts, len(response.values))
            return response, hits

        answers = yield from in_parts(parts, send, nothing)
        values: list[FieldValue] = []
        counts: list[int] = []
        for (first, end), (response, _) in zip(parts, answers, strict=True):
            values += read_group_values(response, end - first, options.k)
            counts += response.groups
        hits = answers[0][1]
        if len(answers) > 1:
            columns = [(response.hits, part) for response, part in answers]
            hits = joined_hits(columns, options.with_payload, options.with_vectors)
        return BatchGroups(Groups(values, hits), counts)


def _grouping(options: SearchOptions) -> bytes:
    """Return by what hits are grouped as a part of a request; nothing where they are not."""
    if options.group_by is None:
        return b""
    # SearchGroups and Explain have these fields under the same numbers.
    asked = pb.ExplainRequest(group_by=options.group_by, group_size=options.group_size)
    return asked.SerializeToString()


def _checked(plan: SearchPlan, query: Any) -> tuple[Asked, bool]:
    """Return the queries of a search, with those of a first stage, and whether there is but one."""
    given = query.query if isinstance(query, StagedQuery) else query
    queries, single = _queries(plan.field, plan.spec, given)
    if not isinstance(query, StagedQuery):
        return queries, single
    assert plan.first is not None
    first, alone = _queries(*plan.first, given if query.first is None else query.first)
    check_alike(single, len(queries), alone, len(first))
    return StagedQuery(queries, None if query.first is None else first), single


def _queries(field: str, spec: VectorField, query: Any) -> tuple[Queries | StoredQueries, bool]:
    if isinstance(query, StoredQueries):
        return query, query.single
    return validate_queries(field, spec, query)


def _plans(handle: CollectionHandle, schema: CollectionSchema) -> Callable[[SearchOptions], SearchPlan]:
    """Return what makes plans by one schema, and keeps them."""
    return lru_cache(_CACHED_PLANS)(partial(search_plan, handle, schema))
