"""A query alone, for which each segment is searched once: no report of the work is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ....indexes.joining import JoinsSearches
from ....indexes.protocol import Index, Queries, Scope, SharesTarget
from ....indexes.rows.neighbors import NO_ROW, Neighbors
from ....storage.columns.partial import Present
from ... import deadline
from ...filters.evaluation.scanning import ScanWork
from ...filters.expression import Filter
from ...input.options import SearchOptions
from ...segments.allowed import Allowed
from ...segments.live_statistics import prepared
from ...segments.snapshot import NO_PLACE, Snapshot, place
from ...segments.view import SegmentView
from ..ownership import check_owned
from ..planner import IndexSearch
from ..segment_search import KEPT, segment_search
from ..union.joined import JoinedSearch
from ..union.merging import merged
from .searched_field import SearchedField


class _LoneSearch(Struct, eq=False):
    """How queries alone are searched among some rows, kept with them.

    ``said`` names the options, but for the filter, as :attr:`SearchOptions.of_schemas` does. ``shares`` tells
    whether the index finds its share of several segments' nearest for less than all of them, and ``joins``
    whether it is searched with those of other segments as one.
    """

    said: dict[int, Any]
    index: Index[Any, Any] | None
    search: Callable[[Queries], Neighbors]
    present: Present | None
    n: int
    scope: Scope
    shares: bool
    joins: bool


def nearest_alone(
    snapshot: Snapshot,
    field: SearchedField,
    queries: Queries,
    options: SearchOptions,
    expression: Filter | None,
    tenant: int | None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
    """Return places and scores of the ``min(k, matches)`` nearest of one query, as :func:`execute` does.

    None where there is more to it than to search each segment for all of them: audits raised efforts,
    one of several segments is to be searched for its share, a tenant has rows of others, or nothing can be
    found.
    """
    if snapshot.raised:
        return None
    deadline.check()
    if field.prepares:
        queries = prepared(snapshot, field.name, tenant, queries)[0]
    views = snapshot.views
    if len(views) == 1:
        number, kept = 0, _search(views[0], field, options, expression, tenant)
        if not isinstance(kept, _LoneSearch):
            return None
    else:
        searches = _searches(views, field, options, expression, tenant)
        if searches is None:
            return None
        if len(searches) > 1:
            places, scores = _nearest_of_several(snapshot, field, queries, options.k, searches)
            if tenant is not None:
                check_owned(snapshot, tenant, places)
            return _matching(field, places, scores)
        ((number, kept),) = searches.items()
    found = kept.search(queries)
    if kept.present is not None:
        found = found.renumbered(kept.present)
    rows = found.rows[0]
    if rows.item(-1) == NO_ROW:
        rows = rows[rows != NO_ROW]
    # A row of the first view is its own place.
    places = place(number, rows) if number else rows.astype(np.int64)
    # What is not the tenant's own may be granted to it, or is an error.
    if tenant is not None and not (len(rows) and views[number].owns(rows.tolist(), tenant)):
        check_owned(snapshot, tenant, places)
    if field.matches:
        return _matching(field, places, found.scores[0])
    return places, found.scores[0, : len(places)]


def _matching(
    field: SearchedField, places: NDArray[np.int64], scores: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return what was found without padding, and of a text without rows that share no term with it."""
    if field.matches and scores.item(-1) <= 0:
        places = places[: int(np.count_nonzero(scores > 0))]
    return places, scores[: len(places)]


def _searches(
    views: Sequence[SegmentView],
    field: SearchedField,
    options: SearchOptions,
    expression: Filter | None,
    tenant: int | None,
) -> dict[int, _LoneSearch] | None:
    """Return how those of several views are searched that hold what may be found; None where in parts."""
    searches: dict[int, _LoneSearch] = {}
    shares = False
    for number, view in enumerate(views):
        kept = _search(view, field, options, expression, tenant)
        if kept is None:
            return None
        if isinstance(kept, _LoneSearch):
            searches[number] = kept
            shares = shares or kept.shares
            if shares and len(searches) > 1:
                return None
    return searches or None


def _nearest_of_several(
    snapshot: Snapshot, field: SearchedField, queries: Queries, k: int, searches: dict[int, _LoneSearch]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    joined = _joined(snapshot, list(searches), list(searches.values()), k)
    if joined is not None:
        return joined.nearest(queries)
    found = []
    for number, one in searches.items():
        deadline.check()
        nearest = one.search(queries)
        found.append((number, nearest if one.present is None else nearest.renumbered(one.present)))
    (places,), (scores,) = merged(found, 1, k, field.spec.metric)
    return places[places != NO_PLACE], scores


def _joined(
    snapshot: Snapshot, numbers: list[int], searches: list[_LoneSearch], k: int
) -> JoinedSearch | None:
    """Return the search of several views as of one, kept by the snapshot; None where there is none such."""
    key = tuple(map(id, searches))
    kept: tuple[list[_LoneSearch], JoinedSearch | None] | None = snapshot.joined.get(key)
    if kept is None:
        found = None
        if all(one.joins for one in searches):
            parts = [
                (number, one.index, one.n, one.scope) for number, one in zip(numbers, searches, strict=True)
            ]
            found = JoinedSearch.of(parts, k)
        if len(snapshot.joined) >= KEPT:
            snapshot.joined.clear()
        # What is kept has its searches, so no others have the same identities.
        kept = snapshot.joined[key] = searches, found
    return kept[1]


def _search(
    view: SegmentView,
    field: SearchedField,
    options: SearchOptions,
    expression: Filter | None,
    tenant: int | None,
) -> _LoneSearch | bool | None:
    """Return how a view is searched; False where it has nothing to find, None where that is in parts."""
    parts = view.allowed(expression, tenant, ScanWork())
    if len(parts) != 1:
        return False if not parts else None
    kept: _LoneSearch | None = parts[0].searches.get(id(options.of_schemas))
    if kept is not None and kept.index is view.index(field.name):
        return kept
    return _prepared(view, field, options, parts[0])


def _prepared(
    view: SegmentView, field: SearchedField, options: SearchOptions, allowed: Allowed
) -> _LoneSearch | bool:
    present = view.present(field.name)
    n_vectors = view.n_rows if present is None else len(present)
    among = allowed if present is None else allowed.among(field.name, present)
    if not among.scope.count(n_vectors):
        return False
    search = segment_search(view, field, options, None, among, n_vectors, None)
    index = search.index
    joins = present is None and isinstance(search.plan, IndexSearch) and isinstance(index, JoinsSearches)
    shares = isinstance(index, SharesTarget)
    kept = _LoneSearch(
        options.of_schemas, index, search.search, present, n_vectors, among.scope, shares, joins
    )
    if len(allowed.searches) >= KEPT:
        allowed.searches.clear()
    # What is kept has its options, so no others have the same identity.
    allowed.searches[id(options.of_schemas)] = kept
    return kept
