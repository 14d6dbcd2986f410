"""Sparse fields in each of their forms. A part of ``DatabaseConformance``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import F, Sparse
from vicinal.engine.api import CollectionApi, DatabaseApi

TERMS = 60
N = 1400


def weights(n: int, seed: int) -> np.ndarray:
    """Return rows of few weights, of which some are below 0 and some rows have none."""
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((n, TERMS)) * (rng.random((n, TERMS)) < 0.15)
    table[5] = 0
    return np.asarray(table, np.float32)


def as_pairs(table: np.ndarray) -> list[Any]:
    return [(np.flatnonzero(row) * 100_003, row[row != 0]) for row in table]


def cosines(table: np.ndarray, query: np.ndarray) -> np.ndarray:
    products = table @ query
    lengths = np.linalg.norm(table, axis=1) * np.linalg.norm(query)
    return np.asarray(np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0))


class SparseConformance:
    """Sparse vectors, on a database that starts empty."""

    @pytest.fixture
    def topics(self, db: DatabaseApi) -> CollectionApi:
        """A collection of the cosine, enough points for an index."""
        topics = db.create_collection("topics", Sparse(metric="cosine"), fields={"half": "integer"})
        topics.upsert(range(N), as_pairs(weights(N, 1)), [{"half": i % 2} for i in range(N)])
        return topics

    def test_cosines_of_sparse_vectors(self, topics: CollectionApi) -> None:
        field = topics.schema.vectors["vector"]
        assert isinstance(field, Sparse)
        assert field.metric == "cosine"
        table, queries = weights(N, 1), weights(8, 2)
        for _ in range(2):
            for query, pairs in zip(queries, as_pairs(queries), strict=True):
                scores = cosines(table, query)
                found = topics.search(pairs, k=10)
                np.testing.assert_allclose(found.scores, np.sort(scores)[::-1][:10], atol=1e-6)
                odd = topics.search(pairs, k=10, filter=F("half") == 1)
                np.testing.assert_allclose(odd.scores, np.sort(scores[1::2])[::-1][:10], atol=1e-6)
            topics.merge()

    def test_a_vector_without_weights_scores_0(self, topics: CollectionApi) -> None:
        assert topics.search(([], []), k=3).scores.tolist() == [0, 0, 0]
        hit = topics.search(as_pairs(weights(8, 2))[0], k=N)
        assert {hit.id: hit.score for hit in hit}[5] == 0

    def test_a_metric_of_other_vectors_is_refused(self, db: DatabaseApi) -> None:
        with pytest.raises(vicinal.InvalidArgument, match="compared by 'dot' or 'cosine'") as caught:
            db.create_collection("topics", Sparse(metric="l2"))
        assert caught.value.field == "metric"
        assert db.collections() == []
