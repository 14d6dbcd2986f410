"""Forms of sparse rows: scores are those of the oracle, and postings answer as a scan does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pyroaring import BitMap

from vicinal.indexes.exact.sparse import SparseScan
from vicinal.indexes.protocol import BuildJob, Scope
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet
from vicinal.indexes.rows.saturation import Saturation
from vicinal.indexes.rows.sparse import SparseRows
from vicinal.indexes.sparse.inverted import Inverted
from vicinal.testing import oracle
from vicinal.testing.random_rows import random_csr

SATURATIONS = [Saturation(), Saturation(0.0, 0.5), Saturation(2.0, 0.0), Saturation(0.9, 1.0)]
WEIGHTS = st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.0, 0.5, -1.0, 1e-40, -3e-42, 1e20, -7.25, 3.3])
FREQUENCIES = st.sampled_from([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 5.0, 70.0, 1e-40, 1e17, -2.0])


def csr(table: NDArray[np.float32], **form: Any) -> SparseRows:
    rows, terms = np.nonzero(table)
    indptr = np.concatenate([[0], np.cumsum(np.count_nonzero(table, axis=1))]).astype(np.int64)
    # Numbers of terms beyond 16 bits, as of a large vocabulary.
    return SparseRows(indptr, terms.astype(np.uint32) * np.uint32(70_001), table[rows, terms], **form)


def agrees(rows: SparseRows, queries: SparseRows, k: int) -> None:
    """Assert that a scan scores as the oracle does, and that postings answer as the scan, to the last bit.

    So does a scan of many queries together.
    """
    n, scan = len(rows), SparseScan(rows)
    table = oracle.sparse_scores(rows, queries)
    scored = scan.score(queries, np.arange(n, dtype=np.uint32))
    magnitudes = np.abs(queries.values).sum(dtype=np.float64) * np.abs(rows.weights(1.0)).max(initial=0)
    np.testing.assert_allclose(scored, table, rtol=1e-6, atol=1e-12 * magnitudes + 2e-45)
    index = Inverted().open(Inverted().build(rows, BuildJob()), rows)
    effort = index.effort(k, 0.95, None, 1.0)
    listed = BitMap(np.flatnonzero(np.random.default_rng(n).random(n) < 0.4))
    for scope in (Scope(), Scope(RowSet.from_bitmap(listed, n)), Scope(RowSet.from_range(n // 3, n, n))):
        found, truth = index.search(queries, k, effort, scope), scan.search(queries, k, scope)
        np.testing.assert_array_equal(found.scores, truth.scores)
        np.testing.assert_array_equal(found.rows, truth.rows)
        places = np.arange(5) % len(queries)
        together = scan.search(queries[places], k, scope)
        np.testing.assert_array_equal(together.scores, truth.scores[places])
        np.testing.assert_array_equal(together.rows, truth.rows[places])


@settings(max_examples=120)
@given(st.data(), st.integers(1, 90), st.integers(1, 12))
def test_cosine(data: st.DataObject, n: int, terms: int) -> None:
    table = data.draw(arrays(np.float32, (n + 3, terms), elements=WEIGHTS, fill=st.nothing()))
    agrees(csr(table[:n], metric=Metric.COSINE), csr(table[n:]), data.draw(st.sampled_from([1, 3, n + 2])))


@settings(max_examples=120)
@given(st.data(), st.integers(1, 90), st.integers(1, 12), st.sampled_from(SATURATIONS))
def test_term_frequencies(data: st.DataObject, n: int, terms: int, saturation: Saturation) -> None:
    table = data.draw(arrays(np.float32, (n, terms), elements=FREQUENCIES, fill=st.nothing()))
    wanted = data.draw(arrays(np.float32, (3, terms), elements=WEIGHTS, fill=st.nothing()))
    rows = csr(table, saturation=saturation)
    # Statistics of the collection differ from those that codes were made of, either way.
    average = rows.mean_length() * data.draw(st.sampled_from([0.01, 0.7, 1.0, 1.3, 3.0, 100.0]))
    agrees(rows, replace(csr(wanted), average=average), data.draw(st.sampled_from([1, 3, n + 2])))


def documents(n: int, saturation: Saturation) -> SparseRows:
    rows = random_csr(n, 3_000, 60)
    counts = np.random.default_rng(3).geometric(0.6, len(rows.indices)).astype(np.float32)
    return replace(rows, values=counts, saturation=saturation)


@pytest.mark.parametrize("change", [0.7, 0.9, 1.0, 1.1, 1.4, 2.0])
def test_hardly_a_row_is_scored_besides_those_found(change: float) -> None:
    rows, queries = documents(20_000, Saturation()), random_csr(50, 3_000, 30, seed=1)
    index = Inverted().open(Inverted().build(rows, BuildJob()), rows)
    asked = replace(queries, average=rows.mean_length() * change)
    found = index.search(asked, 10, index.effort(10, 0.95, None, 1.0))
    np.testing.assert_array_equal(found.rows, SparseScan(rows).search(asked, 10).rows)
    assert found.stats.rescored <= 50 * 33


def test_vectors_alike_but_for_their_length_have_the_cosine_1() -> None:
    rows = replace(random_csr(50, 100, 9, fewest=1), metric=Metric.COSINE)
    asked = replace(rows, values=rows.values * 7)
    scores = np.diag(SparseScan(rows).score(asked, np.arange(50, dtype=np.uint32)))
    np.testing.assert_allclose(scores, 1, rtol=1e-6)


def test_an_average_is_needed_by_term_frequencies_alone() -> None:
    rows, queries = documents(2_000, Saturation()), random_csr(2, 3_000, 30, seed=1)
    index = Inverted().open(Inverted().build(rows, BuildJob()), rows)
    for search in (
        lambda asked: index.search(asked, 3, index.effort(3, 0.95, None, 1.0)),
        lambda asked: SparseScan(rows).search(asked, 3),
    ):
        with pytest.raises(ValueError, match="come with the average length"):
            search(queries)
        assert search(replace(queries, average=20.0)).rows.shape == (2, 3)
    weighted = replace(rows, saturation=None)
    for asked in (queries, replace(queries, average=3.0)):
        assert SparseScan(weighted).search(asked, 3).rows.shape == (2, 3)


def test_some_rows_keep_their_form() -> None:
    rows = documents(20, Saturation())
    assert rows[2:5].saturation == rows.saturation
    assert replace(rows, average=3.0)[np.array([4])].average == 3.0
    assert rows[:0].mean_length() == 1.0


def test_postings_of_other_parameters_are_refused() -> None:
    rows = documents(1_500, Saturation())
    built = Inverted().build(rows, BuildJob())
    with pytest.raises(ValueError, match="k1, b and average"):
        Inverted().open(built, replace(rows, saturation=Saturation(2.0)))
    with pytest.raises(ValueError, match="k1, b and average"):
        Inverted().open(built | {"saturation": np.array([1.2, 0.75, np.nan])}, rows)
    with pytest.raises(ValueError, match="over rows of weights"):
        Inverted().open(built, replace(rows, saturation=None))
    del built["saturation"]
    with pytest.raises(ValueError, match="no array 'saturation'"):
        Inverted().open(built, rows)


@pytest.mark.parametrize("change", [{"k1": -1.0}, {"k1": np.inf}, {"k1": np.nan}, {"b": 1.5}, {"b": -0.1}])
def test_parameters_out_of_range_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))} is"):
        Saturation(**change)


def test_forms_that_are_none_are_refused() -> None:
    rows = random_csr(3, 9, 4)
    with pytest.raises(ValueError, match="take 'dot' or 'cosine'"):
        replace(rows, metric=Metric.L2)
    with pytest.raises(ValueError, match="compared by 'dot'"):
        replace(rows, metric=Metric.COSINE, saturation=Saturation())
    for average in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="average is"):
            replace(rows, average=average)
