"""Measures the indexes of a snapshot on real queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...indexes.protocol import Queries, is_exact
from .. import deadline
from ..errors import InvalidArgument
from ..input.queries import chosen_field, validate_queries
from ..progress import Progress
from ..segments.sealed.effort_tables import Tables
from ..segments.sealed.view import SealedView
from ..segments.snapshot import Snapshot
from ..state.collection_state import CollectionState
from ..vector_kinds.registry import kind_of
from ..writing.manifest_operations import StoreCalibration

MIN_QUERIES = 50
MAX_QUERIES = 1000


def calibrate_collection(
    state: CollectionState,
    current: Callable[[CollectionState], Snapshot],
    submit: Callable[[StoreCalibration], None],
    chosen: str | None,
    queries: Any,
    progress: Progress,
) -> int:
    """Measure every segment on the queries, keep queries and tables, and return how many have an index.

    A segment that a merge put in place meanwhile is measured too, before this returns. Nothing is kept
    before every segment was measured, so giving up leaves what there was.
    """
    newest = current(state)
    schema = newest.schema
    field, spec = chosen_field(schema, chosen)
    if is_exact(spec.index):
        raise InvalidArgument(
            f"field {field!r} is searched exactly, so there is nothing to calibrate", field="field"
        )
    asked, _ = validate_queries(field, spec, queries)
    batch = _some_of(newest.resolved(field, asked))
    tables: dict[str, Tables] = {}
    while True:
        snapshot = current(state)
        views = [view for view in snapshot.views if isinstance(view, SealedView) and view.indexed_fields]
        missing = [view for view in views if view.uuid not in tables]
        if tables and not missing:
            return len(views)
        for number, view in enumerate(missing):
            deadline.check()
            progress(f"calibrate {field}", number / len(missing))
            index = view.index(field)
            tables[view.uuid] = {} if index is None else {field: dict(index.calibrate(batch))}
        progress(f"calibrate {field}", 1.0)
        submit(StoreCalibration(state, schema, field, kind_of(spec).query_arrays(batch), tables))
        for view in missing:
            if field in tables[view.uuid]:
                view.segment.set_effort_table(field, tables[view.uuid][field])
        # What audits showed was of other tables.
        state.audited.forget(field)
        if not views:
            return 0


def _some_of(queries: Queries) -> Queries:
    if len(queries) < MIN_QUERIES:
        raise InvalidArgument(
            f"{len(queries)} queries are too few to measure recall on; give at least {MIN_QUERIES}, "
            "better a few hundred",
            field="queries",
        )
    if len(queries) <= MAX_QUERIES:
        return queries
    return queries[np.linspace(0, len(queries) - 1, MAX_QUERIES).astype(int)]
