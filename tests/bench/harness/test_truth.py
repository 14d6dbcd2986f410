"""Exact truth equals a naive computation, and recall treats ties and repetitions as it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vicinal.bench.datasets import METRICS, Dataset, DatasetError, MetricName, open_dataset
from vicinal.bench.datasets.dataset import as_floats
from vicinal.bench.harness import truth as truth_module
from vicinal.bench.harness.truth import cached_truth, exact_truth, recall, recall_by_query, true_scores


def naive_scores(data: Dataset) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    vectors, queries = data.vectors.astype(np.float64), data.queries.astype(np.float64)
    scores = np.empty((len(queries), len(vectors)))
    for i, query in enumerate(queries):
        for j, vector in enumerate(vectors):
            if data.metric == "l2":
                scores[i, j] = -((query - vector) ** 2).sum()
            else:
                scores[i, j] = query @ vector
                if data.metric == "cosine":
                    scores[i, j] /= np.linalg.norm(query) * np.linalg.norm(vector)
    return scores


@pytest.mark.parametrize("metric", METRICS)
def test_truth_equals_the_naive_one(metric: MetricName, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth_module, "QUERY_BLOCK", 7)
    monkeypatch.setattr(truth_module, "ROW_BLOCK", 64)
    monkeypatch.setattr(truth_module, "GATHER_BYTES", 4096)
    data = open_dataset("random-300x12", metric=metric, queries=20)
    scores = naive_scores(data)
    found = exact_truth(data, 10)
    assert np.array_equal(found.ids, np.argsort(-scores, axis=1, kind="stable")[:, :10])
    assert np.allclose(found.scores, -np.sort(-scores, axis=1)[:, :10], rtol=1e-12)
    assert recall(data, found, found.ids) == 1.0


def test_distances_far_from_the_origin_stay_exact() -> None:
    near = open_dataset("random-300x12-l2", queries=20)
    shift = np.float32(4096.0)
    # Coarse steps survive the shift exactly, so that both datasets have the same distances.
    vectors, queries = (as_floats(np.round(matrix * 64) / 64) for matrix in (near.vectors, near.queries))
    plain = Dataset("plain", "l2", vectors, queries)
    moved = Dataset("moved", "l2", vectors + shift, queries + shift)
    assert np.array_equal(exact_truth(plain, 5).ids, exact_truth(moved, 5).ids)


def test_truth_among_some_rows() -> None:
    data = open_dataset("random-300x12", queries=20)
    rows = np.arange(3, 300, 7)
    scores = naive_scores(data)
    found = exact_truth(data, 10, rows=rows)
    assert np.array_equal(found.ids, rows[np.argsort(-scores[:, rows], axis=1, kind="stable")[:, :10]])


def test_any_of_the_rows_that_tie_counts() -> None:
    vectors = np.ones((20, 4), dtype=np.float32)
    vectors[:3] *= 2
    data = Dataset("ties", "dot", vectors, np.ones((2, 4), dtype=np.float32))
    found = exact_truth(data, 5)
    assert found.ids.tolist() == [[0, 1, 2, 3, 4]] * 2
    assert recall(data, found, np.array([[2, 1, 0, 19, 17]] * 2)) == 1.0
    assert recall(data, found, np.array([[19, 18, 17, 16, 15]] * 2)) == 1.0


def test_float_noise_at_the_boundary_is_no_miss() -> None:
    vectors = np.array([[1.0, 0.0], [0.6, 0.8], [0.6, 0.8], [0.0, 1.0]], dtype=np.float32)
    vectors[2, 0] = np.nextafter(vectors[2, 0], np.float32(0))
    data = Dataset("noise", "cosine", vectors, np.array([[1.0, 0.0]], dtype=np.float32))
    found = exact_truth(data, 2)
    assert recall(data, found, np.array([[0, 2]])) == 1.0
    assert recall(data, found, np.array([[0, 3]])) == 0.5


def test_repeated_and_missing_answers_are_misses() -> None:
    data = open_dataset("random-300x12", queries=4)
    found = exact_truth(data, 4)
    answers = found.ids.astype(np.uint64)
    answers[0] = answers[0, 0]
    answers[1, 2:] = 2**64 - 1
    assert recall_by_query(data, found, answers).tolist() == [0.25, 0.5, 1.0, 1.0]
    signed = found.ids.astype(np.int64)
    signed[3, 1:] = -1
    assert recall_by_query(data, found, signed)[3] == 0.25
    assert recall_by_query(data, found, found.ids[:, :2]).tolist() == [0.5] * 4


def test_recall_of_later_queries_only() -> None:
    data = open_dataset("random-300x12", queries=10)
    found = exact_truth(data, 4)
    assert recall(data, found, found.ids[6:], first_query=6) == 1.0
    assert recall(data, found, found.ids[6:]) < 0.5


def test_rows_that_do_not_exist_score_nothing() -> None:
    data = open_dataset("random-30x4", queries=1)
    assert np.isneginf(true_scores(data, np.array([[-1, 30, 0]]))).tolist() == [[True, True, False]]


def test_truth_is_computed_once(tmp_path: Path) -> None:
    data = open_dataset("random-100x6", queries=5)
    first, cached = cached_truth(data, 3, tmp_path)
    again, from_disk = cached_truth(data, 3, tmp_path)
    assert (cached, from_disk) == (False, True)
    assert np.array_equal(first.ids, again.ids)
    for other in (open_dataset("random-100x6", queries=4), open_dataset("random-100x6-l2", queries=5)):
        assert cached_truth(other, 3, tmp_path)[1] is False
    assert cached_truth(data, 4, tmp_path)[1] is False


@pytest.mark.parametrize("damage", ["ids", "scores", "cut", "garbage"])
def test_a_damaged_cache_is_computed_anew(tmp_path: Path, damage: str) -> None:
    data = open_dataset("random-100x6", queries=5)
    first, _ = cached_truth(data, 3, tmp_path)
    (path,) = tmp_path.glob("*.npz")
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    if damage in arrays:
        arrays[damage][1, 1] += 1
        np.savez(path, **arrays)
    else:
        path.write_bytes(path.read_bytes()[:100] if damage == "cut" else b"nothing")
    again, cached = cached_truth(data, 3, tmp_path)
    assert not cached
    assert np.array_equal(first.ids, again.ids)
    assert cached_truth(data, 3, tmp_path)[1] is True


@pytest.mark.parametrize("k", [0, 31])
def test_k_beyond_the_rows_is_refused(k: int) -> None:
    with pytest.raises(DatasetError, match="expected 1 to 30"):
        exact_truth(open_dataset("random-30x4"), k)
