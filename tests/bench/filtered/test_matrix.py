"""Filters of every shape pass just the rows of their level, which lean towards the queries as they are to."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import vicinal
from vicinal.bench.datasets import Dataset, DatasetError, open_dataset
from vicinal.bench.filtered.cells import Matrix, measured_correlation, part_of
from vicinal.bench.filtered.groups import QueryGroups, grouped
from vicinal.bench.filtered.orders import CORRELATIONS, RowOrder, row_orders, tilt
from vicinal.bench.filtered.shapes import NATURAL, SHAPES, MadePayloads, levels_of
from vicinal.bench.harness.truth import exact_truth

SHARES = (0.0001, 0.01, 0.3, 0.9, 1.0)


@pytest.fixture(scope="module", params=["cosine", "l2", "dot"])
def groups(request: pytest.FixtureRequest) -> QueryGroups:
    return grouped(open_dataset(f"clustered-3000x16-{request.param}"), 2, 20)


@pytest.fixture(scope="module")
def orders(groups: QueryGroups) -> list[RowOrder]:
    return row_orders(groups, CORRELATIONS)


def scores(data: Dataset, queries: slice) -> NDArray[np.float64]:
    """Return how near rows are to the nearest of some queries, by the definition of the metric."""
    asked, rows = data.queries[queries].astype(np.float64), data.vectors.astype(np.float64)
    if data.metric == "l2":
        return -((asked[:, None, :] - rows[None, :, :]) ** 2).sum(axis=2).min(axis=0)
    if data.metric == "cosine":
        asked /= np.linalg.norm(asked, axis=1)[:, None]
        rows /= np.linalg.norm(rows, axis=1)[:, None]
    found: NDArray[np.float64] = (asked @ rows.T).max(axis=0)
    return found


def test_groups_are_queries_of_the_data_each_once(groups: QueryGroups) -> None:
    whole = open_dataset(f"clustered-3000x16-{groups.data.metric}").queries
    assert (len(groups), len(groups.data.queries)) == (2, 40)
    places = [np.flatnonzero((whole == query).all(axis=1)) for query in groups.data.queries]
    assert all(len(place) == 1 for place in places)
    assert len({int(place[0]) for place in places}) == 40


def test_rows_are_as_near_as_their_nearest_query(groups: QueryGroups) -> None:
    for queries in groups.slices():
        np.testing.assert_allclose(
            groups.nearness(queries), scores(groups.data, queries), rtol=2e-4, atol=2e-4
        )


def test_groups_of_less_than_two_queries_are_refused() -> None:
    with pytest.raises(DatasetError, match="fewer with --groups"):
        grouped(open_dataset("random-100x4", queries=10), 6, 50)


@pytest.mark.parametrize("correlation", [-0.9, -0.5, 0.0, 0.5, 0.9])
def test_a_tilt_draws_so_many_times_as_many_near_rows(correlation: float) -> None:
    places = np.linspace(0, 1, 100_001)
    weights = np.exp(-tilt(correlation) * places)
    assert weights[0] / weights.mean() == pytest.approx((1 + correlation) / (1 - correlation), rel=1e-3)


def test_orders_have_every_row_once_and_lean_as_they_are_to(
    groups: QueryGroups, orders: list[RowOrder]
) -> None:
    assert [order.number for order in orders] == list(range(1 + 2 * 4))
    for order in orders:
        assert np.array_equal(np.sort(order.rows), np.arange(3000))
        assert np.array_equal(order.ranks[order.rows], np.arange(3000))
    for number, queries in enumerate(groups.slices()):
        near = np.argsort(-scores(groups.data, queries))[:300]
        mine = {one.correlation: one for one in orders if one.group in (None, number)}
        shares = {corr: np.isin(near, one.passing(300)).mean() for corr, one in mine.items()}
        assert shares[1.0] > 0.99
        assert shares[0.5] == pytest.approx(0.26, abs=0.06)
        assert shares[0.0] == pytest.approx(0.1, abs=0.06)
        assert shares[-0.5] == pytest.approx(0.035, abs=0.03)
        assert shares[-1.0] < 0.02


def test_filters_of_every_shape_pass_the_rows_of_their_level(
    groups: QueryGroups, orders: list[RowOrder]
) -> None:
    levels = levels_of(orders, SHARES)
    assert [len(one) for one in levels] == [5] + [4] * 8
    payloads = MadePayloads(groups.data, levels, SHAPES)
    with vicinal.open(":memory:") as database:
        points = database.create_collection("made", vicinal.Dense(16), fields=dict(payloads.fields))
        for start in range(0, 3000, 1100):
            stop = min(start + 1100, 3000)
            made = payloads.of(start, stop)
            points.upsert(range(start, stop), groups.data.vectors[start:stop], made)
        for level in [levels[0][0], levels[0][4], levels[3][1], levels[5][2], levels[8][3]]:
            for shape in SHAPES:
                if shape != NATURAL:
                    found = points.scroll(filter=level.expression(shape), limit=3000, with_payload=False)
                    rows = sorted(int(point.id) for point in found.points)
                    assert rows == level.order.passing(level.count).tolist(), shape


def test_cells_have_exact_answers_among_what_passes(groups: QueryGroups, orders: list[RowOrder]) -> None:
    matrix = Matrix(groups, orders, (0.01, 1.0))
    found = list(matrix.made())
    assert [(one.correlation, one.selectivity) for one in found] == [
        (-1.0, 0.01),
        (-0.5, 0.01),
        (0.0, 0.01),
        (0.0, 1.0),
        (0.5, 0.01),
        (1.0, 0.01),
    ]
    local = [one.local for one in found if one.selectivity == 0.01]
    assert local == sorted(local)
    for one in found:
        truth = matrix.truth(one, 50)
        assert truth.ids.shape == (40, min(50, one.matches))
        for queries, rows in zip(groups.slices(), one.rows, strict=True):
            alone = exact_truth(groups.data, truth.k, rows=rows)
            assert np.array_equal(truth.ids[queries], alone.ids[queries])
            assert np.isin(truth.ids[queries], rows).all()
        assert part_of(truth, 10).ids.shape == (40, 10)
        questions = one.questions(groups, "range")
        assert len(questions) == (1 if one.correlation == 0 else 2)
        assert sum(question.queries.stop - question.queries.start for question in questions) == 40


def test_correlation_is_measured_as_it_is_made() -> None:
    assert measured_correlation(0.03, 0.01) == pytest.approx(0.5)
    assert measured_correlation(0.01, 0.03) == pytest.approx(-0.5)
    assert measured_correlation(0.0, 0.1) == -1
