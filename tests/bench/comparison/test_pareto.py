"""Fronts and interpolation at equal recall, on numbers worked out by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.bench.comparison.pareto import best_at, pareto_front, seconds_at


@dataclass(frozen=True)
class Measurement:
    recall: float
    seconds: float


def test_beaten_points_leave_the_front() -> None:
    points = [Measurement(0.9, 2.0), Measurement(0.8, 3.0), Measurement(0.7, 1.0), Measurement(0.9, 4.0)]
    assert pareto_front(points) == [Measurement(0.7, 1.0), Measurement(0.9, 2.0)]


@given(st.lists(st.builds(Measurement, st.floats(0, 1), st.floats(1e-6, 1)), max_size=30))
def test_nothing_beats_a_front_and_all_else_is_beaten(points: list[Measurement]) -> None:
    front = pareto_front(points)
    for point in points:
        beaten = any(other.recall >= point.recall and other.seconds <= point.seconds for other in front)
        assert beaten or point in front
    for below, above in itertools.pairwise(front):
        assert below.recall < above.recall
        assert below.seconds < above.seconds


def test_time_between_points_is_interpolated_in_the_logarithm() -> None:
    points = [Measurement(0.90, 1.0), Measurement(0.98, 4.0)]
    assert seconds_at(points, 0.94) == pytest.approx(2.0)
    assert seconds_at(points, 0.92) == pytest.approx(math.sqrt(2))
    assert seconds_at(points, 0.90) == 1.0
    assert seconds_at(points, 0.98) == 4.0


def test_nothing_is_said_beyond_the_ends() -> None:
    points = [Measurement(0.90, 1.0), Measurement(0.98, 4.0)]
    assert seconds_at(points, 0.89) is None
    assert seconds_at(points, 0.99) is None
    assert seconds_at([], 0.9) is None


def test_the_fastest_build_wins_and_never_mixes_with_another() -> None:
    builds = {
        "small": [Measurement(0.90, 1.0), Measurement(0.96, 8.0)],
        "large": [Measurement(0.94, 2.0), Measurement(0.99, 4.0)],
    }
    at = best_at(builds, 0.95)
    assert at is not None
    assert at.build == "large"
    assert at.seconds == pytest.approx(2.0 * 2 ** (0.01 / 0.05))
    low = best_at(builds, 0.91)
    assert low is not None
    assert low.build == "small"
    assert best_at(builds, 0.995) is None
