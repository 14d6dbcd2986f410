"""One call of ``search``: checks what the caller said, runs it, wraps the answer."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from .errors import InvalidArgument, LimitExceeded
from .executor import SearchReport, SearchRequest, execute
from .filter import Filter
from .hits import BatchHits, Hits
from .planner import SearchKnobs
from .query_input import bound, check_integer, chosen_field, validate_queries
from .snapshot import Snapshot
from .write_operations import Tenant

MAX_K = 10_000
MAX_EF = 65_536
MAX_RESULTS = 50_000_000
"""Places of all queries of one call: rows, places and scores of so many take about a gigabyte."""


def answer(
    snapshot: Snapshot,
    owner: Tenant | None,
    query: Any,
    k: int,
    *,
    field: str | None,
    filter: Filter | Mapping[str, Any] | None,
    recall: float,
    ef: int | None,
    exact: bool,
    offset: int,
    with_payload: bool,
    with_vectors: bool,
    threads: int,
) -> tuple[Hits | BatchHits, int, SearchReport, float]:
    """Return the hits, how many queries there were, the executor's report and the seconds of checking.

    The parameters are those of :meth:`Collection.search`. The tenant goes to the executor beside the filter,
    never into it, so nothing a filter says can reach another tenant's points.
    """
    start = time.perf_counter()
    if type(k) is not int or offset or threads != 1 or not 1 <= k <= MAX_K:
        _check(k, offset, threads)
    try:
        knobs = _knobs(recall, ef, exact)
    except TypeError as error:
        # An argument that cannot be hashed is none that the cache, or anybody, can use.
        raise InvalidArgument(
            f"recall is {recall!r}, ef is {ef!r}, exact is {exact!r}; expected number, integer, bool",
            field="recall",
        ) from error
    name, spec = chosen_field(snapshot.schema, field)
    queries, single = validate_queries(name, spec, query)
    if not single:
        _check_results(len(queries), k + offset)
    request = SearchRequest(
        field=name,
        spec=spec,
        queries=queries,
        k=k + offset,
        expression=None if filter is None else bound(filter, snapshot.schema),
        tenant=None if owner is None else owner.scope,
        knobs=knobs,
        threads=threads or os.cpu_count() or 1,
    )
    validate_seconds = time.perf_counter() - start
    found = execute(snapshot, request)
    places, scores = found.places, found.scores
    if offset:
        places, scores = places[:, offset:], scores[:, offset:]
    hits: Hits | BatchHits
    if single:
        places, scores = places[0], scores[0]
        if places[-1] < 0:
            n = int(np.count_nonzero(places >= 0))
            places, scores = places[:n], scores[:n]
        hits = Hits(snapshot, places, scores, with_payload, with_vectors)
    else:
        counts = np.count_nonzero(places >= 0, axis=1)
        hits = BatchHits(snapshot, places, scores, counts, with_payload, with_vectors)
    return hits, len(queries), found.report, validate_seconds


def _check(k: int, offset: int, threads: int) -> None:
    check_integer("k", k, 1, MAX_K)
    check_integer("offset", offset, 0, MAX_K - k)
    check_integer("threads", threads, 0, 1024)


def _check_results(queries: int, k: int) -> None:
    if queries * k > MAX_RESULTS:
        raise LimitExceeded(
            f"{queries:,} queries with k + offset {k:,} ask for {queries * k:,} results; one call returns at "
            f"most {MAX_RESULTS:,}: send the batch in parts of {MAX_RESULTS // k:,} queries",
            field="query",
        )


@lru_cache(maxsize=256, typed=True)
def _knobs(recall: float, ef: int | None, exact: bool) -> SearchKnobs:
    if ef is not None:
        check_integer("ef", ef, 1, MAX_EF)
    if not isinstance(recall, float | int) or isinstance(recall, bool) or not 0 < recall <= 1:
        raise InvalidArgument(
            f"recall is {recall!r}; expected a fraction above 0 and at most 1, such as 0.95", field="recall"
        )
    if not isinstance(exact, bool):
        raise InvalidArgument(f"exact is {exact!r}; expected True or False", field="exact")
    return SearchKnobs(recall, ef, exact)
