"""Inverted: exact whatever weights are, whichever rows are in scope."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pyroaring import BitMap

from vicinal.indexes.exact.sparse import SparseScan
from vicinal.indexes.kernels import postings as kernel
from vicinal.indexes.protocol import BuildJob, Effort, FieldShape, Scope
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet
from vicinal.indexes.rows.sparse import SparseRows
from vicinal.indexes.sparse import slots as slots_module
from vicinal.indexes.sparse.index import InvertedIndex
from vicinal.indexes.sparse.inverted import Inverted
from vicinal.indexes.sparse.part import Part
from vicinal.indexes.sparse.parts_index import PartsIndex
from vicinal.indexes.sparse.postings import build
from vicinal.testing.random_rows import random_csr
from vicinal.testing.sparse_index_conformance import SparseIndexConformance


class TestInverted(SparseIndexConformance):
    def spec(self) -> Inverted:
        return Inverted()


def opened(rows: SparseRows) -> InvertedIndex:
    return Inverted().open(Inverted().build(rows, BuildJob()), rows)


def agrees(rows: SparseRows, queries: SparseRows, k: int, scope: Scope = Scope()) -> Any:  # noqa: B008
    """Assert that the index answers as the scan does, to the last bit and tie; return what it found."""
    index = opened(rows)
    found = index.search(queries, k, index.effort(k, 0.95, None, 1.0), scope)
    truth = SparseScan(rows).search(queries, k, scope)
    np.testing.assert_array_equal(found.scores, truth.scores)
    np.testing.assert_array_equal(found.rows, truth.rows)
    return found


def dense_to_csr(table: NDArray[np.float32]) -> SparseRows:
    rows, terms = np.nonzero(table)
    indptr = np.concatenate([[0], np.cumsum(np.count_nonzero(table, axis=1))]).astype(np.int64)
    return SparseRows(indptr, terms.astype(np.uint32), table[rows, terms])


WEIGHTS = st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.0, 0.5, -1.0, 1e-40, -3e-42, 1e20, -7.25, 3.3])


@settings(max_examples=150)
@given(st.data(), st.integers(1, 90), st.integers(1, 12), st.booleans())
def test_answers_are_those_of_the_scan(data: st.DataObject, n: int, terms: int, signed: bool) -> None:
    table = data.draw(arrays(np.float32, (n + 3, terms), elements=WEIGHTS, fill=st.nothing()))
    table = table if signed else np.abs(table)
    rows, queries = dense_to_csr(table[:n]), dense_to_csr(table[n:])
    listed = BitMap(np.flatnonzero(np.random.default_rng(n).random(n) < 0.4))
    for scope in (Scope(), Scope(RowSet.from_bitmap(listed, n)), Scope(RowSet.from_range(n // 3, n, n))):
        agrees(rows, queries, data.draw(st.sampled_from([1, 3, n + 2])), scope)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("spread", [1, 14_316_557])
def test_rows_of_more_than_one_window(monkeypatch: pytest.MonkeyPatch, signed: bool, spread: int) -> None:
    """Terms of a small vocabulary are looked up, those of a hashed one are searched for."""
    n = 3 * kernel.WINDOW // 2 + 7
    rng = np.random.default_rng(1)
    indptr = np.arange(0, 3 * n + 1, 3)
    indices = (rng.integers(0, 60, (n, 3)).astype(np.uint32) * np.uint32(spread)).reshape(-1)
    values = rng.random(3 * n).astype(np.float32) - (0.3 if signed else 0.0)
    rows = SparseRows(indptr, indices, values.astype(np.float32))
    queries = SparseRows(np.arange(0, 21, 5), indices[:20].copy(), rng.random(20).astype(np.float32))
    half = RowSet.from_range(n // 2, n - 5, n)
    some = RowSet.from_bitmap(BitMap(np.flatnonzero(rng.random(n) < 0.01)), n)
    for scope in (Scope(), Scope(half), Scope(some)):
        found = agrees(rows, queries, 20, scope)
        assert found.stats.rescored < 4 * 400


@pytest.mark.parametrize("metric", [Metric.DOT, Metric.COSINE])
def test_lists_that_cannot_matter_are_left_out(metric: Metric) -> None:
    """Frequent terms weigh little, and after the first window it is known what has to be reached."""
    n = 2 * kernel.WINDOW + 9_000
    rng = np.random.default_rng(4)
    common, rare = rng.integers(0, 12, (n, 6)), 12 + rng.integers(0, 2_000, (n, 3))
    table = np.sort(np.concatenate([common, rare], axis=1), axis=1)
    kept = np.diff(table, axis=1, prepend=-1) > 0
    indices = table[kept].astype(np.uint32)
    weights = np.where(indices < 12, 0.05, 1.0) * rng.integers(1, 40, len(indices)) / 40
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64)
    rows = SparseRows(indptr, indices, weights.astype(np.float32), metric)
    terms = np.concatenate([np.arange(12), [20, 50, 90, 400, 1_300]]).astype(np.uint32)
    asked = (rng.random((8, len(terms))) + 0.01).astype(np.float32)
    queries = SparseRows(np.arange(9) * len(terms), np.tile(terms, 8), asked.reshape(-1), metric)
    some = RowSet.from_bitmap(BitMap(np.flatnonzero(rng.random(n) < 0.2)), n)
    every = 8 * int(np.isin(indices, terms).sum())
    for scope in (Scope(), Scope(some), Scope(RowSet.from_range(700, n - 5_000, n))):
        for k in (1, 10, 100):
            found = agrees(rows, queries, k, scope)
            if k < 100:
                assert found.stats.distances < 0.9 * every


def test_ties_beyond_the_pool_come_by_row() -> None:
    """So many rows tie with the last that the pool of bounds cannot tell which are the first."""
    n = 5000
    values = np.ones(n, np.float32)
    values[[4000, 4500]] = 2
    rows = SparseRows(np.arange(n + 1), np.full(n, 7, np.uint32), values)
    query = SparseRows(np.array([0, 1]), np.array([7], np.uint32), np.ones(1, np.float32))
    found = agrees(rows, query, 10)
    assert found.rows[0].tolist() == [4000, 4500, *range(8)]


def test_hardly_a_row_is_scored_besides_those_found() -> None:
    rows, queries = random_csr(20_000, 3_000, 60), random_csr(50, 3_000, 30, seed=1)
    found = agrees(rows, queries, 10)
    assert found.stats.rescored <= 50 * 30
    touched = np.isin(rows.indices, queries.indices).sum()
    assert found.stats.distances <= 50 * touched


def test_postings_are_those_of_a_sort() -> None:
    rows = random_csr(3_000, 2_500, 60)
    values = np.where(rows.values < 0.1, 0, rows.values * 9 - 2).astype(np.float32)
    for signed in (True, False):
        given_rows = SparseRows(rows.indptr, rows.indices, values if signed else np.abs(values))
        built = Inverted().build(given_rows, BuildJob())
        numbers = np.repeat(np.arange(len(rows)), np.diff(rows.indptr))
        kept = given_rows.values != 0
        order = np.lexsort((numbers[kept], rows.indices[kept]))
        terms, first = np.unique(rows.indices[kept][order], return_index=True)
        weights = given_rows.values[kept][order]
        np.testing.assert_array_equal(built["terms"], terms)
        np.testing.assert_array_equal(built["starts"][:-1], first)
        np.testing.assert_array_equal(built["local"], numbers[kept][order])
        term = np.repeat(np.arange(len(terms)), np.diff(built["starts"]))
        above = built["codes"] * built["steps"][term].astype(np.float64)
        assert (above >= weights).all()
        assert (above - weights < built["steps"][term] * 1.001).all()


@pytest.mark.parametrize("signed", [False, True])
def test_queries_of_more_terms_than_are_summed(signed: bool) -> None:
    rows = random_csr(600, 9_000, 2_000, fewest=1_500)
    values = np.random.default_rng(2).random(9_000, np.float32) - np.float32(0.5 if signed else 0.0)
    query = SparseRows(np.array([0, 9_000]), np.arange(9_000, dtype=np.uint32), values)
    agrees(rows, query, 10)


def test_windows_that_begin_amid_the_words_of_a_filter() -> None:
    rows, queries = random_csr(3_000, 300, 20), random_csr(5, 300, 20, seed=1)
    listed = RowSet.from_bitmap(BitMap(range(0, 3_000, 3)), 3_000)
    truth = SparseScan(rows).search(queries, 10, Scope(listed))
    parts = [Part(build(rows[lo:hi]), lo, hi - lo) for lo, hi in ((0, 999), (999, 2_500), (2_500, 3_000))]
    found = PartsIndex(parts, rows).search(queries, 10, Effort(None, 1.0, 0.0, ""), Scope(listed))
    np.testing.assert_array_equal(found.rows, truth.rows)
    np.testing.assert_array_equal(found.scores, truth.scores)


def test_postings_take_three_bytes_a_weight() -> None:
    rows = random_csr(20_000, 300, 60)
    assert opened(rows).nbytes <= 3.1 * len(rows.indices)


def test_scratch_of_another_k_is_not_taken_for_enough() -> None:
    rows, queries = random_csr(500, 100, 20), random_csr(4, 100, 70, seed=1, fewest=60)
    index = opened(rows)
    for k in (3, 200, 5):
        for asked in (queries[:1], queries):
            found = index.search(asked, k, index.effort(k, 0.95, None, 1.0))
            np.testing.assert_array_equal(found.rows, SparseScan(rows).search(asked, k).rows)


@pytest.mark.parametrize("most_slots", [slots_module.MOST_SLOTS, 50])
def test_vocabularies_within_and_beyond_the_table(monkeypatch: pytest.MonkeyPatch, most_slots: int) -> None:
    """Fewer rows have no table, whatever their terms."""
    monkeypatch.setattr(slots_module, "MOST_SLOTS", most_slots)
    rows, queries = random_csr(9_000, 300, 20), random_csr(20, 400, 20, seed=1)
    assert (Part(build(rows), 0, len(rows)).record["n_slots"][0] > 0) == (most_slots > 300)
    agrees(rows, queries, 10)


def test_what_it_is_not_for_is_refused() -> None:
    with pytest.raises(ValueError, match="of sparse vectors; the field has multi ones"):
        Inverted().check(FieldShape("multi", Metric.DOT))
    with pytest.raises(ValueError, match="no knobs"):
        Inverted().knobs({"query_cut": 3})


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("terms", lambda a: a[::-1].copy(), "do not ascend"),
        ("terms", lambda a: a.astype(np.int64), "terms are int64"),
        ("starts", lambda a: a + 1, "do not rise from 0"),
        ("starts", lambda a: a[:-1], "starts are"),
        ("local", lambda a: a + np.uint16(600), "beyond the last of 600 rows"),
        ("codes", lambda a: a.astype(np.float32), "codes are"),
        ("steps", lambda a: a[:3], "steps are"),
    ],
)
def test_damaged_arrays_are_refused(name: str, change: Any, message: str) -> None:
    rows = random_csr(600, 50, 10)
    built = Inverted().build(rows, BuildJob())
    with pytest.raises(ValueError, match=message):
        Inverted().open({**built, name: change(built[name])}, rows)
    del built[name]
    with pytest.raises(ValueError, match=name):
        Inverted().open(built, rows)


@pytest.mark.parametrize("n", [50, 2 * kernel.WINDOW, 2 * kernel.WINDOW + 13])
def test_document_frequencies_are_those_of_a_count(n: int) -> None:
    rng = np.random.default_rng(n)
    terms = np.sort(rng.choice(30, (n, 2)), axis=1).astype(np.uint32) * np.uint32(100_000_007)
    terms[terms[:, 0] == terms[:, 1], 1] += 1
    values = rng.integers(0, 3, 2 * n).astype(np.float32)
    rows = SparseRows(np.arange(0, 2 * n + 1, 2), terms.reshape(-1), values)
    index = opened(rows)
    asked = np.array([2**32 - 1, *np.unique(rows.indices)[::3], 5], np.uint32)
    for lo, hi in [(0, n), (0, 0), (n, n), (n - 1, n), (0, n - 1), (n // 3, n // 2), (1, n)]:
        part = rows[lo:hi]
        there = part.indices[part.values != 0]
        assert index.document_frequencies(asked, lo, hi).tolist() == [int((there == t).sum()) for t in asked]
