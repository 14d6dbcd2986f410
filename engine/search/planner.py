"""Chooses how to search one segment: statistics in, plan out, no I/O and no locks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...indexes.protocol import Effort, Index, Scan, Scope
from ..input.options import SearchOptions

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

    effort: Effort[Any]
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
        return f"{self.effort.words} ({self.reason})"


Plan = ExactScan | IndexSearch


def plan_segment(
    index: Index[Any, Any] | None,
    scan: Scan[Any],
    n_rows: int,
    scope: Scope,
    options: SearchOptions,
    knobs: Any = None,
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

    Notes
    -----
    Explicit effort is obeyed: ``exact`` always scans, a knob always searches the index unless fewer than
    ``k`` rows are in scope, when a scan returns all of them.
    """
    count = scope.count(n_rows)
    scan_seconds = scan.cost(None, count, scope.contiguous)
    if index is None:
        return ExactScan(count, scan_seconds, "the segment has no index")
    if options.exact:
        return ExactScan(count, scan_seconds, "asked for")
    if count <= options.k:
        return ExactScan(count, scan_seconds, "no more rows than results")
    share = count / n_rows
    effort = index.effort(options.k, options.recall, knobs, share)
    if knobs is not None:
        return IndexSearch(effort, share, "effort was given")
    if scan_seconds <= effort.seconds:
        reason = f"predicted {scan_seconds * 1e6:.0f} us, the index {effort.seconds * 1e6:.0f} us"
        return ExactScan(count, scan_seconds, reason)
    if effort.expected_recall is not None and effort.expected_recall < options.recall - _UNREACHABLE:
        return ExactScan(count, scan_seconds, f"no effort of the index reaches recall {options.recall}")
    reason = f"predicted {effort.seconds * 1e6:.0f} us, an exact scan {scan_seconds * 1e6:.0f} us"
    return IndexSearch(effort, share, reason)
