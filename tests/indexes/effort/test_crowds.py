"""Rows in crowds: what is promised is not what is found of copies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vicinal.bench.unkind.sparse_sets import make_sparse_set
from vicinal.bench.unkind.token_sets import make_token_set
from vicinal.indexes.effort.crowds import DEPTH, count_alike, count_copies, measure_made_of_rows
from vicinal.indexes.effort.ladder import KS
from vicinal.indexes.exact.multi import MultiScan
from vicinal.indexes.exact.sparse import SparseScan
from vicinal.indexes.muvera.muvera import Muvera
from vicinal.indexes.protocol import BuildJob
from vicinal.indexes.rows.neighbors import Neighbors
from vicinal.indexes.rows.sparse import SparseRows
from vicinal.indexes.seismic.seismic import Seismic
from vicinal.indexes.token_lists.token_lists import TokenLists

RUNGS = (1, 2, 4, 8)


def test_results_as_good_as_the_best_are_alike() -> None:
    truth = np.array([[9, 9, 9, 5, 4, 1], [9, 8.3, 8.1, 5, 4, 1], [9, 5, 4, 3, 1, -np.inf]], np.float32)
    assert count_alike(truth).tolist() == [3, 2, 1]
    assert count_alike(np.ones((1, 4), np.float32)).tolist() == [4]


def ranked(copies: int) -> NDArray[np.float32]:
    """Return the scores of 40 queries whose answers come in so many copies each."""
    steps = np.repeat(np.arange(DEPTH // copies + 1), copies)[:DEPTH]
    return np.tile(1000 - steps, (40, 1)).astype(np.float32)


def found_of(truth: NDArray[np.float32], copies: int) -> Any:
    """Return a search of which a rung finds so many answers and all copies of each."""

    def search(k: int, rung: int) -> Neighbors:
        scores = np.where(np.arange(k) < rung * copies, truth[:, :k], np.float32(-np.inf))
        return Neighbors(np.zeros(scores.shape, np.uint32), scores)

    return search


@pytest.mark.parametrize("higher", [True, False])
def test_copies_of_an_answer_are_one_answer(higher: bool) -> None:
    sign = np.float32(1 if higher else -1)

    def promised(copies: int) -> float:
        truth = ranked(copies)
        truth[:, copies:] -= 500

        def search(k: int, rung: int) -> Neighbors:
            found = found_of(truth, copies)(k, rung)
            return Neighbors(found.rows, sign * found.scores)

        ladder = measure_made_of_rows(RUNGS, search, sign * truth, higher, 0.0, pool=False)
        return ladder.recall_at(10, 4)

    # Four of ten answers, of which one is the row that the query was made of.
    assert promised(1) == pytest.approx(3 / 9)
    assert promised(12) == pytest.approx(3 / 9)


def test_dense_rows_of_a_tight_cluster_are_not_alike() -> None:
    steps = np.arange(DEPTH, dtype=np.float32)
    copies = np.where(steps < 12, -1 - steps / 1000, -3 - steps / DEPTH)
    equal = np.where(steps < 80, -1, -3 - steps / DEPTH)
    cluster = np.where(steps < 80, -1 - steps / 80, -30 - steps / DEPTH)
    truth = np.stack([copies, equal, cluster]).astype(np.float32)
    assert count_copies(truth).tolist() == [12, 80, 2]
    assert count_alike(truth)[2] == 80


def test_queries_about_crowds_and_about_others_are_both_safe() -> None:
    alone, crowd = ranked(1), ranked(12)
    alone[:, 1:] -= 500
    crowd[:, 12:] -= 500
    for few_alone in (20, 35):
        truth = np.concatenate([alone[:few_alone], crowd[few_alone:]])

        def search(k: int, rung: int, few: int = few_alone, truth: NDArray[np.float32] = truth) -> Neighbors:
            scores = truth[:, :k].copy()
            # Those alone are found at once; of answers in crowds one more a rung.
            scores[few:, 12 * rung :] = -np.inf
            return Neighbors(np.zeros(scores.shape, np.uint32), scores)

        ladder = measure_made_of_rows(RUNGS, search, truth, True, 0.0, pool=False)
        # Of fewer than eight queries nothing is said by themselves.
        assert (ladder.recall_at(10, 2) < 0.2) == (few_alone == 20)


TARGETS = (0.9, 0.95, 0.99)


@pytest.mark.parametrize("name", ["sparse-copies-12", "sparse-nearly-12"])
def test_sparse_promises_hold_for_copies(name: str) -> None:
    data = make_sparse_set(name, 1800, 40, 3)
    rows, queries = (
        SparseRows(part.indptr, part.indices, part.values) for part in (data.documents, data.queries)
    )
    index = Seismic().open(Seismic().build(rows, BuildJob(threads=1)), rows)
    held(index, queries, SparseScan(rows).search(queries, 10).scores)


@pytest.mark.parametrize("spec", [Muvera(), TokenLists()], ids=["muvera", "token-lists"])
def test_promises_for_tokens_hold_for_copies(spec: Any) -> None:
    data = make_token_set("token-copies-12", 1200, 30, 3)
    index = spec.open(spec.build(data.documents, BuildJob(threads=1)), data.documents)
    held(index, data.queries, MultiScan(data.documents).search(data.queries, 10).scores)


def held(index: Any, queries: Any, truth: NDArray[np.float32]) -> None:
    for k in KS[:2]:
        for target in TARGETS:
            found = index.search(queries, k, index.effort(k, target, None, 1.0)).scores
            reached = (found >= truth[:, k - 1, None] * (1 - 1e-5)).mean()
            assert reached >= target - 0.02, (k, target)
