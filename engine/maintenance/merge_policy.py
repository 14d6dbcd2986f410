"""Decides which segments to seal and merge: a pure function of sizes and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class SegmentStatistics:
    """What the policy knows of one sealed segment.

    Attributes
    ----------
    indexed : bool
        Whether it has every vector index it should have.
    lacking : tuple of str
        Indexed payload fields that it has no postings of.
    """

    uuid: str
    n_rows: int
    n_live: int
    n_bytes: int
    indexed: bool
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GrowingStatistics:
    """What the policy knows of the growing segment.

    Attributes
    ----------
    n_rows, n_bytes : int
        Size in memory.
    idle_seconds : float
        Time since the last write to the collection.
    rows_per_second : float
        How fast rows came lately, pauses included.
    """

    n_rows: int
    n_bytes: int
    idle_seconds: float
    rows_per_second: float = float("inf")


# Least values; those that are whole are of numbers that are.
_LEAST: dict[str, tuple[float, str]] = {
    "quiet_seconds": (0.0, "seconds, 0 or more"),
    "trickle_rows_per_second": (0, "a whole number, 0 or more"),
    "growing_bytes": (1, "a whole number of bytes, 1 or more"),
    "seal_rows": (1, "a whole number of rows, 1 or more"),
    "unindexed_rows": (1, "a whole number of rows, 1 or more"),
    "tier_factor": (2, "a whole number, 2 or more"),
    "dead_fraction": (0.0, "a fraction, 0 or more"),
    "segment_bytes": (1, "a whole number of bytes, 1 or more"),
}


@dataclass(frozen=True, slots=True)
class MergePolicySettings:
    """The numbers the policy works with; the defaults suit an embedded engine on a laptop or a server.

    Attributes
    ----------
    quiet_seconds : float
        A collection without writes for this long is quiet: what its load left behind is put in order.
    trickle_rows_per_second : int
        Rows that come more slowly than this are a trickle, which may never pause: each time there are
        ``seal_rows`` of them they are sealed and indexed. Rows that come faster are a load, which ends.
    growing_bytes : int
        A growing segment of this size is sealed without an index even while writes go on, which bounds
        memory and the time to open.
    seal_rows : int
        A quiet growing segment, or one that is closed, is sealed from this many rows on; fewer cost less
        to scan, and to read from the log, than a file.
    unindexed_rows : int
        From this many rows without an index on, one is built even while writes go on.
    tier_factor : int
        Segments within this ratio of sizes belong to one tier; this many in a tier are merged into one.
    dead_fraction : float
        A segment with this fraction of dead rows is rewritten.
    segment_bytes : int
        No merge makes a segment larger than this; one value of a file stays below 4 GiB.

    Raises
    ------
    InvalidArgument
        One of them is no such number, named as its ``field``.
    """

    quiet_seconds: float = 2.0
    trickle_rows_per_second: int = 5_000
    growing_bytes: int = 256 << 20
    seal_rows: int = 4096
    unindexed_rows: int = 1_000_000
    tier_factor: int = 4
    dead_fraction: float = 0.2
    segment_bytes: int = 3 << 30

    def __post_init__(self) -> None:
        for name, (least, expected) in _LEAST.items():
            value = getattr(self, name)
            wholes = int if isinstance(least, int) else int | float
            if isinstance(value, bool) or not isinstance(value, wholes) or not value >= least:
                raise InvalidArgument(f"{name} is {value!r:.80}; expected {expected}", field=name)


@dataclass(frozen=True, slots=True)
class MergeTask:
    """One piece of background work.

    Attributes
    ----------
    segments : tuple of str
        Segments to replace by one new segment.
    with_growing : bool
        Whether the growing rows go into it too.
    with_index : bool
        Whether indexes are built.
    reason : str
        Why, for people.
    """

    segments: tuple[str, ...]
    with_growing: bool
    with_index: bool
    reason: str


@dataclass(frozen=True, slots=True)
class FillTask:
    """Put a copy of a segment in its place that has postings of more payload fields.

    Attributes
    ----------
    segment : str
        The segment to copy.
    fields : tuple of str
        What it lacks.
    """

    segment: str
    fields: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why, for people."""
        return f"{', '.join(self.fields)} came after the segment"


Task = MergeTask | FillTask


def seal_task(growing: GrowingStatistics, settings: MergePolicySettings) -> MergeTask | None:
    """Return the sealing that is due now, whatever else is done to the collection; None when none is."""
    many = growing.n_rows >= settings.seal_rows and growing.idle_seconds < settings.quiet_seconds
    if growing.n_bytes >= settings.growing_bytes or (many and _is_trickle(growing, settings)):
        return MergeTask((), True, False, f"the growing segment holds {growing.n_rows:,} rows")
    return None


def next_task(
    segments: Sequence[SegmentStatistics],
    growing: GrowingStatistics,
    settings: MergePolicySettings,
) -> Task | None:
    """Return the most useful piece of work, or None when there is nothing worth doing.

    A bulk load is left alone while it runs, but for sealing what would not fit in memory, and ends in one
    segment whose index is built once: everything without an index is merged in one step as soon as the
    collection is quiet. A trickle is sealed and indexed piece by piece while it goes on. Either goes into
    indexed segments that are no larger, and these into others. The rest is merged by tiers, so
    that each row is rewritten a number of times that grows with the logarithm of the collection's size.
    Before any merge, segments get the postings of payload fields that are new: that is a copy, while a
    merge builds indexes.
    """
    if task := seal_task(growing, settings):
        return task
    for segment in segments:
        if segment.lacking:
            return FillTask(segment.uuid, segment.lacking)
    unindexed = _fitting([s for s in segments if not s.indexed and s.n_live], settings)
    n_unindexed = sum(segment.n_live for segment in unindexed)
    quiet = growing.idle_seconds >= settings.quiet_seconds
    enough = settings.seal_rows if quiet or _is_trickle(growing, settings) else settings.unindexed_rows
    n_pending = n_unindexed + growing.n_rows if quiet else n_unindexed
    if n_pending >= enough:
        pending = (*unindexed, *_small_neighbours(segments, unindexed, n_pending, settings))
        reason = f"{n_pending:,} rows have no index yet"
        return MergeTask(tuple(s.uuid for s in pending), quiet and growing.n_rows > 0, True, reason)
    return _dead_task(segments, settings) or _tier_task(segments, settings)


def tasks_to_index_all(segments: Sequence[SegmentStatistics], growing: GrowingStatistics) -> list[Task]:
    """Return the work that leaves no row without an index, all of it in one segment."""
    lacking = tuple(one.uuid for one in segments if not one.indexed)
    return [MergeTask(lacking, growing.n_rows > 0, True, "flush")] if lacking or growing.n_rows else []


def tasks_to_merge_all(
    segments: Sequence[SegmentStatistics], growing: GrowingStatistics, settings: MergePolicySettings
) -> list[Task]:
    """Return the work that leaves as few segments as may be, indexed, filled and without dead rows.

    One segment, unless that would be larger than a segment may be.
    """
    groups: list[list[SegmentStatistics]] = [[]]
    room = settings.segment_bytes - growing.n_bytes
    for segment in segments:
        if segment.n_bytes > room and groups[-1]:
            groups.append([])
            room = settings.segment_bytes
        groups[-1].append(segment)
        room -= segment.n_bytes
    tasks: list[Task] = []
    for number, group in enumerate(groups):
        with_growing = number == 0 and growing.n_rows > 0
        done = len(group) == 1 and group[0].indexed and group[0].n_live == group[0].n_rows
        if with_growing or (group and not done):
            tasks.append(MergeTask(tuple(s.uuid for s in group), with_growing, True, "merge"))
        elif group and group[0].lacking:
            tasks.append(FillTask(group[0].uuid, group[0].lacking))
    return tasks


def _is_trickle(growing: GrowingStatistics, settings: MergePolicySettings) -> bool:
    return growing.rows_per_second < settings.trickle_rows_per_second


def _dead_task(segments: Sequence[SegmentStatistics], settings: MergePolicySettings) -> MergeTask | None:
    for segment in segments:
        dead = segment.n_rows - segment.n_live
        if dead and dead >= settings.dead_fraction * segment.n_rows:
            reason = f"{dead:,} of {segment.n_rows:,} rows are dead"
            return MergeTask((segment.uuid,), False, segment.indexed, reason)
    return None


def _tier_task(segments: Sequence[SegmentStatistics], settings: MergePolicySettings) -> MergeTask | None:
    by_size = sorted((s for s in segments if s.indexed), key=lambda s: s.n_bytes)
    for start in range(len(by_size) - settings.tier_factor + 1):
        tier = by_size[start : start + settings.tier_factor]
        alike = tier[-1].n_bytes <= settings.tier_factor * tier[0].n_bytes
        if alike and sum(s.n_bytes for s in tier) <= settings.segment_bytes:
            return MergeTask(tuple(s.uuid for s in tier), False, True, f"{len(tier)} segments of one size")
    return None


def _small_neighbours(
    segments: Sequence[SegmentStatistics],
    unindexed: Sequence[SegmentStatistics],
    n_new: int,
    settings: MergePolicySettings,
) -> list[SegmentStatistics]:
    """Return indexed segments no larger than ``n_new`` rows and those before them: merging saves searches."""
    small: list[SegmentStatistics] = []
    total, room = n_new, settings.segment_bytes - sum(s.n_bytes for s in unindexed)
    for segment in sorted((s for s in segments if s.indexed), key=lambda s: s.n_rows):
        if segment.n_live > total or segment.n_bytes > min(room, settings.segment_bytes // 4):
            break
        small.append(segment)
        total += segment.n_live
        room -= segment.n_bytes
    return small


def _fitting(segments: Sequence[SegmentStatistics], settings: MergePolicySettings) -> list[SegmentStatistics]:
    chosen: list[SegmentStatistics] = []
    room = settings.segment_bytes
    for segment in segments:
        if segment.n_bytes <= room:
            chosen.append(segment)
            room -= segment.n_bytes
    return chosen
