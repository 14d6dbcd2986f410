"""Hnsw: the graph, its codes and its effort table."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from pyroaring import BitMap

from vicinal.indexes.codecs.rabitq import RaBitQ
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.graph.knobs import HnswKnobs
from vicinal.indexes.protocol import BuildJob, Index, Scope
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.neighbors import NO_ROW
from vicinal.indexes.rows.row_set import RowSet
from vicinal.testing import oracle
from vicinal.testing.dense_index_conformance import DenseIndexConformance
from vicinal.testing.random_rows import as_vectors, random_matrix


class TestHnsw(DenseIndexConformance):
    # The queries of the suite come from other clusters than its rows.
    floor = 0.88
    given: ClassVar = {"ef": 64, "rescore": 30}

    def spec(self) -> Hnsw:
        return Hnsw()


_OPENED: dict[tuple[Any, ...], Index[Any, Any]] = {}


def opened(
    matrix: NDArray[Any], metric: Metric = Metric.COSINE, element: Element = Element.FLOAT32
) -> Index[Any, Any]:
    """Return an index over ``matrix``; no index ever changes, so an equal one serves again."""
    key = (matrix.tobytes(), matrix.shape, metric, element)
    if key not in _OPENED:
        vectors = as_vectors(matrix, matrix.shape[1], element, metric)
        _OPENED[key] = Hnsw().open(Hnsw().build(vectors, BuildJob()), vectors)
    return _OPENED[key]


def clustered(n: int, dim: int, clusters: int, spread: float, seed: int) -> NDArray[np.float32]:
    centres = np.random.default_rng(7).standard_normal((clusters, dim))
    rng = np.random.default_rng(seed)
    values = centres[rng.integers(0, clusters, n)] + spread * rng.standard_normal((n, dim))
    return values.astype(np.float32)


DATA = {
    "gaussian": (
        np.random.default_rng(0).standard_normal((4000, 24)).astype(np.float32),
        np.random.default_rng(1).standard_normal((200, 24)).astype(np.float32),
    ),
    "clustered": (clustered(4000, 160, 50, 0.3, 0), clustered(200, 160, 50, 0.3, 1)),
    "sorted clusters": (
        clustered(4000, 32, 20, 0.1, 0)[np.argsort(np.random.default_rng(0).integers(0, 20, 4000))],
        clustered(200, 32, 20, 0.1, 1),
    ),
}


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.L2])
def test_promises_made_before_any_query_are_kept(name: str, metric: Metric) -> None:
    matrix, queries = DATA[name]
    index = opened(matrix, metric)
    _, truth = oracle.top(oracle.scores(matrix, queries, metric), 10, metric.higher_is_nearer)
    for target in (0.90, 0.95, 0.99):
        effort = index.effort(10, target, None, 1.0)
        assert effort.expected_recall is not None
        found = index.search(queries, 10, effort)
        reached = oracle.recall(found.scores, truth, metric.higher_is_nearer, 1e-4)
        # In many dimensions the rows of a cluster are all about as far from each other, and a query that
        # is made from one of them is easier than a new one.
        slack = 0.10 if name == "clustered" else 0.03
        assert reached >= min(target, effort.expected_recall) - slack


def test_a_table_measured_on_queries_replaces_the_first() -> None:
    matrix = random_matrix(3000, 200, Element.FLOAT32)
    queries = np.random.default_rng(3).standard_normal((400, 200)).astype(np.float32)
    index = opened(matrix)
    _, truth = oracle.top(oracle.scores(matrix, queries, "cosine"), 100, True)
    table = index.calibrate(queries[:200], truth[:200].astype(np.float32))
    fitted = index.with_table(table)
    for name, array in index.calibrate(queries[:200]).items():
        np.testing.assert_allclose(array, table[name], atol=0.02)
    for target in (0.90, 0.95):
        effort = fitted.effort(10, target, None, 1.0)
        found = fitted.search(queries[200:], 10, effort)
        assert oracle.recall(found.scores, truth[200:, :10], True) >= target - 0.02


def test_more_recall_never_costs_less() -> None:
    index = opened(random_matrix(2000, 32, Element.FLOAT32))
    for k in (1, 3, 10, 37, 100, 250):
        efforts = [index.effort(k, target, None, 1.0) for target in (0.5, 0.8, 0.9, 0.95, 0.99, 1.0)]
        assert [e.seconds for e in efforts] == sorted(e.seconds for e in efforts)
        assert all(e.knobs.rescore >= k for e in efforts)
    assert index.effort(10, 0.95, HnswKnobs(77), 1.0).knobs.ef == 77


@pytest.mark.parametrize(("bits", "least", "most"), [(1, 0.25, 1.0), (8, 1 / 16, 1 / 16)])
def test_coarser_codes_have_more_of_a_pool_scored(bits: int, least: float, most: float) -> None:
    matrix = random_matrix(1000, 40, Element.FLOAT32)
    rows, spec = as_vectors(matrix, 40, Element.FLOAT32, Metric.COSINE), Hnsw(codec=RaBitQ(bits))
    arrays = spec.build(rows, BuildJob())
    assert least <= arrays["rescored"][0] <= most
    effort = spec.open(arrays, rows).effort(10, 0.5, HnswKnobs(320), 1.0)
    assert effort.knobs.rescore == min(320, 15 + int(320 * arrays["rescored"][0]))


def test_a_filter_widens_the_walk_and_costs_more() -> None:
    index = opened(random_matrix(2000, 32, Element.FLOAT32))
    whole, half = index.effort(10, 0.95, HnswKnobs(60), 1.0), index.effort(10, 0.95, HnswKnobs(60), 0.5)
    assert half.knobs.ef == 2 * whole.knobs.ef
    assert half.knobs.rescore == whole.knobs.rescore
    assert half.seconds > whole.seconds
    assert index.effort(10, 0.95, HnswKnobs(10), 0.9).knobs.ef > 13


def test_rescore_alone_compares_the_codes_of_all_rows() -> None:
    matrix = random_matrix(2000, 32, Element.FLOAT32)
    index, queries = opened(matrix, Metric.L2), random_matrix(20, 32, Element.FLOAT32, seed=5)
    _, truth = oracle.top(oracle.scores(matrix, queries, "l2"), 10, False)
    reached = []
    for rescored in (1, 10, 100):
        effort = index.effort(10, 0.5, Hnsw().knobs({"rescore": rescored}), 1.0)
        assert (effort.knobs.ef, effort.knobs.rescore) == (0, max(10, rescored))
        found = index.search(queries, 10, effort)
        assert found.stats.hops == 0
        assert found.stats.distances >= 20 * 2000
        reached.append(oracle.recall(found.scores, truth, False, 1e-4))
    assert reached[0] == reached[1] < reached[2] == 1.0


def test_rows_where_no_walk_comes_by_are_all_compared() -> None:
    near = np.random.default_rng(0).standard_normal((1500, 16)).astype(np.float32)
    matrix = np.concatenate([near, near + 40])
    index = opened(matrix, Metric.L2)
    allowed = RowSet.from_bitmap(BitMap(range(1500, 3000, 2)), 3000)
    effort = index.effort(10, 0.95, HnswKnobs(40), 0.25)
    found = index.search(near[:20], 10, effort, Scope(allowed))
    _, truth = oracle.top(oracle.scores(matrix, near[:20], "l2"), 10, False, np.arange(1500, 3000, 2))
    assert (found.rows >= 1500).all()
    assert (found.rows % 2 == 0).all()
    assert oracle.recall(found.scores, truth, False, 1e-4) >= 0.98
    assert found.stats.fallbacks == 20


@pytest.mark.parametrize("lo", [0, 500])
@pytest.mark.parametrize("ef", [64, 500, 2000])
def test_a_walk_that_ends_early_still_finds_k(lo: int, ef: int) -> None:
    matrix = random_matrix(3000, 16, Element.FLOAT32)
    vectors = as_vectors(matrix, 16, Element.FLOAT32, Metric.L2)
    arrays = Hnsw().build(vectors, BuildJob())
    # As after a build of rows that are all alike, each of which links to others like it.
    alone = {**arrays, "links": np.full_like(arrays["links"], NO_ROW)}
    index = Hnsw().open(alone, vectors)
    allowed = RowSet.from_range(lo, 3000, 3000)
    queries = matrix[:40] + 0.1
    effort = index.effort(50, 0.95, HnswKnobs(ef), 1.0)
    found = index.search(queries, 50, effort, Scope(allowed if lo else None))
    _, truth = oracle.top(oracle.scores(matrix, queries, "l2"), 50, False, np.arange(lo, 3000))
    assert ((found.rows >= lo) & (found.rows < 3000)).all()
    assert oracle.recall(found.scores, truth, False, 1e-4) >= 0.98
    assert found.stats.fallbacks == 40
    for query, rows in zip(queries, found.rows, strict=True):
        single = index.search(query[None], 50, effort, Scope(allowed if lo else None))
        np.testing.assert_array_equal(single.rows[0], rows)


def test_rows_that_are_all_alike_still_make_k() -> None:
    six = random_matrix(6, 16, Element.FLOAT32)
    index = opened(six[np.random.default_rng(0).integers(0, 6, 6000)])
    for ef in (500, 700, 1000):
        found = index.search(six, 500, index.effort(500, 0.95, HnswKnobs(ef), 1.0))
        assert (found.rows < 6000).all()
        assert all(len(np.unique(rows)) == 500 for rows in found.rows)


def test_the_visited_marks_survive_more_queries_than_epochs() -> None:
    matrix = random_matrix(1500, 16, Element.FLOAT32)
    index = opened(matrix)
    effort = index.effort(5, 0.95, HnswKnobs(60), 1.0)
    many = index.search(np.repeat(matrix[:1], 600, axis=0), 5, effort)
    assert (many.rows == many.rows[0]).all()


def test_stats_count_the_work() -> None:
    matrix = random_matrix(1500, 16, Element.FLOAT32)
    stats = opened(matrix).search(matrix[:10], 5, opened(matrix).effort(5, 0.95, HnswKnobs(50), 1.0)).stats
    assert 10 * 5 <= stats.hops < stats.distances <= 10 * 1600
    assert stats.rescored >= 50
    assert stats.fallbacks == 0


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("links", lambda a: np.where(a == 3, 5000, a).astype(np.uint32), "beyond the last"),
        ("links", lambda a: a[:-1], "expected uint32"),
        ("entries", lambda a: a + np.uint32(5000), "beyond the last"),
        ("entries", lambda a: a[:0], "there are none"),
        ("codes", lambda a: a[:, :32], "codes are"),
        ("mean", lambda a: a.astype(np.float64), "mean are"),
        ("bias", lambda a: a[:5], "bias are"),
        ("rescored", lambda a: a + 1, "expected a share"),
        ("table.recall", lambda a: a[:1], "ladder of efforts"),
    ],
)
def test_damaged_arrays_are_refused(name: str, change: Any, message: str) -> None:
    vectors = as_vectors(random_matrix(600, 16, Element.FLOAT32), 16, Element.FLOAT32, Metric.L2)
    arrays = Hnsw().build(vectors, BuildJob())
    with pytest.raises(ValueError, match=message):
        Hnsw().open({**arrays, name: change(arrays[name])}, vectors)


def test_a_missing_array_is_refused() -> None:
    vectors = as_vectors(random_matrix(600, 16, Element.FLOAT32), 16, Element.FLOAT32, Metric.L2)
    arrays = Hnsw().build(vectors, BuildJob())
    del arrays["links"]
    with pytest.raises(ValueError, match="lacks links"):
        Hnsw().open(arrays, vectors)


@pytest.mark.parametrize("parameters", [{"m": 1}, {"m": 16.0}, {"ef_construction": 0}, {"m": True}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected a whole number"):
        Hnsw(**parameters)
