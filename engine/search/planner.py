"""Chooses how to search one segment: statistics in, plan out, no I/O and no locks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...indexes.effort.deletes import index_with_deletes
from ...indexes.effort.raising import raised_index
from ...indexes.effort.spanning import spanning_index
from ...indexes.protocol import Effort, Index, Scan, Scope, SharesTarget
from ..input.options import SearchOptions
from ..results.explanation import PlanKind, PlanReason
from .union.shared_target import FEWEST

_UNREACHABLE = 0.002
"""A table whose best effort is this far below the target cannot keep the promise."""


@dataclass(frozen=True, slots=True)
class ExactScan:
    """Score every allowed row.

    Attributes
    ----------
    n_rows : int
        Rows that are scored for each query.
    seconds : float
        Predicted cost of a usual query.
    reason : PlanReason
        Why this plan.
    other_seconds : float or None
        Predicted cost by the index, where that was possible.
    raised : int
        By how many rungs the index would have tried harder than was measured.
    """

    n_rows: int
    seconds: float
    reason: PlanReason
    other_seconds: float | None = None
    raised: int = 0

    kind: ClassVar[PlanKind] = PlanKind.EXACT_SCAN

    @property
    def expected_recall(self) -> float | None:
        """An exact scan misses nothing of what it is given; what a first stage missed is not known."""
        return None if self.reason is PlanReason.CANDIDATES else 1.0


@dataclass(frozen=True, slots=True)
class IndexSearch:
    """Search the index with a given effort; only allowed rows come out.

    Attributes
    ----------
    effort : Effort
        How hard the index tries.
    selectivity : float
        Fraction of the segment's rows that are allowed.
    reason : PlanReason
        Why this plan.
    other_seconds : float
        Predicted cost of a scan.
    wanted : int or None
        How many of the nearest are looked for: of several segments each holds but some. None for all.
    raised : int
        By how many rungs the index tries harder than was measured.
    """

    effort: Effort[Any]
    selectivity: float
    reason: PlanReason
    other_seconds: float
    wanted: int | None = None
    raised: int = 0

    kind: ClassVar[PlanKind] = PlanKind.INDEX_SEARCH

    @property
    def seconds(self) -> float:
        """Predicted cost of one query."""
        return self.effort.seconds

    @property
    def expected_recall(self) -> float | None:
        """Recall the index's effort table promises."""
        return self.effort.expected_recall


Plan = ExactScan | IndexSearch


def plan_segment(
    index: Index[Any, Any] | None,
    scan: Scan[Any],
    n_rows: int,
    scope: Scope,
    options: SearchOptions,
    knobs: Any = None,
    wanted: int | None = None,
    raised: int = 0,
    chosen: bool = True,
) -> Plan:
    """Choose the cheapest plan that keeps the promise.

    Parameters
    ----------
    index : Index or None
        The segment's index of the searched field.
    scan : Scan
        The exact scan of its rows.
    n_rows : int
        Rows of the segment.
    scope : Scope
        Rows that may be returned.
    options : SearchOptions
        What the caller said.
    knobs : optional
        What the caller said about effort, as the index takes it.
    wanted : int, optional
        How many of the nearest of several segments are looked for in this one, where its index can do so for
        less than what finding all of them costs.
    raised : int
        By how many rungs the index is to try harder than was measured, where it chooses the effort.
    chosen : bool, optional
        Whether a filter or a tenant chose the scope, so that it lacks more than rows that are gone.

    Notes
    -----
    Explicit effort is obeyed: ``exact`` always scans, a knob always searches the index unless fewer than
    ``k`` rows are in scope, when a scan returns all of them. A recall that no effort is known to reach gets
    the effort that the index takes for it, and a scan of all rows only where that is cheaper or asked for.
    """
    count = scope.count(n_rows)
    scan_seconds = scan.cost(None, count, scope.contiguous)
    if index is None:
        return ExactScan(count, scan_seconds, PlanReason.NO_INDEX)
    if options.exact:
        return ExactScan(count, scan_seconds, PlanReason.ASKED_FOR)
    if count <= options.k:
        return ExactScan(count, scan_seconds, PlanReason.FEW_ROWS)
    share = count / n_rows
    most, choosing = max(options.k, FEWEST), raised_index(spanning_index(index, scope, n_rows), raised)
    if not chosen and share < 1:
        choosing = index_with_deletes(choosing)
    if wanted is not None and wanted < min(count, most) and isinstance(choosing, SharesTarget):
        less = choosing.shared_effort(most, wanted, options.recall, share)
        if less is not None and less.seconds < scan_seconds:
            return IndexSearch(less, share, PlanReason.CHEAPER, scan_seconds, wanted, raised)
    effort = choosing.effort(options.k, options.recall, knobs, share)
    if knobs is not None:
        return IndexSearch(effort, share, PlanReason.EFFORT_GIVEN, scan_seconds)
    if scan_seconds <= effort.seconds:
        return ExactScan(count, scan_seconds, PlanReason.CHEAPER, effort.seconds, raised)
    known = effort.expected_recall
    unreachable = known is not None and known < options.recall - _UNREACHABLE
    reason = PlanReason.OUT_OF_REACH if unreachable else PlanReason.CHEAPER
    return IndexSearch(effort, share, reason, scan_seconds, raised=raised)
