"""Where the points are that a tenant was granted: rows of each segment, found by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ..tenants.grants import Grants
from .bitmaps import bitmap
from .content import ABSENT
from .view import SegmentView

# Tenants whose rows are kept of a segment.
_MOST_KEPT = 1024


@dataclass(frozen=True, slots=True)
class FoundGrants:
    """The newest row of a segment, dead or alive, of each granted point, and of what hides it.

    Attributes
    ----------
    grants : Grants
        What was looked for; other arrays are in the order of its ids.
    rows : (g,) int64
        The owner's point, -1 where the segment has none.
    own : (g,) int64
        The grantee's own point of the same id.
    """

    grants: Grants
    rows: NDArray[np.int64]
    own: NDArray[np.int64]


def seen_by(views: Sequence[SegmentView], grants: Grants, tenant: int) -> tuple[SegmentView, ...]:
    """Return views in which a tenant sees what it was granted beside its own.

    A point of its own hides the granted one of the same id, for as long as it is there.
    """
    found = [_found(view, grants, tenant) for view in views]
    hidden = np.zeros(len(grants.ids), np.bool_)
    for view, each in zip(views, found, strict=True):
        own = np.flatnonzero(each.own != ABSENT)
        alive = [row not in view.dead for row in each.own[own].tolist()]
        hidden[own[alive]] = True
    seen = []
    for view, each in zip(views, found, strict=True):
        rows = bitmap(each.rows[(each.rows != ABSENT) & ~hidden]) - view.dead
        seen.append(_seeing(view, tenant, rows) if rows else view)
    return tuple(seen)


def _found(view: SegmentView, grants: Grants, tenant: int) -> FoundGrants:
    kept: FoundGrants | None = view.found_grants.get(tenant)
    if kept is not None and kept.grants is grants:
        return kept
    rows = [view.newest(ids, owner) for owner, ids in grants.by_owner]
    found = FoundGrants(grants, np.concatenate(rows), view.newest(grants.ids, tenant))
    _keep(view.found_grants, tenant, found)
    return found


def _seeing(view: SegmentView, tenant: int, rows: BitMap) -> SegmentView:
    kept: SegmentView | None = view.seeing.get(tenant)
    if kept is None or kept.granted != rows:
        # Counts and plans of the rows that it has are worth more than those of one that has others.
        kept = view.granting(rows)
        _keep(view.seeing, tenant, kept)
    return kept


def _keep(kept: dict[int, object], tenant: int, value: object) -> None:
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[tenant] = value
