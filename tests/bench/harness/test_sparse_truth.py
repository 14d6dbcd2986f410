"""Exact sparse answers agree with dense products, and recall counts scores, not names."""

from __future__ import annotations

import numpy as np
import pytest

from vicinal.bench.datasets.sparse_dataset import SparseDataset, SparseRows
from vicinal.bench.harness import sparse_truth
from vicinal.bench.harness.sparse_truth import exact_sparse_truth, sparse_recall
from vicinal.bench.harness.truth import Truth

K = 10


def sparse_rows(matrix: np.ndarray) -> SparseRows:
    rows, terms = np.nonzero(matrix)
    indptr = np.zeros(len(matrix) + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=len(matrix)), out=indptr[1:])
    return SparseRows(indptr, terms.astype(np.uint32), matrix[rows, terms].astype(np.float32))


@pytest.fixture(scope="module")
def dense() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    documents, queries = (
        rng.random((count, 40)).astype(np.float32) * (rng.random((count, 40)) < share)
        for count, share in ((900, 0.2), (25, 0.1))
    )
    queries[3] = 0
    return documents, queries


@pytest.fixture(scope="module")
def data(dense: tuple[np.ndarray, np.ndarray]) -> SparseDataset:
    return SparseDataset("small", sparse_rows(dense[0]), sparse_rows(dense[1]), 40)


@pytest.mark.parametrize("chunk", [200, 5_000])
@pytest.mark.parametrize("rows", [None, np.arange(50, 700, 3)])
def test_scores_are_those_of_dense_products(
    data: SparseDataset,
    dense: tuple[np.ndarray, np.ndarray],
    chunk: int,
    rows: np.ndarray | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sparse_truth, "CHUNK", chunk)
    truth = exact_sparse_truth(data, K, rows=rows)
    scores = dense[1].astype(np.float64) @ dense[0].T.astype(np.float64)
    if rows is not None:
        scores[:, np.setdiff1d(np.arange(900), rows)] = 0
    expected = -np.sort(-scores, axis=1)[:, :K]
    assert np.allclose(np.where(truth.ids >= 0, truth.scores, 0), expected)
    filled = truth.ids >= 0
    assert np.allclose(scores[np.nonzero(filled)[0], truth.ids[filled]], truth.scores[filled])
    assert not filled[3].any()


def test_recall_counts_right_scores_once(data: SparseDataset) -> None:
    truth = exact_sparse_truth(data, K)
    assert sparse_recall(data, truth, truth.ids) == 1.0
    repeated = truth.ids.copy()
    repeated[:, 1] = repeated[:, 0]
    asked = int((truth.ids[:, 0] >= 0).sum())
    assert sparse_recall(data, truth, repeated) == pytest.approx(1 - asked / len(truth.ids) / K)
    missing = np.full(truth.ids.shape, np.iinfo(np.uint64).max, dtype=np.uint64)
    assert sparse_recall(data, truth, missing) == pytest.approx(1 - asked / len(truth.ids))
    part = Truth(truth.ids, truth.scores)
    assert sparse_recall(data, part, truth.ids[5:9], first_query=5) == 1.0


def test_a_row_of_the_same_score_is_as_right(dense: tuple[np.ndarray, np.ndarray]) -> None:
    documents, queries = np.concatenate([dense[0], dense[0]]), dense[1]
    data = SparseDataset("twice", sparse_rows(documents), sparse_rows(queries), 40)
    truth = exact_sparse_truth(data, K)
    twins = np.where(truth.ids < 0, -1, (truth.ids + 900) % 1_800)
    assert sparse_recall(data, truth, twins) == 1.0
