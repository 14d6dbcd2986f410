"""What a search leaves behind in the views it went through."""

from __future__ import annotations

import numpy as np
import pytest

import vicinal
from vicinal import Dense


def test_kept_plans_are_bounded() -> None:
    matrix = np.random.default_rng(0).standard_normal((1500, 8)).astype(np.float32)
    with vicinal.open(":memory:") as db:
        collection = db.create_collection("c", Dense(8))
        collection.upsert(range(len(matrix)), matrix)
        collection.merge()
        for recall in np.linspace(0.5, 0.99, 600).tolist():
            collection.search(matrix[0], recall=recall)
        (view,) = collection._state.snapshot.views
        assert 0 < len(view.unfiltered.plans) <= 256


@pytest.mark.parametrize("scale", [1e17, 1e-17])
def test_far_and_near_are_told_apart_at_any_scale(scale: float) -> None:
    """As far as vectors may go: shorter ones are refused."""
    matrix = (np.array([[-1.0, -0.9], [-0.5, 0.0]]) * scale).astype(np.float32)
    query = np.full(2, scale, np.float32)
    with vicinal.open(":memory:") as db:
        collection = db.create_collection("c", Dense(2, metric="l2"))
        collection.upsert([0, 1], matrix)
        found = collection.search(query, k=2, exact=True)
        assert found.ids.tolist() == [1, 0]
        away = np.linalg.norm(matrix.astype(np.float64) - query, axis=1)
        np.testing.assert_allclose(found.scores, away[::-1], rtol=1e-5)


@pytest.mark.parametrize("metric", ["l2", "dot"])
def test_ties_keep_the_order_of_segments_and_rows(metric: str) -> None:
    """More than sixteen candidates, up to which any sort of NumPy is a stable one."""
    rng = np.random.default_rng(1)
    lengths = rng.integers(1, 4, 120)
    with vicinal.open(":memory:", merge_policy=vicinal.MergePolicySettings(quiet_seconds=1e9)) as db:
        collection = db.create_collection("c", Dense(2, metric=metric))
        for first in range(0, 120, 30):
            rows = range(first, first + 30)
            collection.upsert(rows, [[lengths[row], 0] for row in rows])
            if first < 90:
                collection.flush()
        assert len(collection._state.snapshot.views) == 4
        # Nearest are the shortest by l2 and the longest by dot; among equals, the first.
        nearness = lengths if metric == "l2" else -lengths
        for k in (20, 60, 120):
            hits = collection.search([[1.0, 0.0], [0.5, 0.0]], k=k, exact=True)
            for found in hits:
                assert found.ids.tolist() == np.argsort(nearness, kind="stable")[:k].tolist()


@pytest.mark.parametrize("element", ["float32", "int8", "binary"])
def test_threads_share_the_rows_of_a_single_query(element: str) -> None:
    """So many rows that other threads are worth it; equal answers, ties among them, filtered or not."""
    rng = np.random.default_rng(2)
    matrix = rng.integers(-3, 4, (60_000, 64)).astype(np.float32)
    if element == "binary":
        matrix = np.packbits(matrix > 0, axis=1)
    dim = 512 if element == "binary" else 64
    if element == "binary":
        matrix = np.tile(matrix, (1, 8))
    metric = "hamming" if element == "binary" else "l2"
    field = Dense(dim, metric=metric, element=element, index=vicinal.Flat())
    with vicinal.open(":memory:") as db:
        collection = db.create_collection("c", field, fields={"g": "integer"})
        collection.upsert(range(len(matrix)), matrix, payloads=[{"g": i % 3} for i in range(len(matrix))])
        for chosen in (None, vicinal.F("g") == 1):
            asked = matrix[:3] if element == "binary" else matrix[:3] + np.float32(0.25)
            alone = collection.search(asked, k=50, filter=chosen)
            for query, expected in zip(asked, alone, strict=True):
                found = collection.search(query, k=50, filter=chosen, threads=0)
                assert found.ids.tolist() == expected.ids.tolist()
                assert found.scores.tolist() == expected.scores.tolist()
