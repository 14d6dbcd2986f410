"""The sample that ships with the package."""

from __future__ import annotations

import numpy as np
import pytest

from vicinal.bench.demo import sample


@pytest.fixture(scope="module")
def words() -> sample.Sample:
    return sample.load()


def test_sizes(words: sample.Sample) -> None:
    assert len(words.ids) == len(set(words.ids)) == len(words.payloads) == len(words.dense) == 5_000
    assert len(words.texts) == len(words.gold_rows) == len(words.queries_dense) == 200
    assert words.sparse.shape == (5_000, 30_522)
    assert words.queries_sparse.shape == (200, 30_522)
    assert len(words.tokens) == 700
    assert len(words.queries_tokens) == 200


def test_files_are_small_and_licensed() -> None:
    files = {path.name: path.stat().st_size for path in sample.FOLDER.iterdir()}
    assert sum(files.values()) <= 6_000_000
    assert "Princeton University" in (sample.FOLDER / "LICENSE").read_text()


def test_vectors_are_what_was_embedded(words: sample.Sample) -> None:
    np.testing.assert_allclose(np.linalg.norm(words.dense, axis=1), 1, atol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(words.tokens.tokens, axis=1), 1, atol=1e-2)
    assert (words.sparse.data > 0).all()
    for matrix in (words.sparse, words.queries_sparse):
        assert matrix.indices.max() < matrix.shape[1]
        for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
            assert (np.diff(matrix.indices[start:stop].astype(np.int64)) > 0).all()


@pytest.mark.parametrize("kind", ["dense", "sparse", "tokens"])
def test_queries_find_their_own_synset_far_above_chance(words: sample.Sample, kind: str) -> None:
    n_points = len(words.tokens) if kind == "tokens" else len(words.ids)
    ranks = []
    for query, gold in enumerate(words.gold_rows):
        if gold < n_points:
            scores = score(words, kind, query, n_points)
            ranks.append((scores > scores[gold]).sum())
    assert len(ranks) > 50
    assert np.median(ranks) < 0.02 * n_points


def score(words: sample.Sample, kind: str, query: int, n_points: int) -> np.ndarray:
    if kind == "dense":
        return words.dense @ words.queries_dense[query]
    if kind == "tokens":
        asked = words.queries_tokens[query]
        return np.array([(words.tokens[row] @ asked.T).max(axis=0).sum() for row in range(n_points)])
    weights = np.zeros(words.sparse.shape[1], np.float32)
    start, stop = words.queries_sparse.indptr[query : query + 2]
    weights[words.queries_sparse.indices[start:stop]] = words.queries_sparse.data[start:stop]
    products = weights[words.sparse.indices] * words.sparse.data
    return np.add.reduceat(products, words.sparse.indptr[:-1])


def test_payloads_have_what_filters_need(words: sample.Sample) -> None:
    for payload in words.payloads:
        assert set(payload) == {"pos", "domain", "words", "n_words", "definition", "length"}
        assert payload["n_words"] == len(payload["words"])
