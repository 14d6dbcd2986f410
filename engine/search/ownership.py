"""Whose rows a search found, looked at once more before anybody is given them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import Corruption
from ..segments.snapshot import NO_PLACE, Snapshot, rows_by_view
from ..segments.view import SegmentView


def check_owned(snapshot: Snapshot, tenant: int, places: NDArray[np.int64]) -> None:
    """Raise Corruption when a row is not of the tenant that asked, nor granted to it, whosever it is.

    Searches are confined to what the tenant sees before they begin. A row of another is compared by owner
    and id with what was granted, not with the rows that were found to be that. This
    costs a few comparisons of the results, and holds whatever is wrong with an index, a filter or a plan.
    """
    found = places.ravel().tolist()
    if NO_PLACE in found:
        found = [place for place in found if place != NO_PLACE]
    for number, rows in rows_by_view(found).items():
        view = snapshot.views[number]
        if not (view.owns(rows, tenant) or _granted(snapshot, view, rows, tenant)):
            raise Corruption(
                f"a search of segment {view.uuid} found rows that are not the tenant's; nothing of it was "
                "returned; `vicinal check` shows what is damaged, and `merge` makes the index anew"
            )


def _granted(snapshot: Snapshot, view: SegmentView, rows: list[int], tenant: int) -> bool:
    """Return whether each of the rows is the tenant's or of a point that was granted to it."""
    grants = snapshot.grants.get(tenant)
    if grants is None:
        return False
    ids = view.ids(np.array(rows, np.int64))
    owners = view.owners(rows)
    return all(
        owner == tenant or grants.owners.get(point_id) == owner
        for owner, point_id in zip(owners, ids, strict=True)
    )
