"""How many candidates reach a recall lies between two that were tried."""

from __future__ import annotations

import pytest

from vicinal.bench.measure.kinds.candidates import needed


def tried(*points: tuple[float, float]) -> list[dict[str, float]]:
    return [{"scored": scored, "recall": recall} for scored, recall in points]


def test_it_is_interpolated_along_the_logarithm() -> None:
    records = tried((10, 0.5), (100, 0.7), (1_000, 0.9))
    assert needed(records, 0.6) == pytest.approx(10**1.5)
    assert needed(records, 0.9) == pytest.approx(1_000)
    assert needed(records, 0.4) == pytest.approx(10)
    assert needed(records, 0.95) is None


def test_more_candidates_never_count_as_worse() -> None:
    assert needed(tried((10, 0.8), (20, 0.75), (40, 0.9)), 0.8) == pytest.approx(10)
