"""Measures the indexes of a snapshot on real queries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InvalidArgument
from .index_tables import Tables
from .progress import Progress
from .sealed_view import SealedView
from .snapshot import Snapshot

MIN_QUERIES = 50
MAX_QUERIES = 1000


def calibrate_segments(
    snapshot: Snapshot, field: str, queries: NDArray[Any], progress: Progress
) -> tuple[dict[str, NDArray[Any]], dict[str, Tables]]:
    """Return the queries that were used, by name for the catalog, and an effort table for each segment."""
    if len(queries) < MIN_QUERIES:
        raise InvalidArgument(
            f"{len(queries)} queries are too few to measure recall on; give at least {MIN_QUERIES}, "
            "better a few hundred",
            field="queries",
        )
    if len(queries) > MAX_QUERIES:
        queries = np.ascontiguousarray(queries[np.linspace(0, len(queries) - 1, MAX_QUERIES).astype(int)])
    tables: dict[str, Tables] = {}
    views = [view for view in snapshot.views if isinstance(view, SealedView)]
    for number, view in enumerate(views):
        progress(f"calibrate {field}", number / len(views))
        index = view.index(field)
        if index is not None:
            tables[view.uuid] = {field: dict(index.calibrate(queries))}
    progress(f"calibrate {field}", 1.0)
    return {"queries": queries}, tables
