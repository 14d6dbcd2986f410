"""The planner is pure: statistics in, plan out."""

from __future__ import annotations

from typing import Any, cast

import pytest

from vicinal.engine.input.options import SearchOptions
from vicinal.engine.results.explanation import PlanReason
from vicinal.engine.search.planner import ExactScan, IndexSearch, plan_segment
from vicinal.indexes.protocol import Effort, Index, Scan, Scope
from vicinal.indexes.rows.row_set import RowSet

N = 1_000_000


class KnownCosts:
    """An index that is all statistics: a walk costs 100 us, scanning a row 100 ns, and recall tops out."""

    def __init__(self, best_recall: float = 0.999) -> None:
        self.best_recall = best_recall

    def effort(self, k: int, recall: float, knobs: Any, share: float) -> Effort[Any]:
        ef = knobs or 50
        return Effort(ef, min(recall, self.best_recall), 100e-6 / max(share, 1e-3), f"walk of {ef}")


class KnownScan:
    """A scan that is all costs."""

    def cost(self, queries: Any, count: int, contiguous: bool) -> float:
        return count * (50e-9 if contiguous else 100e-9)


SCAN = cast(Scan[Any], KnownScan())


def plan(
    allowed: RowSet | None, index: Any = None, k: int = 10, knobs: Any = None, **said: Any
) -> ExactScan | IndexSearch:
    chosen = cast(Index[Any, Any], index or KnownCosts())
    return plan_segment(chosen, SCAN, N, Scope(allowed), SearchOptions(k=k, **said), knobs)


def test_without_an_index_rows_are_scanned() -> None:
    found = plan_segment(None, SCAN, N, Scope(), SearchOptions())
    assert isinstance(found, ExactScan)
    assert found.n_rows == N
    assert found.expected_recall == 1.0


def test_all_rows_are_searched_by_the_index() -> None:
    found = plan(None)
    assert isinstance(found, IndexSearch)
    assert found.selectivity == 1.0
    assert found.expected_recall == 0.95


def test_few_rows_are_scanned_and_many_are_not() -> None:
    assert isinstance(plan(RowSet.from_range(0, 500, N)), ExactScan)
    assert isinstance(plan(RowSet.from_range(0, N // 2, N)), IndexSearch)


def test_explicit_knobs_are_obeyed() -> None:
    assert isinstance(plan(None, exact=True), ExactScan)
    found = plan(RowSet.from_range(0, 500, N), knobs=200)
    assert isinstance(found, IndexSearch)
    assert found.effort.knobs == 200


def test_no_more_rows_than_results_are_scanned_whatever_was_said() -> None:
    assert isinstance(plan(RowSet.from_range(0, 10, N), knobs=200), ExactScan)


def test_a_recall_that_no_effort_reaches_gets_the_effort_that_the_index_takes_for_it() -> None:
    found = plan(None, KnownCosts(best_recall=0.9), recall=0.95)
    assert isinstance(found, IndexSearch)
    assert found.reason is PlanReason.OUT_OF_REACH
    assert found.expected_recall == 0.9
    assert isinstance(plan(RowSet.from_range(0, 500, N), KnownCosts(best_recall=0.9)), ExactScan)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (plan(None), PlanReason.CHEAPER),
        (plan(RowSet.from_range(0, 50, N)), PlanReason.CHEAPER),
        (plan(RowSet.from_range(0, 10, N)), PlanReason.FEW_ROWS),
        (plan(None, exact=True), PlanReason.ASKED_FOR),
        (plan(None, knobs=200), PlanReason.EFFORT_GIVEN),
        (plan_segment(None, SCAN, N, Scope(), SearchOptions()), PlanReason.NO_INDEX),
    ],
)
def test_a_plan_says_why(found: ExactScan | IndexSearch, reason: PlanReason) -> None:
    assert found.reason is reason
    if reason is PlanReason.CHEAPER:
        assert found.other_seconds is not None
        assert found.seconds <= found.other_seconds
