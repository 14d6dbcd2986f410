"""Seismic: the recall it promises, from blocks whose rows are what was stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyroaring import BitMap

from vicinal.indexes.effort.ladder import KS
from vicinal.indexes.exact.sparse import SparseScan
from vicinal.indexes.protocol import BuildJob, Effort, FieldShape, Scope
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet
from vicinal.indexes.rows.sparse import SparseRows
from vicinal.indexes.seismic.auto import AutoSparse
from vicinal.indexes.seismic.index import RUNGS, SeismicIndex
from vicinal.indexes.seismic.knobs import SeismicKnobs
from vicinal.indexes.seismic.seismic import Seismic
from vicinal.indexes.sparse.index import InvertedIndex
from vicinal.testing import oracle
from vicinal.testing.random_rows import random_csr
from vicinal.testing.sparse_index_conformance import SparseIndexConformance


class TestSeismic(SparseIndexConformance):
    # Its rows are drawn without any structure, which blocks of similar rows live on.
    floor = 0.8
    given: ClassVar = {"query_cut": 8, "heap_factor": 0.8}

    def spec(self) -> Seismic:
        return Seismic()


class TestSeismicWithNeighbors(SparseIndexConformance):
    floor = 0.8
    given: ClassVar = {"query_cut": 8, "heap_factor": 0.8}

    def spec(self) -> Seismic:
        return Seismic(n_knn=10)


class TestAuto(SparseIndexConformance):
    given: ClassVar = {"query_cut": 8, "heap_factor": 0.8}

    def spec(self) -> AutoSparse:
        return AutoSparse()


def topical(n: int, topics: int = 40, terms: int = 2000, seed: int = 0) -> SparseRows:
    """Return rows of topics: most of a row's weight lies in terms of its topic."""
    rng = np.random.default_rng(seed)
    own = np.random.default_rng(9).integers(0, terms, (topics, 60))
    rows = []
    for _ in range(n):
        chosen = np.concatenate([rng.choice(own[rng.integers(topics)], 25), rng.integers(0, terms, 15)])
        weights = np.concatenate([rng.gamma(2, 1, 25), rng.gamma(1, 0.3, 15)])
        found, places = np.unique(chosen, return_inverse=True)
        rows.append((found, np.bincount(places, weights)))
    indptr = np.concatenate([[0], np.cumsum([len(found) for found, _ in rows])]).astype(np.int64)
    indices = np.concatenate([found for found, _ in rows]).astype(np.uint32)
    return SparseRows(indptr, indices, np.concatenate([w for _, w in rows]).astype(np.float32))


def opened(rows: SparseRows, spec: Any = Seismic()) -> Any:  # noqa: B008
    return spec.open(spec.build(rows, BuildJob(0, 1)), rows)


@pytest.mark.parametrize(("asked", "most_share"), [(0.85, 0.4), (0.9, 0.4)])
def test_topical_rows_are_found_by_reading_few_of_them(asked: float, most_share: float) -> None:
    rows, queries = topical(6000), topical(100, seed=1)
    index = opened(rows)
    effort = index.effort(10, asked, None, 1.0)
    found = index.search(queries, 10, effort)
    truth = SparseScan(rows).search(queries, 10)
    assert oracle.recall(found.scores, truth.scores, True) >= asked - 0.02
    assert found.stats.distances < most_share * len(rows) * len(queries)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 40), st.integers(0, 2**31), st.booleans(), st.booleans())
def test_every_row_of_the_forward_index_is_the_row_that_was_stored(
    n: int, terms: int, seed: int, spread: bool, tiny: bool
) -> None:
    """Scoring all rows finds what a scan does, but for weights that lie nearer than a code tells apart."""
    rng = np.random.default_rng(seed)
    rows, queries = random_csr(n, terms, min(terms, 12), seed), random_csr(3, terms, min(terms, 12), seed + 1)
    factor = np.uint32(107_374_181 if spread else 1)
    scale = np.float32(1e-38 if tiny else 1)
    rows = SparseRows(
        rows.indptr, rows.indices * factor, rng.integers(0, 3, len(rows.values)).astype(np.float32) * scale
    )
    queries = SparseRows(queries.indptr, queries.indices * factor, queries.values)
    index = opened(rows)
    found = index.search(queries, 5, index.effort(5, 1.0, None, 1.0))
    truth = SparseScan(rows).search(queries, 5)
    slack = 0.02 * max(1e-45, float(np.abs(truth.scores[np.isfinite(truth.scores)]).max(initial=0)))
    np.testing.assert_allclose(found.scores, truth.scores, atol=slack, rtol=0.02)


def test_more_terms_than_sixteen_bits_count() -> None:
    rows, queries = random_csr(4000, 90_000, 60, fewest=30), random_csr(20, 90_000, 60, seed=1, fewest=30)
    index = opened(rows)
    assert len(index._arrays["terms"]) > 1 << 16
    found = index.search(queries, 3, index.effort(3, 0.9, Seismic().knobs({"query_cut": 64}), 1.0))
    truth = SparseScan(rows).search(queries, 3)
    assert oracle.recall(found.scores, truth.scores, True) >= 0.85


@pytest.mark.parametrize(("k", "share"), [(10, 0.5), (20, 1.0), (60, 1.0)])
def test_numbers_between_those_measured_are_promised_what_the_next_one_is(k: int, share: float) -> None:
    """The higher `k`, the higher the effort that reaches it; rows are not all scored for that."""
    index = opened(topical(3000))
    recall = np.array([[min(1.0, rung / (100 + k)) for rung in RUNGS] for k in KS], np.float32)
    table = {"table.recall": recall, "table.distances": np.ones(len(RUNGS), np.float32)}
    effort = index.with_table(table).effort(k, 0.95, None, share)
    assert effort.knobs.query_cut > 0
    assert effort.expected_recall >= 0.948


@pytest.mark.parametrize("n_knn", [0, 10])
def test_a_filter_reads_no_row_that_it_bars(n_knn: int) -> None:
    rows, queries = topical(6000), topical(50, seed=1)
    index = opened(rows, Seismic(n_knn=n_knn))
    for share in (0.5, 0.1, 0.01, 0.004):
        chosen = np.flatnonzero(np.random.default_rng(2).random(len(rows)) < share)
        scope = Scope(RowSet.from_bitmap(BitMap(chosen.tolist()), len(rows)))
        found = index.search(queries, 10, index.effort(10, 0.95, None, share), scope)
        truth = SparseScan(rows).search(queries, 10, scope)
        assert np.isin(found.rows, chosen).all()
        assert oracle.recall(found.scores, truth.scores, True) >= 0.95
        assert found.stats.distances <= len(chosen) * len(queries)


def test_where_every_row_is_scored_a_batch_is_answered_exactly() -> None:
    rows, queries = topical(3000), topical(30, seed=1)
    index, truth = opened(rows, Seismic()), SparseScan(rows).search(queries, 10)
    everything = Effort(SeismicKnobs(0, 0.0), None, 0.0, "")
    together = index.search(queries, 10, everything)
    np.testing.assert_array_equal(together.rows, truth.rows)
    np.testing.assert_array_equal(together.scores, truth.scores)
    alone = [index.search(queries.between(q, q + 1), 10, everything).scores for q in range(30)]
    assert oracle.recall(np.concatenate(alone), truth.scores, True) >= 0.999


def test_neighbors_are_the_rows_nearest_to_each() -> None:
    rows = topical(6000)
    neighbors = Seismic(n_knn=10).build(rows, BuildJob(0, 1))["neighbors"]
    some = np.arange(0, len(rows), 20)
    truth = SparseScan(rows).search(rows[some], 11).rows
    common = [len(np.intersect1d(neighbors[row], near)) for row, near in zip(some, truth, strict=True)]
    assert np.mean(common) >= 9.5
    assert not (neighbors == np.arange(len(rows))[:, None]).any()


def test_rows_that_nothing_is_near_are_their_own_neighbors() -> None:
    """The second row holds nothing, the others share terms in pairs but for the last one."""
    counts = [2, 0, *[2] * 1500]
    indptr = np.concatenate([[0], np.cumsum(counts)])
    terms = np.array([[7 * i // 2, 90_000 + i] for i in np.repeat(np.arange(751), 2)[:1501]], np.uint32)
    rows = SparseRows(indptr, terms.ravel(), np.linspace(0.5, 1, terms.size, dtype=np.float32))
    neighbors = Seismic(n_knn=3).build(rows, BuildJob(0, 1))["neighbors"]
    own = np.arange(len(rows))
    expected = np.where(own % 2 == 0, own + 1, own - 1)
    expected[0], expected[1], expected[2:] = 2, 1, np.where(own[2:] % 2, own[2:] + 1, own[2:] - 1)
    expected[2], expected[-1] = 0, len(rows) - 1
    np.testing.assert_array_equal(neighbors[:, 0], expected)
    np.testing.assert_array_equal(neighbors[:, 1:], np.repeat(own[:, None], 2, axis=1))


def test_neighbors_bring_what_blocks_left_out() -> None:
    rows, queries = topical(6000), topical(100, seed=1)
    truth = SparseScan(rows).search(queries, 10)
    effort = Effort(SeismicKnobs(2, 1.0), None, 0.0, "")
    recall, read, promised = {}, {}, {}
    for n_knn in (0, 10):
        index = opened(rows, Seismic(n_knn=n_knn))
        found = index.search(queries, 10, effort)
        recall[n_knn], read[n_knn] = oracle.recall(found.scores, truth.scores, True), found.stats.distances
        promised[n_knn] = index.effort(10, 0.9, effort.knobs, 1.0).expected_recall
        everything = index.search(queries, 10, Effort(SeismicKnobs(64, 0.0), None, 0.0, ""))
        assert everything.stats.distances <= len(rows) * len(queries)
    assert recall[10] >= recall[0] + 0.1
    assert read[0] < read[10] < 2 * read[0]
    assert promised[0] + 0.1 < promised[10] < recall[10]


def test_queries_with_a_weight_below_zero_are_answered_exactly() -> None:
    rows, queries = topical(2000), topical(5, seed=1)
    signs = np.where(np.arange(len(queries.values)) % 3, 1, -1).astype(np.float32)
    signed = replace(queries, values=queries.values * signs)
    index = opened(rows)
    found = index.search(signed, 10, index.effort(10, 0.9, None, 1.0))
    truth = SparseScan(rows).search(signed, 10)
    np.testing.assert_array_equal(found.scores, truth.scores)


def test_a_term_that_stands_twice_counts_with_its_sum() -> None:
    rows = topical(2000)
    twice = SparseRows(
        np.array([0, 4]), np.array([7, 3, 7, 3], np.uint32), np.array([1, 2, 0.5, 1], np.float32)
    )
    once = SparseRows(np.array([0, 2]), np.array([3, 7], np.uint32), np.array([3, 1.5], np.float32))
    index = opened(rows)
    effort = index.effort(10, 0.95, None, 1.0)
    np.testing.assert_array_equal(index.search(twice, 10, effort).rows, index.search(once, 10, effort).rows)


def test_rows_that_blocks_do_not_bound_are_indexed_exactly() -> None:
    rows = topical(2000)
    signed = replace(
        rows, values=np.where(np.arange(len(rows.values)) == 5, -1, rows.values).astype(np.float32)
    )
    assert isinstance(opened(signed), InvertedIndex)
    whole = SparseRows(np.array([0, 40_000]), np.arange(40_000, dtype=np.uint32), np.ones(40_000, np.float32))
    assert isinstance(opened(whole), InvertedIndex)
    assert isinstance(opened(rows), SeismicIndex)


def test_auto_chooses_by_what_postings_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = topical(2000)
    assert isinstance(opened(rows, AutoSparse()), InvertedIndex)
    monkeypatch.setattr("vicinal.indexes.seismic.auto._EXACT_SECONDS", 0.0)
    assert isinstance(opened(rows, AutoSparse()), SeismicIndex)


def test_threads_do_not_change_what_is_built() -> None:
    rows = topical(3000)
    one, two = (Seismic(n_knn=3).build(rows, BuildJob(4, threads)) for threads in (1, 2))
    for name in one:
        if not name.startswith("table."):
            np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_blocks_are_no_larger_than_said() -> None:
    arrays = Seismic(max_block_size=8).build(topical(3000), BuildJob(0, 1))
    assert np.diff(arrays["block_ends"], prepend=0).max() <= 8


def former(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays as they were before a slot's only pair lay in its table."""
    tables, pairs, ends = [], [], [0]
    for part in range(len(arrays["part_tables"]) - 1):
        table, own = (
            arrays[name][slice(*arrays[bounds][part : part + 2])].astype(np.int64)
            for name, bounds in (("summaries", "part_tables"), ("pairs", "part_pairs"))
        )
        alone = (table & 0x8000 > 0) & (table != 0x8000)
        moved = table[alone]
        pairs.append(np.concatenate([own, (moved & 0x7FC0) << 1 | 64 | moved & 63]).astype(np.uint16))
        ends.append(ends[-1] + len(pairs[-1]))
        table[table == 0x8000] = 0xFFFFFFFF
        table[alone] = moved >> 16 << 16 | len(own) + np.arange(len(moved))
        tables.append(table.astype(np.uint32))
    kept = {name: array for name, array in arrays.items() if name != "summaries"}
    joined = {"tables": np.concatenate(tables), "pairs": np.concatenate(pairs)}
    return {**kept, **joined, "part_pairs": np.array(ends)}


def test_tables_of_former_segments_say_the_same() -> None:
    rows = topical(3000)
    built: dict[str, NDArray[Any]] = Seismic().build(rows, BuildJob(0, 1))
    before = former(built)
    assert 2 * len(built["pairs"]) < len(before["pairs"])
    answers = [
        Seismic()
        .open(arrays, rows)
        .search(topical(30, seed=1), 10, Effort(SeismicKnobs(4, 1.0), None, 0.0, ""))
        for arrays in (built, before)
    ]
    np.testing.assert_array_equal(answers[0].rows, answers[1].rows)
    assert answers[0].stats == answers[1].stats


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("offsets", lambda a: a[:-1]),
        ("offsets", lambda a: a[::-1].copy()),
        ("block_ends", lambda a: a - 1),
        ("part_blocks", lambda a: a + 1),
        ("list_parts", lambda a: a[:-1]),
        ("steps", lambda a: a.astype(np.float64)),
        ("postings", lambda a: a[:-1]),
        ("pairs", lambda a: a[:-1]),
        ("summaries", lambda a: a[:-1]),
        ("records", lambda a: a[:-4]),
        ("neighbors", lambda a: a[:-1]),
        ("neighbors", lambda a: a[:, 0].copy()),
        ("neighbors", lambda a: a.astype(np.int64)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name: str, change: Any) -> None:
    rows = topical(1500)
    built: dict[str, NDArray[Any]] = Seismic(n_knn=2).build(rows, BuildJob(0, 1))
    with pytest.raises(ValueError, match=r"."):
        Seismic(n_knn=2).open({**built, name: change(built[name])}, rows)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ef": 3}, "no knob 'ef'"),
        ({"heap_factor": 0.9}, "give query_cut too"),
        ({"query_cut": 0}, "from 1 to 64"),
        ({"query_cut": 2.5}, "whole number"),
        ({"query_cut": 2, "heap_factor": -1}, "from 0 to 10"),
    ],
)
def test_knobs_that_do_not_exist_are_refused(given: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Seismic().knobs(given)


@pytest.mark.parametrize(
    "wrong", [{"n_postings": 0}, {"summary_energy": 2}, {"max_block_size": 1.5}, {"n_knn": -1}]
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Seismic(**wrong)


def test_it_is_of_sparse_vectors() -> None:
    with pytest.raises(ValueError, match="sparse"):
        Seismic().check(FieldShape("multi", Metric.DOT))
    with pytest.raises(ValueError, match="sparse"):
        AutoSparse().check(FieldShape("multi", Metric.DOT))
