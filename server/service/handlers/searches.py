"""The RPCs of SearchService."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ....engine.collection import Collection, columnar
from ....engine.errors import InvalidArgument, LimitExceeded
from ....engine.input.candidates import StagedQuery
from ....engine.input.options import MAX_K, SearchOptions
from ....engine.input.stored_queries import stored_queries
from ....engine.results.explanation import Explanation, PlanKind, SegmentPlan
from ....engine.results.hits import BatchHits, Hits
from ....engine.segments.sizes import hits_bytes
from ....proto.v1 import search_pb2 as pb
from ....proto.v1 import vectors_pb2
from ...wire.point_ids import count_ids, read_ids
from ...wire.searching.explanations import put_explanation
from ...wire.searching.groups import put_groups
from ...wire.searching.hits import packed_hits
from ...wire.searching.options import read_options
from ...wire.searching.query_filters import read_filters
from ...wire.searching.scores import put_scores, read_candidates, read_scored_by
from ...wire.vectors import TOKEN_BYTES, count_rows, read_query, read_vectors
from ..calls.call import Call
from ..settings.cores import usable_cores
from ..settings.limits import Limits

# Payloads and vectors as they are read, in the message, and as its bytes.
_COPIES = 3
# What an id takes that is chosen by, and a score, as an array and as a piece of it.
_ID_BYTES = 100
_SCORE_BYTES = 8
_CORES = usable_cores()


def search(call: Call, request: pb.SearchRequest) -> bytes:
    """Search for one query."""
    collection, options = _asked(call, request, 1)
    query = _staged(call, request, _query(call, request), read_query)
    call.wait_in_line()
    hits = columnar(collection).search(query, options)
    _cover(call, hits, options)
    return packed_hits(hits, options.with_payload)


def search_batch(call: Call, request: pb.SearchBatchRequest) -> bytes:
    """Search for several queries."""
    collection, options = _asked(call, request, count_rows(request.queries) + count_ids(request.by_id))
    queries = _staged(call, request, _queries(call, request), read_vectors)
    call.wait_in_line()
    hits = columnar(collection).search(queries, options)
    _cover(call, hits, options)
    return packed_hits(hits, options.with_payload)


def search_groups(call: Call, request: pb.SearchGroupsRequest) -> pb.SearchGroupsResponse:
    """Search for several queries by groups."""
    n = count_rows(request.queries) + count_ids(request.by_id)
    collection, options = _asked(call, request, n)
    queries = _queries(call, request)
    call.wait_in_line()
    groups = columnar(collection).search(queries, options)
    _cover(call, groups.groups.hits, options)
    response = pb.SearchGroupsResponse()
    put_groups(response, groups, options.with_payload)
    return response


def explain(call: Call, request: pb.ExplainRequest) -> pb.ExplainResponse:
    """Search for several queries and say how it was done."""
    collection, options = _asked(call, request, count_rows(request.queries) + count_ids(request.by_id))
    queries = _staged(call, request, _queries(call, request), read_vectors)
    call.wait_in_line()
    explanation = columnar(collection).explain(queries, options)
    _cover(call, explanation.hits, options)
    if call.principal.tenants is not None:
        explanation = _of_one_tenant(explanation)
    response = pb.ExplainResponse()
    put_explanation(response, explanation, options.with_payload)
    return response


def score(call: Call, request: pb.ScoreRequest) -> pb.ScoreResponse:
    """Score points by id."""
    collection, tenant = call.scope(request.scope)
    queries, n = count_rows(request.queries), count_ids(request.ids)
    most = call.limits.max_points
    if n > most:
        raise LimitExceeded(f"the call has {n:,} ids and may have {most:,}; send them in parts", field="ids")
    width = max(request.counts, default=n)
    _check_limits(call.limits, queries, queries * width, "ids")
    call.take_memory(_ID_BYTES * n + _SCORE_BYTES * queries * width)
    _take_tokens(call, request.queries)
    ids = read_candidates(request, queries)
    vectors = read_vectors(request.queries, "query")
    call.wait_in_line()
    scores = columnar(collection).score(vectors, ids, *read_scored_by(request), tenant)
    response = pb.ScoreResponse()
    put_scores(response, scores)
    return response


def _asked(
    call: Call,
    request: pb.SearchRequest | pb.SearchBatchRequest | pb.SearchGroupsRequest | pb.ExplainRequest,
    queries: int,
) -> tuple[Collection, SearchOptions]:
    """Return what is searched and what is asked for, after taking the memory of the answer."""
    collection, tenant = call.scope(request.scope)
    candidates: pb.Candidates | None = None
    groups: pb.SearchGroupsRequest | pb.ExplainRequest | None = None
    if isinstance(request, pb.SearchGroupsRequest):
        groups = request
    else:
        candidates = request.candidates if request.HasField("candidates") else None
        if isinstance(request, pb.ExplainRequest) and request.HasField("group_by"):
            groups = request
    options = read_options(request.options, tenant, _CORES, candidates, groups)
    if not isinstance(request, pb.SearchRequest) and request.filters:
        options = replace(options, filter=read_filters(request.filters, options.filter))
    deepest = options.k + options.offset if options.candidates is None else options.candidates.k
    results = queries * (deepest if options.group_by is None else options.k * options.group_size)
    _check_limits(call.limits, queries, results, "k")
    # What payloads and vectors take is known when the hits are. A look for groups is as deep as any search.
    call.take_row_memory(results if options.group_by is None else results + MAX_K)
    return collection, options


def _query(call: Call, request: pb.SearchRequest) -> Any:
    """Return the query of a request that has one."""
    if not request.HasField("by_id"):
        _take_tokens(call, request.query)
        return read_query(request.query)
    ids = read_ids(request.by_id, "by_id")
    if len(ids) != 1:
        raise InvalidArgument(
            f"by_id has {len(ids)} ids; expected one, several go to SearchBatch", field="by_id"
        )
    return stored_queries(request.query if request.HasField("query") else None, ids[0])


def _queries(call: Call, request: pb.SearchBatchRequest | pb.ExplainRequest | pb.SearchGroupsRequest) -> Any:
    """Return the queries of a request."""
    if not request.HasField("by_id"):
        _take_tokens(call, request.queries)
        return read_vectors(request.queries, "query")
    given = request.queries if request.HasField("queries") else None
    return stored_queries(given, read_ids(request.by_id, "by_id"))


def _staged(
    call: Call,
    request: pb.SearchRequest | pb.SearchBatchRequest | pb.ExplainRequest,
    query: Any,
    read: Callable[[vectors_pb2.Vectors, str], Any],
) -> Any:
    """Return the query of a request beside that of its first stage, if it has one."""
    if not request.HasField("candidates"):
        return query
    if not request.candidates.HasField("query"):
        return StagedQuery(query, None)
    _take_tokens(call, request.candidates.query)
    return StagedQuery(query, read(request.candidates.query, "candidates"))


def _take_tokens(call: Call, vectors: vectors_pb2.Vectors) -> None:
    """Take the memory of the tokens that vectors are of, before any of them is read."""
    if vectors.HasField("tokens"):
        call.take_memory(TOKEN_BYTES * len(vectors.tokens.tokens))


def _check_limits(limits: Limits, queries: int, results: int, field: str) -> None:
    if queries > limits.max_queries:
        raise LimitExceeded(
            f"the call has {queries:,} queries and may have {limits.max_queries:,}; send them in parts",
            field="query",
        )
    if results > limits.max_results:
        raise LimitExceeded(
            f"{queries:,} queries ask for {results:,} results, offsets included, and one call may for "
            f"{limits.max_results:,}; send them in parts",
            field=field,
        )


def _cover(call: Call, hits: Hits | BatchHits, options: SearchOptions) -> None:
    """Take the memory that payloads and vectors of the hits need, before any of them is read."""
    if not (options.with_payload or options.with_vectors):
        return
    found = hits_bytes(hits, payloads=bool(options.with_payload), vectors=options.with_vectors)
    call.take_memory(_COPIES * found)


def _of_one_tenant(explanation: Explanation) -> Explanation:
    """Return what a tenant may know of how its search was done.

    Into how many segments its rows are cut, and what a plan was chosen instead of, depends on the rows of
    others. So there is one plan, over the tenant's own rows.
    """
    parts = explanation.segments
    # Values of a field are read of rows of others too, and what a walk finds decides on further searches.
    explanation = replace(explanation, payloads_read=0, searches=0)
    if not parts:
        return explanation
    rows = sum(part.allowed for part in parts)
    if explanation.first_stage:
        # What was found depends on the rows of others, as how it was does.
        whole = SegmentPlan("", rows, rows, PlanKind.EXACT_SCAN)
        return replace(explanation, segments=(whole,), first_stage=())
    if any(part.kind is PlanKind.INDEX_SEARCH for part in parts):
        # The work of a walk grows with the rows of others that it passes.
        whole = SegmentPlan("", rows, rows, PlanKind.INDEX_SEARCH)
        return replace(explanation, segments=(whole,))
    whole = SegmentPlan(
        segment="",
        rows=rows,
        allowed=rows,
        kind=PlanKind.EXACT_SCAN,
        expected_recall=explanation.expected_recall,
        hops=sum(part.hops for part in parts),
        distances=sum(part.distances for part in parts),
        rescored=sum(part.rescored for part in parts),
        fallbacks=sum(part.fallbacks for part in parts),
    )
    return replace(explanation, segments=(whole,))
