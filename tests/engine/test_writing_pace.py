"""How fast rows come: what tells a load from a trickle."""

from __future__ import annotations

import pytest

from vicinal.engine.state.writing_pace import WritingPace


def _pace(batches: list[tuple[int, float]], start: float = 100.0) -> float:
    pace = WritingPace()
    for n_rows, passed in batches:
        start += passed
        pace.wrote(n_rows, start)
    return pace.rows_per_second


def test_a_single_write_is_a_load() -> None:
    assert _pace([]) == _pace([(5_000, 0.0)]) == float("inf")


def test_steady_writes_come_as_fast_as_they_come() -> None:
    assert _pace([(20, 0.01)] * 5_000) == pytest.approx(2_000, rel=0.02)
    assert _pace([(1_000, 0.02)] * 500) == pytest.approx(50_000, rel=0.02)


def test_pauses_count_and_long_ones_do_not_hide_what_comes_after() -> None:
    assert 8_000 < _pace([(1_000, 0.01)] * 10 + [(1_000, 1.0)] + [(1_000, 0.01)] * 9) < 20_000
    slow = [(20, 0.01)] * 1_000
    assert _pace([*slow, (1_000, 3_600.0), *[(1_000, 0.02)] * 20]) > 5_000


def test_what_was_fast_long_ago_is_forgotten() -> None:
    assert _pace([(10_000, 0.05)] * 100 + [(20, 0.01)] * 3_000) < 3_000
