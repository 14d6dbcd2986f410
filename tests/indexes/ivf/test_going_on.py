"""Lists: a search that goes on where its results lie far off, and promises that hold by that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vicinal.indexes.arrays import within
from vicinal.indexes.codecs.centroids import open_centroids
from vicinal.indexes.codecs.floats import Float16
from vicinal.indexes.codecs.rabitq import RaBitQ
from vicinal.indexes.ivf.index import IvfIndex
from vicinal.indexes.ivf.ivf import Ivf
from vicinal.indexes.ivf.knobs import IvfKnobs
from vicinal.indexes.protocol import EVERYTHING, BuildJob, Effort
from vicinal.indexes.rows.dense import DenseRows
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.testing import oracle
from vicinal.testing.random_rows import as_vectors

N, DIM, LISTS = 2400, 32, 48
METRICS = (Metric.COSINE, Metric.DOT, Metric.L2)


def in_clusters() -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    centres = 3 * rng.standard_normal((30, DIM))
    rows = centres[rng.integers(0, 30, N)] + 0.6 * rng.standard_normal((N, DIM))
    return (rows * rng.uniform(0.7, 1.3, (N, 1))).astype(np.float32)


def opened(matrix: NDArray[np.float32], metric: Metric, spec: Ivf) -> tuple[DenseRows, IvfIndex]:
    rows = as_vectors(matrix, DIM, Element.FLOAT32, metric)
    return rows, spec.open(spec.build(rows, BuildJob(threads=1)), rows)


def foreign(count: int) -> NDArray[np.float32]:
    return (3 * np.random.default_rng(1).standard_normal((count, DIM))).astype(np.float32)


def away(
    metric: Metric, queries: NDArray[Any], vectors: NDArray[Any], longest: float, unit: bool
) -> NDArray[np.float64]:
    """Return how far vectors are from queries, as spreads of pools are counted."""
    queries, vectors = queries.astype(np.float64), vectors.astype(np.float64)
    if metric is Metric.L2:
        return ((queries[:, None] - vectors) ** 2).sum(axis=2)
    if unit:
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    reach = longest if metric is Metric.DOT else 1.0
    return np.linalg.norm(queries, axis=1)[:, None] * reach - queries @ vectors.T


@pytest.mark.parametrize("metric", METRICS)
def test_how_far_off_results_lie_is_as_numpy_has_it(metric: Metric) -> None:
    rows, index = opened(in_clusters(), metric, Ivf(n_lists=LISTS, codec=Float16()))
    queries, n_probe, rank, rescore = foreign(40), 5, 10, 25
    reached = index._found(queries, 10, IvfKnobs(n_probe, rescore, rank=rank), EVERYTHING)[2]
    codec, coded = open_centroids(within("lists.", index._arrays), DIM, metric, LISTS)
    longest = float(np.linalg.norm(rows.matrix, axis=1).max())
    lists = away(metric, queries, codec.decode(coded), longest, False)
    order, members, offsets = np.argsort(lists, axis=1), index._lists.members, index._lists.offsets
    near = away(metric, queries, rows.floats(slice(None)), longest, metric is Metric.COSINE)
    for q, places in enumerate(order):
        read = np.concatenate([members[offsets[one] : offsets[one + 1]] for one in places[:n_probe]])
        ranked = np.sort(near[q, read])
        expected = lists[q, places[n_probe]] / ranked[rank - 1], ranked[rescore - 1] / ranked[rank - 1]
        np.testing.assert_allclose(reached[q], expected, rtol=0.03)


@pytest.mark.parametrize("metric", METRICS)
def test_a_search_that_goes_on_reads_what_one_told_to_reads(metric: Metric) -> None:
    _, index = opened(in_clusters(), metric, Ivf(n_lists=LISTS, codec=RaBitQ(4)))
    queries = foreign(60)

    def found(**knobs: Any) -> Any:
        return index.search(queries, 10, Effort(IvfKnobs(**knobs), None, 0.0, ""))

    told = found(n_probe=20, rescore=200)
    going_on = found(n_probe=4, rescore=200, rank=10, next_list=1e6, most_lists=20)
    np.testing.assert_array_equal(going_on.rows, told.rows)
    assert (going_on.stats.hops, going_on.stats.distances) == (told.stats.hops, told.stats.distances)
    # And scores what one told to scores.
    told = found(n_probe=20, rescore=120)
    going_on = found(n_probe=20, rescore=12, rank=10, last_row=1e6, most_rows=120)
    np.testing.assert_array_equal(going_on.rows, told.rows)
    assert going_on.stats.rescored == told.stats.rescored == 60 * 120
    # Results that lie near enough are left as they are.
    few = found(n_probe=4, rescore=12)
    content = found(n_probe=4, rescore=12, rank=10, next_list=0.1, last_row=0.1, most_lists=20, most_rows=99)
    np.testing.assert_array_equal(content.rows, few.rows)
    assert content.stats == few.stats


@pytest.mark.parametrize("spill", [False, True])
@pytest.mark.parametrize("metric", METRICS)
def test_promises_are_kept_for_queries_from_elsewhere(metric: Metric, spill: bool) -> None:
    rows, index = opened(in_clusters(), metric, Ivf(codec=RaBitQ(1), spill=spill))
    queries = foreign(100)
    _, truth = oracle.top(
        oracle.scores(rows.stored(slice(None)), queries, metric.value), 10, metric.higher_is_nearer
    )
    for target in (0.90, 0.95, 0.99):
        found = index.search(queries, 10, index.effort(10, target, None, 1.0))
        assert oracle.recall(found.scores, truth, metric.higher_is_nearer, 1e-4) >= target - 0.02


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_promises_hold_for_rows_in_copies(noise: float) -> None:
    rng = np.random.default_rng(2)
    some = rng.standard_normal((N // 12, DIM)).astype(np.float32)
    matrix = np.repeat(some, 12, axis=0) + np.float32(noise) * rng.standard_normal((N, DIM), np.float32)
    rows, index = opened(matrix, Metric.L2, Ivf(codec=RaBitQ(1)))
    assert index._widths.alike == 12
    queries = rng.standard_normal((100, DIM)).astype(np.float32)
    for k in (1, 10):
        _, truth = oracle.top(oracle.scores(rows.stored(slice(None)), queries, "l2"), k, False)
        for target in (0.90, 0.95, 0.99):
            found = index.search(queries, k, index.effort(k, target, None, 1.0)).scores
            each = np.sort((found <= truth[:, -1:] * (1 + 1e-5)).mean(axis=1))
            assert each.mean() >= target - 0.02, (k, target)
            assert each[:10].mean() >= target - 0.10, (k, target)


def test_tables_from_before_searches_went_on_are_read() -> None:
    rows, index = opened(in_clusters(), Metric.L2, Ivf(codec=RaBitQ(1)))
    fresh = "table.signal", "table.alike", "table.longest", "widths.table.signal"
    assert set(fresh) <= set(index._arrays)
    before = {name: array for name, array in index._arrays.items() if name not in fresh}
    old = IvfIndex(before, rows, Ivf(codec=RaBitQ(1))._layout())
    assert old.effort(10, 0.95, None, 1.0).knobs.rank == 0
    assert index.effort(10, 0.95, None, 1.0).knobs.rank == 10
    with pytest.raises(ValueError, match=r"table\.signal"):
        IvfIndex({**index._arrays, fresh[0]: np.zeros(3, np.float32)}, rows, old._layout)
