"""Whether counting, searching and looking at each row agree on one snapshot."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from naive_filter import holds

import vicinal
from vicinal.engine.filters.expression import Filter
from vicinal.engine.input.options import MAX_K, search_options
from vicinal.engine.input.queries import bound
from vicinal.engine.schema.vector_field import Dense
from vicinal.engine.search.calls.searched_field import searched_field
from vicinal.engine.search.executor import SearchRequest, execute
from vicinal.engine.segments.bitmaps import rows_of
from vicinal.engine.segments.growing.view import GrowingView
from vicinal.engine.segments.snapshot import NO_PLACE, place
from vicinal.engine.segments.view import SegmentView
from vicinal.engine.tenants.tenant import reading_tenant


def disagreements(collection: vicinal.Collection, expression: Filter | None, tenant: str | None) -> list[str]:
    """Return the rows of the newest snapshot on which the three disagree, named by snapshot and segment."""
    state = collection._state
    snapshot = state.snapshot
    owner = reading_tenant(state, tenant)
    if owner is None:
        return []
    snapshot = snapshot.seen_by(owner.scope)
    field, spec = next((name, one) for name, one in state.schema.vectors.items() if isinstance(one, Dense))
    options = search_options(MAX_K, {"exact": True, "field": field})
    request = SearchRequest(
        field=searched_field(state.schema, options),
        queries=np.ones((1, spec.dim), np.float32),
        expression=bound(expression, state.schema),
        tenant=owner.scope,
        options=options,
    )
    places = execute(snapshot, request).places
    found = set(places[places != NO_PLACE].tolist())
    told = []
    for number, view in enumerate(snapshot.views):
        counted = set(rows_of(view.matching(request.expression, request.tenant)).tolist())
        looked_at = set(_looked_at(view, expression, request.tenant))
        having = set(view.having(field))
        hit = {row for row in range(view.n_rows) if int(place(number, np.array(row))) in found}
        for row in sorted(counted | looked_at | hit):
            says = {"count": row in counted, "its payload": row in looked_at}
            if row in having or row in hit:
                says["search"] = row in hit
            if len(set(says.values())) > 1:
                there = ", ".join(f"{name} {'has' if it else 'lacks'} it" for name, it in says.items())
                told.append(f"snapshot {snapshot.next_sequence}, segment {view.uuid}, row {row}: {there}")
    return told


def _looked_at(view: SegmentView, expression: Filter | None, tenant: int | None) -> Iterator[int]:
    owners = view.segment.tenants.view(view.n_rows) if isinstance(view, GrowingView) else view.segment.tenants
    for row in range(view.n_rows):
        is_seen = tenant is None or int(owners[row]) == tenant or row in (view.granted or ())
        if row in view.dead or not is_seen:
            continue
        (point_id,) = view.ids(np.array([row]))
        if expression is None or holds(expression, view.payload(row), point_id):
            yield row
