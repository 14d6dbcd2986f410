"""What a search did and why, for people and for tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .groups import BatchGroups, Groups
from .hits import BatchHits, Hits
from .weighting import Weighting


class PlanKind(StrEnum):
    """What is done with the rows of a segment that may be found."""

    EXACT_SCAN = "exact_scan"
    """All of them are scored."""
    INDEX_SEARCH = "index_search"
    """The index is searched for them."""


class PlanReason(StrEnum):
    """Why a segment is searched as it is."""

    NO_INDEX = "no_index"
    """The segment has no index of the field."""
    ASKED_FOR = "asked_for"
    """The caller said ``exact``."""
    FEW_ROWS = "few_rows"
    """No more rows may be found than results are wanted."""
    EFFORT_GIVEN = "effort_given"
    """The caller said how hard the index is to try."""
    CHEAPER = "cheaper"
    """It is predicted to cost less than the other plan."""
    OUT_OF_REACH = "out_of_reach"
    """No effort of the index is known to reach the recall asked for; it gets the most that makes sense."""
    CANDIDATES = "candidates"
    """Only what a first stage found is scored."""


_WORDS = {
    PlanReason.NO_INDEX: "the segment has no index",
    PlanReason.ASKED_FOR: "asked for",
    PlanReason.FEW_ROWS: "no more rows than results",
    PlanReason.EFFORT_GIVEN: "effort was given",
    PlanReason.CHEAPER: "predicted to cost less",
    PlanReason.OUT_OF_REACH: "no effort is known to reach the recall asked for",
    PlanReason.CANDIDATES: "candidates of the first stage",
}


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """How one segment was searched. ``str()`` is the plan and why it was chosen, for people.

    Attributes
    ----------
    segment : str
        Its uuid, or ``growing``.
    rows, allowed : int
        Rows it has; rows that could be returned.
    kind : PlanKind
    reason : PlanReason or None
        Why that one; None where it is not told, as to a key that is bound to a tenant.
    seconds, other_seconds : float or None
        Predicted cost of one query by this plan, and by the one that was not chosen; None where there was
        no other or it is not told.
    knobs : dict
        Of a search of an index, what it was told, by name.
    effort : str
        The same in the index's own words, for people.
    expected_recall : float or None
        Recall@k the plan promises, None when nothing was measured.
    hops, distances, rescored, fallbacks : int
        Totals over the batch: nodes expanded, distances evaluated on codes or vectors, rows scored
        exactly, queries that ended in an exact scan because the walk met too few allowed rows.
    read_bytes, late_bytes : int
        Bytes of vectors on disk that were read, and those of them that had not been read ahead in time: the
        search waited for the disk. 0 for a key that is bound to a tenant.
    raised : int
        By how many rungs of its ladder the index tries harder than was measured, because audits found less
        than was promised. 0 for a key that is bound to a tenant.
    """

    segment: str
    rows: int
    allowed: int
    kind: PlanKind
    reason: PlanReason | None = None
    seconds: float | None = None
    other_seconds: float | None = None
    knobs: Mapping[str, float] = field(default_factory=dict)
    effort: str = ""
    expected_recall: float | None = None
    hops: int = 0
    distances: int = 0
    rescored: int = 0
    fallbacks: int = 0
    read_bytes: int = 0
    late_bytes: int = 0
    raised: int = 0

    def __str__(self) -> str:
        scans = self.kind is PlanKind.EXACT_SCAN
        done = f"exact scan of {self.allowed:,} rows" if scans else self.effort or "search of an index"
        if self.reason is None:
            return done
        why = _WORDS[self.reason]
        if self.reason is PlanReason.CHEAPER and self.seconds is not None and self.other_seconds is not None:
            other = "the index" if scans else "an exact scan"
            why = f"predicted {self.seconds * 1e6:.0f} us, {other} {self.other_seconds * 1e6:.0f} us"
        if self.raised:
            rungs = "1 rung" if self.raised == 1 else f"{self.raised} rungs"
            why = f"{why}; raised by {rungs}, as audits found less than was promised"
        return f"{done} ({why})"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A search with its plan, its work and its time by stage. ``str()`` is readable.

    Attributes
    ----------
    hits : Hits or BatchHits
        The answer itself; of a search by groups the hits of all groups, a group in the place of a query.
    queries : int
        Size of the batch the totals are over.
    segments : tuple of SegmentPlan
        Of the first search, then of the next, where it took several.
    stages : dict
        Seconds by stage: ``validate``, ``filter``, ``search``, ``merge``, and by groups ``group``.
    weighting : Weighting or None
        What the terms of a query were weighted by, where its field says that they are.
    tokens : (int or None, int or None) or None
        How many first tokens of each query and of each point counted, as the caller said it.
    first_stage : tuple of SegmentPlan
        How the candidates were found, where the search has some. How much of the nearest is among them is
        not measured.
    unindexed : dict
        Payload fields that the filter names and no index has, each with the type that would suit the filter.
    payloads_read : int
        How many payloads were read for those: none where the values are still in memory from a search before.
        0 for a key that is bound to a tenant.
    groups : Groups or BatchGroups or None
        The answer where it is by groups.
    searches : int
        How many searches it took: one for each different filter of a batch, and as many as groups need. 0 for
        a key that is bound to a tenant.
    """

    hits: Hits | BatchHits
    queries: int
    segments: tuple[SegmentPlan, ...]
    stages: dict[str, float]
    weighting: Weighting | None = None
    tokens: tuple[int | None, int | None] | None = None
    first_stage: tuple[SegmentPlan, ...] = ()
    unindexed: Mapping[str, str] = field(default_factory=dict)
    payloads_read: int = 0
    groups: Groups | BatchGroups | None = None
    searches: int = 1

    @property
    def expected_recall(self) -> float | None:
        """Recall@k promised over all segments, weighted by their rows; None when one was not measured."""
        total = sum(segment.allowed for segment in self.segments)
        recall = 0.0
        for segment in self.segments:
            if segment.expected_recall is None:
                return None
            recall += segment.expected_recall * segment.allowed
        return recall / total if total else 1.0

    @property
    def plan(self) -> str:
        """The plans of all segments in one line, for people."""
        return "; ".join(map(str, self.segments)) or "nothing to search"

    @property
    def hops(self) -> int:
        """Nodes expanded, over the batch."""
        return sum(segment.hops for segment in self.segments)

    @property
    def distances(self) -> int:
        """Distances evaluated, over the batch: the candidates of the search."""
        return sum(segment.distances for segment in self.segments)

    candidates = distances

    @property
    def rescored(self) -> int:
        """Rows scored exactly, over the batch."""
        return sum(segment.rescored for segment in self.segments)

    @property
    def fallbacks(self) -> int:
        """Queries that ended in an exact scan, over the batch."""
        return sum(segment.fallbacks for segment in self.segments)

    @property
    def read_bytes(self) -> int:
        """Bytes of vectors on disk that were read, over the batch."""
        return sum(segment.read_bytes for segment in self.segments)

    @property
    def late_bytes(self) -> int:
        """Bytes of those that the search waited for, over the batch."""
        return sum(segment.late_bytes for segment in self.segments)

    def __str__(self) -> str:
        recall = self.expected_recall
        promised = "not measured" if recall is None else f"{recall:.3f}"
        weighted = "" if self.weighting is None else f", {self.weighting}"
        several = f" in {self.searches:,} searches" if self.searches > 1 else ""
        lines = [f"{self.queries} queries{several}, expected recall {promised}{weighted}{self._budgets}"]
        for segment in (*self.first_stage, *self.segments):
            name = segment.segment[:8]
            lines.append(f"  segment {name}: {segment.allowed:,} of {segment.rows:,} rows: {segment}")
            lines.append(
                f"    {segment.hops:,} hops, {segment.distances:,} distances, {segment.rescored:,} rescored, "
                f"{segment.fallbacks:,} fallbacks"
            )
            if segment.read_bytes:
                ahead = 1 - segment.late_bytes / segment.read_bytes
                lines.append(f"    {segment.read_bytes:,} bytes read, {ahead:.0%} of them ahead in time")
        if self.unindexed:
            told = ", ".join(f"add_field({path!r}, {kind!r})" for path, kind in self.unindexed.items())
            lines.append(f"  filter: {self.payloads_read:,} payloads read, as no index has the field; {told}")
        spent = ", ".join(f"{name} {seconds * 1e6:.0f} us" for name, seconds in self.stages.items())
        return "\n".join([*lines, f"  time: {spent}"])

    @property
    def _budgets(self) -> str:
        if self.tokens is None:
            return ""
        asked, stored = ("all" if one is None else f"the first {one:,}" for one in self.tokens)
        return f", by {asked} tokens of a query and {stored} of a point"
