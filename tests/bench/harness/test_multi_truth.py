"""Exact answers by MaxSim are those of NumPy, and recall counts rows by their scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vicinal.bench.datasets import DatasetError
from vicinal.bench.datasets.multi.dataset import MultiDataset, tokens_of
from vicinal.bench.datasets.multi.opening import open_multi_dataset
from vicinal.bench.harness.multi_truth import check_by_numpy, exact_multi_truth, multi_recall, multi_truth
from vicinal.bench.harness.truth import Truth

K = 5


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> MultiDataset:
    return open_multi_dataset("tokens-300x6x16", tmp_path_factory.mktemp("data"), queries=8)


@pytest.fixture(scope="module")
def truth(data: MultiDataset) -> Truth:
    return exact_multi_truth(data, K)


def scores(data: MultiDataset, query: int) -> np.ndarray:
    asked = np.asarray(tokens_of(data.queries, query), np.float64)
    documents = (np.asarray(tokens_of(data.documents, row), np.float64) for row in range(data.rows))
    return np.array([(asked @ document.T).max(axis=1).sum() for document in documents])


def test_answers_are_those_of_numpy(data: MultiDataset, truth: Truth) -> None:
    for query in range(len(data.queries)):
        best = np.sort(scores(data, query))[::-1][:K]
        np.testing.assert_allclose(truth.scores[query], best, rtol=1e-4)
        np.testing.assert_allclose(scores(data, query)[truth.ids[query]], best, rtol=1e-4)


def test_recall_counts_each_right_row_once(data: MultiDataset, truth: Truth) -> None:
    assert multi_recall(data, truth, truth.ids) == 1.0
    assert multi_recall(data, truth, truth.ids[:, :3]) == pytest.approx(3 / K)
    assert multi_recall(data, truth, np.repeat(truth.ids[:, :1], K, axis=1)) == pytest.approx(1 / K)
    wrong = np.array([np.argsort(scores(data, query))[:K] for query in range(len(data.queries))])
    assert multi_recall(data, truth, wrong) == 0.0
    wrong[:, 0] = truth.ids[:, -1]
    wrong[:, 1:] = [-1, 10**6, -1, 10**6]
    assert multi_recall(data, truth, wrong) == pytest.approx(1 / K)


def test_a_scan_that_is_wrong_is_found_out(data: MultiDataset, truth: Truth) -> None:
    worst = Truth(truth.ids, truth.scores * 0.9)
    with pytest.raises(ArithmeticError, match="by NumPy"):
        check_by_numpy(data, worst)


def test_wrong_answers_that_came_with_the_data_are_refused(
    data: MultiDataset, truth: Truth, tmp_path: Path
) -> None:
    found, cached = multi_truth(replace(data, given=truth.ids), K, tmp_path)
    assert not cached
    np.testing.assert_array_equal(found.ids, truth.ids)
    given = truth.ids.copy()
    given[0] = np.argsort(scores(data, 0))[:K]
    with pytest.raises(DatasetError, match=r"87\.50%"):
        multi_truth(replace(data, given=given), K, tmp_path)
