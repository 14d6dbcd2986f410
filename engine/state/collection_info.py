"""The sizes of a collection, as ``info()`` reports them."""

from __future__ import annotations

from ..results.info import Activity, CollectionInfo, SegmentInfo
from ..segments.sealed.view import SealedView
from ..segments.snapshot import Snapshot
from .collection_state import CollectionState


def collection_info(snapshot: Snapshot, state: CollectionState, activity: Activity) -> CollectionInfo:
    """Return the sizes of a collection as a snapshot shows them."""
    segments = tuple(
        SegmentInfo(
            uuid=view.uuid,
            rows=view.n_rows,
            dead=len(view.dead),
            bytes_disk=view.bytes_disk,
            bytes_memory=view.bytes_memory,
            indexed=view.indexed_fields,
        )
        for view in snapshot.views
    )
    lacking = {path for view in snapshot.views if isinstance(view, SealedView) for path in view.lacking}
    filling = tuple(path for path in snapshot.schema.fields if path in lacking)
    return CollectionInfo(
        state.name,
        snapshot.n_points,
        segments,
        len(state.tenants),
        activity,
        filling,
        state.audited.info(),
    )
