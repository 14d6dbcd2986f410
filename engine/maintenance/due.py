"""What is due for a collection: its sizes, the tasks of each lane, and what is known of the work on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..results.info import Activity
from ..segments.growing.view import GROWING, GrowingView
from ..segments.sealed.builder import indexable_fields
from ..segments.sealed.view import SealedView
from ..state.collection_state import CollectionState
from .lanes import Lane
from .merge_policy import (
    FillTask,
    GrowingStatistics,
    MergePolicySettings,
    SegmentStatistics,
    Task,
    next_task,
)

# A build of at most so many rows is short: a few seconds on one core.
_SHORT_ROWS = 100_000

_IDLE = Activity()


@dataclass(slots=True)
class Upkeep:
    """What is known of the background work on one collection.

    Attributes
    ----------
    locks : dict
        Held by whoever merges segments: by a lane its own, by who leaves nothing to the lanes all.
    sealing : RLock
        Held by whoever makes a segment of the growing rows; taken after those of lanes.
    busy : dict
        The segments that each lane is merging.
    room : int or None
        Free bytes at which a task is tried again at once that found no room.
    """

    locks: dict[Lane, threading.RLock] = field(
        default_factory=lambda: {lane: threading.RLock() for lane in Lane}
    )
    sealing: threading.RLock = field(default_factory=threading.RLock)
    activity: Activity = _IDLE
    failures: int = 0
    retry_at: float = 0.0
    room: int | None = None
    queued: set[Lane] = field(default_factory=set)
    busy: dict[Lane, frozenset[str]] = field(default_factory=dict)
    choosing: threading.Lock = field(default_factory=threading.Lock)


def chosen_task(
    state: CollectionState,
    lane: Lane,
    busy: Mapping[Lane, frozenset[str]],
    settings: MergePolicySettings,
) -> Task | None:
    """Return the most useful task of a lane that has nothing to do with what the others are at."""
    without = frozenset().union(*(segments for other, segments in list(busy.items()) if other is not lane))
    segments, growing = sizes_of(state, time.monotonic() - state.last_write)
    while True:
        segments = [one for one in segments if one.uuid not in without]
        if GROWING in without:
            growing = replace(growing, n_rows=0, n_bytes=0)
        task = next_task(segments, growing, settings)
        if task is None or (_lane_of(task, segments, growing) is lane and _wants_lane(task)):
            return task
        without = segments_of(task)
        indexed = [one for one in segments if one.uuid in without and one.indexed]
        if lane is Lane.SHORT and indexed and growing.idle_seconds < settings.quiet_seconds:
            # New rows of a trickle do not wait for a long build to be over that they were to be part of.
            without = frozenset([max(indexed, key=lambda one: one.n_live).uuid])


def _wants_lane(task: Task) -> bool:
    """Whether a task is more than sealing, which is done apart from lanes."""
    return isinstance(task, FillTask) or bool(task.segments) or task.with_index


def segments_of(task: Task) -> frozenset[str]:
    """Return what a task takes rows from."""
    if isinstance(task, FillTask):
        return frozenset([task.segment])
    return frozenset((*task.segments, GROWING) if task.with_growing else task.segments)


def rows_of_task(task: Task, segments: Sequence[SegmentStatistics], growing: GrowingStatistics) -> int:
    """Return how many live rows a task is about."""
    chosen = segments_of(task)
    n_rows = sum(one.n_live for one in segments if one.uuid in chosen)
    return n_rows + growing.n_rows if GROWING in chosen else n_rows


def _lane_of(task: Task, segments: Sequence[SegmentStatistics], growing: GrowingStatistics) -> Lane:
    return Lane.SHORT if rows_of_task(task, segments, growing) <= _SHORT_ROWS else Lane.LONG


def sizes_of(
    state: CollectionState, idle_seconds: float
) -> tuple[list[SegmentStatistics], GrowingStatistics]:
    """Return what the policy is told of a collection."""
    segments: list[SegmentStatistics] = []
    pace = state.pace.rows_per_second
    growing = GrowingStatistics(0, 0, idle_seconds, pace)
    for view in state.snapshot.views:
        if isinstance(view, GrowingView):
            growing = GrowingStatistics(view.n_rows, view.bytes_memory, idle_seconds, pace)
        elif isinstance(view, SealedView):
            segments.append(_statistics(view))
    return segments, growing


def _statistics(view: SealedView) -> SegmentStatistics:
    wanted = indexable_fields(view.schema, [view])
    return SegmentStatistics(
        uuid=view.uuid,
        n_rows=view.n_rows,
        n_live=view.n_live,
        n_bytes=view.segment.size_bytes,
        indexed=set(wanted) <= set(view.indexed_fields),
        lacking=view.lacking,
    )
