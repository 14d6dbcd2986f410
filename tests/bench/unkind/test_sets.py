"""Unkind sets are what their names say, and the same for a seed."""

from __future__ import annotations

import numpy as np
import pytest
from small_dataset import BASE

from vicinal.bench.unkind.sets import SETS, make_set


@pytest.mark.parametrize("name", SETS)
def test_sets_have_rows_and_queries_and_are_made_alike(name: str) -> None:
    made, again, other = (make_set(name, BASE, 2000, 40, seed) for seed in (1, 1, 2))
    assert 1900 <= made.data.rows <= 2000
    assert len(made.data.queries) == 40
    assert made.data.content_hash == again.data.content_hash != other.data.content_hash


@pytest.mark.parametrize("times", [2, 12, 100])
def test_copies_are_equal_or_nearly(times: int) -> None:
    exact = make_set(f"copies-{times}", BASE, 2000, 40, 0).data.vectors
    distinct, counts = np.unique(exact, axis=0, return_counts=True)
    assert {*counts.tolist()} == {times}
    for name, noise in (("almost", 1e-5), ("nearly", 0.005)):
        rows = make_set(f"{name}-{times}", BASE, 2000, 40, 0).data.vectors
        assert len(np.unique(rows, axis=0)) == len(rows)
        away = np.sort(np.linalg.norm(rows[0] - rows, axis=1))
        assert 0 < away[times - 1] < 10 * noise < away[times]
    assert len(distinct) == 2000 // times


def test_crowds_are_narrow_and_few_texts_are_few() -> None:
    rows = make_set("topics-95", BASE, 2000, 40, 0).data.vectors
    products = rows @ rows.T
    assert (np.sort((products > 0.97).sum(axis=1))[150:] > 20).all()
    assert len(np.unique(make_set("few-texts", BASE, 2000, 40, 0).data.vectors, axis=0)) == 50


def test_elements_hold_what_is_stored() -> None:
    binary, int8 = (make_set(name, BASE, 2000, 40, 0) for name in ("binary", "int8"))
    assert (binary.element, int8.element) == ("binary", "int8")
    assert {*np.unique(binary.data.vectors).tolist()} == {0.0, 1.0}
    np.testing.assert_array_equal(int8.data.vectors, int8.data.vectors.astype(np.int8))
