"""Points that a first stage found, as the searched field numbers them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...indexes.protocol import Scope
from ...indexes.rows.row_set import RowSet
from ...storage.columns.partial import Present, places_among
from ..segments.snapshot import rows_in


def candidate_scopes(
    candidates: NDArray[np.int64], view_number: int, present: Present | None, n_vectors: int
) -> list[Scope]:
    """Return of each query the candidates in one view that have a vector in the searched field.

    Parameters
    ----------
    candidates
        ``(q, c)`` places, -1 for none.
    view_number
        Whose rows are wanted.
    present
        Which of its rows have a vector, None for all.
    n_vectors
        How many do.
    """
    scopes = []
    for places in candidates:
        rows = np.sort(rows_in(places, view_number))
        if present is not None:
            rows, has = places_among(present, rows)
            rows = rows[has]
        scopes.append(Scope(RowSet(n_vectors, bounds=None, rows=rows.astype(np.uint32))))
    return scopes
