"""A graph that is grown: what its links are, by plain NumPy, and how much they bring beside hnswlib's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vicinal.indexes.codecs.scalar import Scalar
from vicinal.indexes.graph.build import BUILDERS
from vicinal.indexes.graph.growth.codes import growth_codes
from vicinal.indexes.graph.growth.growing import grow
from vicinal.indexes.graph.hnsw import Hnsw
from vicinal.indexes.graph.index import HnswIndex
from vicinal.indexes.graph.knobs import HnswKnobs
from vicinal.indexes.graph.links import NO_LINK
from vicinal.indexes.protocol import BuildJob, Effort, Previous
from vicinal.indexes.rows.dense import DenseRows
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.neighbors import NO_ROW
from vicinal.testing import oracle
from vicinal.testing.random_rows import as_vectors, random_matrix
from vicinal.testing.read_rows import not_in_memory

KINDS = (
    (Metric.L2, Element.FLOAT32),
    (Metric.COSINE, Element.FLOAT32),
    (Metric.DOT, Element.FLOAT32),
    (Metric.L2, Element.INT8),
    (Metric.HAMMING, Element.BINARY),
)


def rows_of(n: int, dim: int, metric: Metric, element: Element, seed: int = 0) -> DenseRows:
    return as_vectors(random_matrix(n, dim, element, seed=seed), dim, element, metric)


def everything(rows: DenseRows) -> NDArray[np.uint32]:
    return np.arange(len(rows), dtype=np.uint32)


def distances(rows: DenseRows) -> NDArray[np.float64]:
    """Return how far any two rows are from each other by the codes that a graph is grown on."""
    if rows.metric is Metric.HAMMING:
        return oracle.scores(rows.matrix, rows.matrix, "hamming")
    codes = growth_codes(rows, 1)
    steps = codes.coded.codes[:, : rows.dim].astype(np.float64) - 128
    bias = np.rint(codes.coded.bias * np.float32(codes.steps)).astype(np.float64)
    return np.asarray(bias[:, None] + bias[None] - steps @ steps.T)


def varied(table: NDArray[np.float64], row: int, most: int, spread: float) -> list[int]:
    """Return the links of a row when all others are candidates."""
    chosen: list[int] = []
    for other in np.lexsort((np.arange(len(table)), table[row])).tolist():
        is_apart = not any(table[other, known] * spread < table[row, other] for known in chosen)
        if other != row and len(chosen) < most and is_apart:
            chosen.append(other)
    return chosen


@pytest.mark.parametrize(("metric", "element"), KINDS)
def test_distances_of_growth_are_those_of_the_metric(metric: Metric, element: Element) -> None:
    rows = rows_of(200, 40, metric, element)
    table = distances(rows)
    matrix = rows.floats(slice(None)) if element is not Element.BINARY else rows.matrix
    true = oracle.scores(matrix, matrix, metric)
    sign = -1 if metric.higher_is_nearer else 1
    np.testing.assert_array_equal(table, table.T)
    if metric is not Metric.DOT:
        np.testing.assert_allclose(np.diag(table), 0, atol=1)
    found = np.corrcoef(table.ravel(), sign * (true**2 if metric is Metric.L2 else true).ravel())[0, 1]
    assert found > 0.999


@pytest.mark.parametrize(("metric", "element"), KINDS)
def test_links_are_chosen_as_numpy_chooses_them(metric: Metric, element: Element) -> None:
    rows = rows_of(120, 24, metric, element)
    table = distances(rows)
    # So many links and so wide a walk that every walk comes by every row.
    links = grow(rows, everything(rows), 64, 4096, BuildJob(threads=1))["links"]
    spread = 1.0 if metric is Metric.DOT else 1.03
    wrong = 0
    for row in range(len(rows)):
        kept = links[row][links[row] != NO_LINK].tolist()
        own = varied(table, row, 128, spread)
        # Those that chose this row were linked back to.
        back = {other for other in kept if row in varied(table, other, 128, spread)}
        wrong += not set(own) <= set(kept) or not set(kept) <= set(own) | back
    assert wrong == 0


@pytest.mark.parametrize(("metric", "element"), KINDS)
def test_every_node_is_reached_and_no_row_has_too_many_links(metric: Metric, element: Element) -> None:
    rows = rows_of(1500, 16, metric, element)
    grown = grow(rows, everything(rows), 6, 40, BuildJob(threads=2))
    assert grown["links"].shape == (1500, 16)
    check_graph(grown, 12)


def check_graph(grown: dict[str, NDArray[np.uint32]], most: int) -> None:
    """Check that no row has more than ``most`` links, to itself or to one twice, and that all are reached."""
    links, entries = grown["links"], grown["entries"]
    used = links != NO_LINK
    assert used.sum(axis=1).max() <= most
    assert (used[:, 1:] <= used[:, :-1]).all(), "unused places stand behind the used ones"
    assert not (links == np.arange(len(links))[:, None]).any()
    assert all(len(set(row[row != NO_LINK])) == (row != NO_LINK).sum() for row in links)
    reached, fresh = set(entries.tolist()), entries
    while len(fresh):
        found = np.unique(links[fresh][links[fresh] != NO_LINK])
        fresh = np.array([row for row in found.tolist() if row not in reached], np.int64)
        reached |= set(fresh.tolist())
    assert len(reached) == len(links)


def test_islands_are_linked_to() -> None:
    """Clusters so far apart that no row chooses one of another."""
    rng = np.random.default_rng(0)
    matrix = (rng.standard_normal((400, 8)) + 30 * np.repeat(np.eye(8), 50, axis=0)).astype(np.float32)
    rows = as_vectors(matrix, 8, Element.FLOAT32, Metric.L2)
    grown = grow(rows, everything(rows), 2, 8, BuildJob(threads=1))
    index = HnswIndex(_coded(rows) | grown, rows, Scalar())
    found = index.search(matrix, 1, Effort(HnswKnobs(64, 64), None, 0.0, ""))
    np.testing.assert_array_equal(found.rows[:, 0], np.arange(400))


@pytest.mark.parametrize(("metric", "element"), KINDS)
def test_the_graph_is_the_same_whatever_the_threads(metric: Metric, element: Element) -> None:
    rows = rows_of(900, 24, metric, element)
    first = grow(rows, everything(rows), 8, 60, BuildJob(seed=3, threads=1))
    for threads in (2, 5):
        again = grow(rows, everything(rows), 8, 60, BuildJob(seed=3, threads=threads))
        for name, array in first.items():
            np.testing.assert_array_equal(array, again[name])
    other = grow(rows, everything(rows), 8, 60, BuildJob(seed=4, threads=1))
    assert (other["links"] != first["links"]).any()


def test_rows_that_are_read_give_the_same_graph() -> None:
    rows = rows_of(700, 24, Metric.COSINE, Element.FLOAT32)
    read, _ = not_in_memory(rows)
    job = BuildJob(threads=1)
    np.testing.assert_array_equal(
        grow(rows, everything(rows), 8, 40, job)["links"], grow(read, everything(rows), 8, 40, job)["links"]
    )


def test_a_build_that_is_stopped_stops() -> None:
    rows, told = rows_of(3000, 24, Metric.L2, Element.FLOAT32), []

    def progress(share: float) -> None:
        told.append(share)
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grow(rows, everything(rows), 8, 40, BuildJob(threads=2, progress=progress))
    assert told == sorted(told)
    assert len(told) > 5


def _coded(rows: DenseRows) -> dict[str, NDArray[Any]]:
    codec = Scalar().train(rows, BuildJob())
    return codec.arrays() | codec.encode(rows).arrays()


def clusters(rng: np.random.Generator) -> Callable[[int], NDArray[np.float32]]:
    """Return what draws so many rows of 80 clusters."""
    centres = rng.standard_normal((80, 32))

    def drawn(n: int) -> NDArray[np.float32]:
        values = centres[rng.integers(0, 80, n)] + 0.4 * rng.standard_normal((n, 32))
        return values.astype(np.float32)

    return drawn


def _needed(rows: DenseRows, queries: NDArray[np.float32], graph: dict[str, Any], recall: float) -> float:
    """Return how many distances a query takes until so many of its nearest ten are found."""
    index = HnswIndex(_coded(rows) | graph, rows, Scalar())
    true = oracle.scores(rows.floats(slice(None)), queries, rows.metric)
    _, truth = oracle.top(true, 10, rows.metric.higher_is_nearer)
    reached, spent = [], []
    for ef in (10, 12, 16, 20, 28, 40, 56, 80, 112, 160, 224, 320):
        found = index.search(queries, 10, Effort(HnswKnobs(ef, ef), None, 0.0, ""))
        reached.append(oracle.recall(found.scores, truth, rows.metric.higher_is_nearer, 1e-4))
        spent.append(found.stats.distances / len(queries))
    assert reached[-1] > recall
    return float(np.interp(recall, np.maximum.accumulate(reached), spent))


@pytest.mark.parametrize("metric", [Metric.L2, Metric.COSINE, Metric.DOT])
def test_the_graph_is_at_least_as_good_as_that_of_hnswlib(metric: Metric) -> None:
    rng = np.random.default_rng(0)
    drawn = clusters(rng)
    rows, queries = as_vectors(drawn(6000), 32, Element.FLOAT32, metric), drawn(200)
    made = {name: build(rows, everything(rows), 16, 200, BuildJob()) for name, build in BUILDERS.items()}
    for recall in (0.95, 0.98):
        own, theirs = (_needed(rows, queries, made[name], recall) for name in ("vicinal", "hnswlib"))
        assert own <= 1.03 * theirs


def _known(
    rows: DenseRows, was: NDArray[np.int64], rows_now: NDArray[np.int64]
) -> tuple[DenseRows, tuple[Previous, ...]]:
    """Return some rows, and the graph of others of them as one that those were in before."""
    now = np.full(len(rows), NO_ROW, np.uint32)
    now[rows_now] = np.arange(len(rows_now))
    links = grow(_some(rows, was), everything(_some(rows, was)), 16, 200, BuildJob())["links"]
    return _some(rows, rows_now), (Previous({"links": links}, now[was]),)


def _some(rows: DenseRows, chosen: NDArray[np.int64]) -> DenseRows:
    return as_vectors(rows.matrix[chosen], rows.dim, rows.element, rows.metric)


@pytest.mark.parametrize("metric", [Metric.L2, Metric.COSINE, Metric.DOT])
@pytest.mark.parametrize("change", ["grown", "shrunk", "both"])
def test_a_graph_that_keeps_links_is_as_good_as_a_new_one(metric: Metric, change: str) -> None:
    rng = np.random.default_rng(0)
    drawn = clusters(rng)
    all_rows, queries = as_vectors(drawn(6000), 32, Element.FLOAT32, metric), drawn(200)
    was = rng.permutation(6000)[: 4500 if change == "grown" else 6000 if change == "shrunk" else 4500]
    lost = rng.permutation(was)[:900] if change != "grown" else was[:0]
    now = np.setdiff1d(np.arange(6000), lost) if change != "shrunk" else np.setdiff1d(was, lost)
    rows, previous = _known(all_rows, np.sort(was), now)
    new = grow(rows, everything(rows), 16, 200, BuildJob())
    kept = grow(rows, everything(rows), 16, 200, BuildJob(previous=previous))
    assert (kept["links"] != new["links"]).any()
    for recall in (0.95, 0.98):
        assert _needed(rows, queries, kept, recall) <= 1.08 * _needed(rows, queries, new, recall)


@pytest.mark.parametrize(("metric", "element"), KINDS)
def test_a_graph_that_keeps_links_reaches_every_node_whatever_the_threads(
    metric: Metric, element: Element
) -> None:
    all_rows = rows_of(1500, 16, metric, element)
    rng = np.random.default_rng(2)
    rows, previous = _known(all_rows, np.arange(1100), np.sort(rng.permutation(1500)[:1300]))
    grown = [grow(rows, everything(rows), 16, 200, BuildJob(threads=n, previous=previous)) for n in (1, 3)]
    for name, array in grown[0].items():
        np.testing.assert_array_equal(array, grown[1][name])
    check_graph(grown[0], 32)


def test_rows_that_keep_their_links_are_hardly_walked_for() -> None:
    rows, previous = _known(rows_of(3000, 16, Metric.L2, Element.FLOAT32), np.arange(2900), np.arange(3000))
    told: dict[bool, list[float]] = {False: [], True: []}
    for keeps, shares in told.items():
        job = BuildJob(progress=shares.append, previous=previous if keeps else ())
        grow(rows, everything(rows), 16, 200, job)
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
    # A batch has as many rows wherever it is inserted.
    assert 5 * len(told[True]) < len(told[False])


def test_hnswlib_can_be_asked_to_build() -> None:
    rows = rows_of(2500, 16, Metric.L2, Element.FLOAT32)
    spec = Hnsw(builder="hnswlib")
    assert Hnsw(**{k: v for k, v in spec.to_json().items() if k != "name"}) == spec
    assert "builder" not in Hnsw().to_json()
    index = spec.open(spec.build(rows, BuildJob()), rows)
    found = index.search(rows[:50], 1, index.effort(1, 0.99, None, 1.0))
    assert (found.rows[:, 0] == np.arange(50)).mean() > 0.95
    with pytest.raises(ValueError, match="builder is 'faiss'; expected 'vicinal' or 'hnswlib'"):
        Hnsw(builder="faiss")
