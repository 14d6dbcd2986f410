"""Exact scores of points that the caller names."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...indexes.protocol import Queries, Scan
from ...storage.columns.partial import places_among
from .. import deadline
from ..input.score_request import ScoreRequest
from ..segments.live_statistics import prepared
from ..segments.snapshot import Snapshot
from ..tenants.tenant import Tenant
from .point_reads import find_points

# Of one call of a kernel under a deadline.
_PIECE_SECONDS = 0.1


def scores(snapshot: Snapshot, owner: Tenant | None, request: ScoreRequest) -> NDArray[np.float32]:
    """Return the score of each query with each of its candidates, (q, width) float32.

    NaN stands where the tenant has no such point, where the point has no vector in the field, and behind the
    last candidate of a query that has fewer than others.
    """
    tenant = None if owner is None else owner.scope
    resolved = snapshot.resolved(request.field, request.queries)
    # Those of a field that has budgets have a method ``first``.
    queries: Any = prepared(snapshot, request.field, tenant, resolved)[0]
    asked, stored = request.tokens or (None, None)
    request = replace(request, queries=queries if asked is None else queries.first(asked))
    places = find_points(snapshot, request.ids.to_list(), owner)
    found = np.full((len(request.queries), request.width), np.nan, np.float32)
    for here, rows, view in snapshot.by_view(places):
        deadline.check()
        at = np.arange(len(places))[here]
        present = view.present(request.field)
        if present is not None:
            rows, has = places_among(present, rows)
            at, rows = at[has], rows[has]
        _fill(found, request, view.scan(request.field, stored), at, rows.astype(np.uint32))
    return found


def _fill(
    found: NDArray[np.float32],
    request: ScoreRequest,
    scan: Scan[Any],
    at: NDArray[np.int64],
    rows: NDArray[np.uint32],
) -> None:
    """Write the scores of rows of one segment, which the candidates at the places ``at`` are."""
    queries, offsets = request.queries, request.offsets
    if offsets is None:
        found[:, at] = _in_pieces(scan, queries, rows)
        return
    cuts = np.searchsorted(at, offsets).tolist()
    for number, (lo, hi) in enumerate(pairwise(cuts)):
        if lo < hi:
            deadline.check()
            scored = scan.score(queries[number : number + 1], rows[lo:hi])
            found[number, at[lo:hi] - offsets[number]] = scored[0]


def _in_pieces(scan: Scan[Any], queries: Queries, rows: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Score in one call of a kernel, or in several with looks at the deadline between them."""
    if deadline.current() is None or len(queries) < 2 or not len(rows):
        return scan.score(queries, rows)
    size = max(1, int(_PIECE_SECONDS / max(scan.cost(queries, len(rows), False), 1e-9)))
    parts = []
    for lo in range(0, len(queries), size):
        deadline.check()
        parts.append(scan.score(queries[lo : lo + size], rows))
    return np.concatenate(parts)
