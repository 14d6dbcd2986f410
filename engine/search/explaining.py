"""Puts together what a search did and why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, is_dataclass
from typing import Any

from ..filters.conditions.scanned import scanned_in, suggestions
from ..input.options import Budgets
from ..results.explanation import Explanation, SegmentPlan
from ..results.groups import BatchGroups, Groups, hits_of
from ..results.hits import BatchHits, Hits
from .calls.report import SearchReport, SegmentReport
from .planner import IndexSearch


def explanation(
    found: Hits | BatchHits | Groups | BatchGroups,
    queries: int,
    report: SearchReport,
    validate_seconds: float,
    tokens: Budgets | None,
    indexed: Collection[str],
) -> Explanation:
    """Put together what the executor reported, the numbers of tokens asked for, and what is indexed."""
    groups = None if isinstance(found, Hits | BatchHits) else found
    hits = found if isinstance(found, Hits | BatchHits) else hits_of(found)
    segments = tuple(map(_segment_plan, report.segments))
    first = report.first
    before = {} if first is None else {"candidates": first.seconds}
    stages = {
        "validate": validate_seconds,
        **before,
        "filter": report.filter_seconds,
        "search": report.search_seconds,
        "merge": report.merge_seconds,
    }
    if groups is not None:
        stages["group"] = report.grouping_seconds
    staged = () if first is None else tuple(map(_segment_plan, first.segments))
    unindexed: dict[str, str] = {}
    for condition in () if report.filter is None else scanned_in(report.filter):
        for key, kind in suggestions(condition):
            # A path with brackets has no index.
            if "[" not in key and key not in indexed:
                unindexed.setdefault(key, kind.value)
    read = sum(each.scanning.payloads_read for each in (report, first) if each is not None)
    return Explanation(
        hits,
        queries,
        segments,
        stages,
        report.weighting,
        tokens,
        staged,
        unindexed,
        read,
        groups,
        report.searches,
    )


def _segment_plan(part: SegmentReport) -> SegmentPlan:
    plan, stats = part.plan, part.stats
    effort = plan.effort if isinstance(plan, IndexSearch) else None
    return SegmentPlan(
        segment=part.segment,
        rows=part.n_rows,
        allowed=part.n_allowed,
        kind=plan.kind,
        reason=plan.reason,
        seconds=plan.seconds,
        other_seconds=plan.other_seconds,
        knobs=_numbers(effort.knobs) if effort else {},
        effort=effort.words if effort else "",
        expected_recall=plan.expected_recall,
        hops=stats.hops,
        distances=stats.distances,
        rescored=stats.rescored,
        fallbacks=stats.fallbacks,
        read_bytes=stats.read_bytes,
        late_bytes=stats.late_bytes,
        raised=plan.raised,
    )


def _numbers(knobs: Any) -> dict[str, float]:
    """Return the numbers that the knobs of an index are."""
    if not is_dataclass(knobs):
        return {}
    named = {field.name: getattr(knobs, field.name) for field in fields(knobs)}
    return {name: value for name, value in named.items() if isinstance(value, int | float)}
