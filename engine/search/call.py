"""One call of ``search``: checks what the caller said, runs it, wraps the answer."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..filters.expression import Filter
from ..input.options import check_options, check_results
from ..input.queries import bound, check_flag, chosen_field, validate_queries
from ..results.hits import BatchHits, Hits
from ..segments.snapshot import Snapshot
from ..tenants.tenant import Tenant
from .executor import SearchReport, SearchRequest
from .paging import page


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
    knobs = check_options(k, offset, threads, recall, ef, exact)
    # Sums of NumPy's narrow integers would overflow.
    k, offset, threads = int(k), int(offset), int(threads)
    carried = check_flag("with_payload", with_payload), check_flag("with_vectors", with_vectors)
    name, spec = chosen_field(snapshot.schema, field)
    queries, single = validate_queries(name, spec, query)
    if not single:
        check_results(len(queries), k + offset)
    request = SearchRequest(
        field=name,
        spec=spec,
        queries=queries,
        k=k,
        expression=None if filter is None else bound(filter, snapshot.schema),
        tenant=None if owner is None else owner.scope,
        knobs=knobs,
        threads=threads or os.cpu_count() or 1,
    )
    validate_seconds = time.perf_counter() - start
    found = page(snapshot, request, offset)
    places, scores = found.places, found.scores
    hits: Hits | BatchHits
    if single:
        places, scores = places[0], scores[0]
        if places[-1] < 0:
            n = int(np.count_nonzero(places >= 0))
            places, scores = places[:n], scores[:n]
        hits = Hits(snapshot, places, scores, *carried)
    else:
        counts = np.count_nonzero(places >= 0, axis=1)
        hits = BatchHits(snapshot, places, scores, counts, *carried)
    return hits, len(queries), found.report, validate_seconds
