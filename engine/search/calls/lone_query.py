"""A query alone in the only segment there is: nothing to merge, and no report of the work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ....indexes.protocol import Index, Queries
from ....indexes.rows.neighbors import NO_ROW, Neighbors
from ....storage.columns.partial import Present
from ... import deadline
from ...filters.evaluation.scanning import ScanWork
from ...filters.expression import Filter
from ...input.options import SearchOptions
from ...segments.allowed import Allowed
from ...segments.snapshot import Snapshot
from ...segments.view import SegmentView
from ..ownership import check_owned
from ..segment_search import KEPT, segment_search
from .searched_field import SearchedField


class _LoneSearch(Struct, eq=False):
    """How queries alone are searched among some rows, kept with them.

    ``said`` names the options, but for the filter, as :attr:`SearchOptions.of_schemas` does.
    """

    said: dict[int, Any]
    index: Index[Any, Any] | None
    search: Callable[[Queries], Neighbors]
    present: Present | None


def nearest_alone(
    snapshot: Snapshot,
    field: SearchedField,
    queries: Queries,
    options: SearchOptions,
    expression: Filter | None,
    tenant: int | None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
    """Return places and scores of the ``min(k, matches)`` nearest of one query, as :func:`execute` does.

    None where there is more to it than a search of one segment: there are several, or audits raised efforts,
    or nothing can be found.
    """
    if len(snapshot.views) != 1 or snapshot.raised:
        return None
    deadline.check()
    view = snapshot.views[0]
    parts = view.allowed(expression, tenant, ScanWork())
    if len(parts) != 1:
        return None
    kept: _LoneSearch | None = parts[0].searches.get(id(options.of_schemas))
    if kept is None or kept.index is not view.index(field.name):
        kept = _prepared(view, field, options, parts[0])
        if kept is None:
            return None
    found = kept.search(queries)
    if kept.present is not None:
        found = found.renumbered(kept.present)
    rows, scores = found.rows[0], found.scores[0]
    if rows.item(-1) == NO_ROW:
        n = int(np.count_nonzero(rows != NO_ROW))
        rows, scores = rows[:n], scores[:n]
    # A row of the first view is its own place.
    places = rows.astype(np.int64)
    if tenant is not None:
        check_owned(snapshot, tenant, places)
    return places, scores


def _prepared(
    view: SegmentView, field: SearchedField, options: SearchOptions, allowed: Allowed
) -> _LoneSearch | None:
    present = view.present(field.name)
    n_vectors = view.n_rows if present is None else len(present)
    among = allowed if present is None else allowed.among(field.name, present)
    if not among.scope.count(n_vectors):
        return None
    search = segment_search(view, field, options, None, among, n_vectors, None)
    kept = _LoneSearch(options.of_schemas, search.index, search.search, present)
    if len(allowed.searches) >= KEPT:
        allowed.searches.clear()
    # What is kept has its options, so no others have the same identity.
    allowed.searches[id(options.of_schemas)] = kept
    return kept
