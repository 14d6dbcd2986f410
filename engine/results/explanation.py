"""What a search did and why, for people and for tools."""

from __future__ import annotations

from dataclasses import dataclass

from .hits import BatchHits, Hits


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """How one segment was searched.

    Attributes
    ----------
    segment : str
        Its uuid, or ``growing``.
    rows, allowed : int
        Rows it has; rows that could be returned.
    plan : str
        The plan and why it was chosen.
    expected_recall : float or None
        Recall@k the plan promises, None when nothing was measured.
    hops, distances, rescored, fallbacks : int
        Totals over the batch: nodes expanded, distances evaluated on codes or vectors, rows scored
        exactly, queries that ended in an exact scan because the walk met too few allowed rows.
    """

    segment: str
    rows: int
    allowed: int
    plan: str
    expected_recall: float | None
    hops: int
    distances: int
    rescored: int
    fallbacks: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """A search with its plan, its work and its time by stage. ``str()`` is readable.

    Attributes
    ----------
    hits : Hits or BatchHits
        The answer itself.
    queries : int
        Size of the batch the totals are over.
    segments : tuple of SegmentPlan
    stages : dict
        Seconds by stage: ``validate``, ``filter``, ``search``, ``merge``.
    """

    hits: Hits | BatchHits
    queries: int
    segments: tuple[SegmentPlan, ...]
    stages: dict[str, float]

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
        """The plans of all segments in one line."""
        return "; ".join(segment.plan for segment in self.segments) or "nothing to search"

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

    def __str__(self) -> str:
        recall = self.expected_recall
        promised = "not measured" if recall is None else f"{recall:.3f}"
        lines = [f"{self.queries} queries, expected recall {promised}"]
        for segment in self.segments:
            name = segment.segment[:8]
            lines.append(f"  segment {name}: {segment.allowed:,} of {segment.rows:,} rows: {segment.plan}")
            lines.append(
                f"    {segment.hops:,} hops, {segment.distances:,} distances, {segment.rescored:,} rescored, "
                f"{segment.fallbacks:,} fallbacks"
            )
        spent = ", ".join(f"{name} {seconds * 1e6:.0f} us" for name, seconds in self.stages.items())
        return "\n".join([*lines, f"  time: {spent}"])
