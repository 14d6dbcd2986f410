"""Puts together what a search did and why."""

from __future__ import annotations

from ..results.explanation import Explanation, SegmentPlan
from ..results.hits import BatchHits, Hits
from .executor import SearchReport


def explanation(
    hits: Hits | BatchHits, queries: int, report: SearchReport, validate_seconds: float
) -> Explanation:
    """Put together what the executor reported."""
    segments = tuple(
        SegmentPlan(
            segment=part.segment,
            rows=part.n_rows,
            allowed=part.n_allowed,
            plan=str(part.plan),
            expected_recall=part.plan.expected_recall,
            hops=part.stats.hops,
            distances=part.stats.distances,
            rescored=part.stats.rescored,
            fallbacks=part.stats.fallbacks,
        )
        for part in report.segments
    )
    stages = {
        "validate": validate_seconds,
        "filter": report.filter_seconds,
        "search": report.search_seconds,
        "merge": report.merge_seconds,
    }
    return Explanation(hits, queries, segments, stages)
