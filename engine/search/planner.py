"""Chooses how to search one segment: statistics in, plan out, no I/O and no locks."""

from __future__ import annotations

from dataclasses import dataclass

from ...indexes.protocol import Effort, VectorIndex
from ...indexes.rows.row_set import RowSet
from ..input.options import SearchKnobs

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
        Predicted cost of one query; NaN when the segment has no index to compare with.
    reason : str
        Why this plan.
    """

    n_rows: int
    seconds: float
    reason: str

    @property
    def expected_recall(self) -> float:
        """An exact scan misses nothing."""
        return 1.0

    def __str__(self) -> str:
        return f"exact scan of {self.n_rows:,} rows ({self.reason})"


@dataclass(frozen=True, slots=True)
class IndexSearch:
    """Search the index with a given effort; only allowed rows come out.

    Attributes
    ----------
    effort : Effort
        How hard the index tries.
    selectivity : float
        Fraction of the segment's rows that are allowed.
    reason : str
        Why this plan.
    """

    effort: Effort
    selectivity: float
    reason: str

    @property
    def seconds(self) -> float:
        """Predicted cost of one query."""
        return self.effort.seconds

    @property
    def expected_recall(self) -> float | None:
        """Recall the index's effort table promises."""
        return self.effort.expected_recall

    def __str__(self) -> str:
        if not self.effort.ef:
            return f"scan of the codes, {self.effort.rescore} rescored ({self.reason})"
        return f"graph walk, ef {self.effort.ef}, {self.effort.rescore} rescored ({self.reason})"


Plan = ExactScan | IndexSearch


def plan_segment(
    index: VectorIndex | None, n_rows: int, allowed: RowSet | None, k: int, knobs: SearchKnobs
) -> Plan:
    """Choose the cheapest plan that keeps the promise.

    Parameters
    ----------
    index : VectorIndex or None
        The segment's index of the searched field.
    n_rows : int
        Rows of the segment.
    allowed : RowSet or None
        Rows that may be returned; None for all.
    k : int
        Results wanted.
    knobs : SearchKnobs
        What the caller said.

    Notes
    -----
    Explicit effort is obeyed: ``exact`` always scans, ``ef`` always walks unless fewer than ``k`` rows are
    allowed, when a scan returns all of them.
    """
    count = n_rows if allowed is None else allowed.count
    contiguous = allowed is None or allowed.bounds is not None
    if index is None:
        return ExactScan(count, float("nan"), "the segment has no index")
    scan_seconds = index.scan_cost(count, contiguous)
    if knobs.exact:
        return ExactScan(count, scan_seconds, "asked for")
    if count <= k:
        return ExactScan(count, scan_seconds, "no more rows than results")
    selectivity = count / n_rows
    if knobs.ef is not None:
        effort = index.effort(k, ef=knobs.ef, selectivity=selectivity)
        return IndexSearch(effort, selectivity, "ef was given")
    effort = index.effort(k, recall=knobs.recall, selectivity=selectivity)
    if scan_seconds <= effort.seconds:
        reason = f"predicted {scan_seconds * 1e6:.0f} us, the index {effort.seconds * 1e6:.0f} us"
        return ExactScan(count, scan_seconds, reason)
    if effort.expected_recall is not None and effort.expected_recall < knobs.recall - _UNREACHABLE:
        return ExactScan(count, scan_seconds, f"no effort of the index reaches recall {knobs.recall}")
    reason = f"predicted {effort.seconds * 1e6:.0f} us, an exact scan {scan_seconds * 1e6:.0f} us"
    return IndexSearch(effort, selectivity, reason)
