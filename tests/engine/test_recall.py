"""Recall on real embeddings: the sample, whose queries come from another distribution than its points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import F
from vicinal.bench.demo import sample

K = 10


@pytest.fixture(scope="module")
def words() -> Iterator[tuple[vicinal.Collection, Any]]:
    data = sample.load()
    with vicinal.open(":memory:") as db:
        fields = {"domain": "keyword", "pos": "keyword", "length": "integer"}
        collection = db.create_collection("words", vicinal.Dense(384), fields=fields)
        collection.upsert(range(len(data.payloads)), data.dense, data.payloads)
        collection.merge()
        yield collection, data


def recall(collection: vicinal.Collection, queries: Any, **options: Any) -> float:
    """Return recall@10 against exact search; a hit counts when its score reaches the true tenth."""
    exact = collection.search(queries, K, exact=True, filter=options.get("filter"))
    found = collection.search(queries, K, **options)
    np.testing.assert_array_equal(found.counts, exact.counts)
    total = hits = 0
    for row in range(len(found)):
        count = int(exact.counts[row])
        total += count
        hits += int((found.scores[row, :count] >= exact.scores[row, count - 1] - 1e-6).sum())
    return hits / total


@pytest.mark.parametrize("target", [0.90, 0.95, 0.99])
def test_targets_hold_without_having_seen_a_query(
    words: tuple[vicinal.Collection, Any], target: float
) -> None:
    collection, data = words
    assert recall(collection, data.queries_dense, recall=target) >= target - 0.03


def test_targets_hold_after_calibration(words: tuple[vicinal.Collection, Any]) -> None:
    collection, data = words
    assert collection.calibrate(data.queries_dense[:100]) == 1
    for target in (0.90, 0.95, 0.99):
        # A hundred queries that the table has not seen: 1,000 places.
        assert recall(collection, data.queries_dense[100:], recall=target) >= target - 0.01


@pytest.mark.parametrize(
    "expression",
    [
        F("domain") == "noun.animal",
        F("domain") == "noun.plant",
        F("pos") == "v",
        F("length") >= 100,
        (F("pos") == "n") & (F("length") <= 40),
        ~(F("pos") == "n"),
    ],
)
def test_recall_under_natural_filters(
    words: tuple[vicinal.Collection, Any], expression: vicinal.Filter
) -> None:
    collection, data = words
    assert recall(collection, data.queries_dense, filter=expression) >= 0.95
    allowed = {point.id for point in collection.scroll(filter=expression, limit=10_000).points}
    assert len(allowed) == collection.count(filter=expression)
    found = collection.search(data.queries_dense, K, filter=expression)
    assert set(found.ids[found.scores > -np.inf].tolist()) <= allowed


def test_tombstones_leave_recall_as_it_was(words: tuple[vicinal.Collection, Any]) -> None:
    _, data = words
    with vicinal.open(":memory:", merge_policy=vicinal.MergePolicySettings(quiet_seconds=1e9)) as db:
        collection = db.create_collection("words", vicinal.Dense(384))
        collection.upsert(range(len(data.payloads)), data.dense)
        collection.merge()
        collection.delete(range(0, len(data.payloads), 3))
        found = collection.search(data.queries_dense, K)
        assert (found.ids % 3 != 0).all()
        assert recall(collection, data.queries_dense) >= 0.92


def test_threads_change_nothing(words: tuple[vicinal.Collection, Any]) -> None:
    collection, data = words
    one = collection.search(data.queries_dense, K, threads=1)
    many = collection.search(data.queries_dense, K, threads=0)
    np.testing.assert_array_equal(one.ids, many.ids)
    np.testing.assert_array_equal(one.scores, many.scores)


def test_a_walk_compares_few_rows(words: tuple[vicinal.Collection, Any]) -> None:
    collection, data = words
    done = collection.explain(data.queries_dense, K, ef=40)
    assert done.distances / len(data.queries_dense) < 0.25 * len(data.payloads)


@pytest.mark.parametrize("noise", [0.0, 0.005])
@pytest.mark.parametrize("element", ["float32", "binary"])
def test_targets_hold_where_every_text_is_stored_twelve_times(element: str, noise: float) -> None:
    data = sample.load()
    rng = np.random.default_rng(0)
    rows, queries = np.repeat(data.dense[:600], 12, axis=0), data.queries_dense
    rows = (rows + noise * rng.standard_normal(rows.shape)).astype(np.float32)[rng.permutation(len(rows))]
    if element == "binary":
        rows, queries = (np.packbits(matrix > 0, axis=1) for matrix in (rows, queries))
    field = vicinal.Dense(384, element=element, metric="hamming" if element == "binary" else "cosine")
    with vicinal.open(":memory:") as db:
        collection = db.create_collection("copies", field)
        collection.upsert(range(len(rows)), rows)
        collection.merge()
        for k in (1, K):
            exact = collection.search(queries, k, exact=True)
            for target in (0.90, 0.95, 0.99):
                found = collection.search(queries, k, recall=target)
                reached = found.scores >= exact.scores[:, -1:] - 1e-6
                if element == "binary":
                    reached = found.scores <= exact.scores[:, -1:]
                assert reached.mean() >= target - 0.03, (k, target)


def test_deletes_leave_the_promise_beside_narrow_topics() -> None:
    """Queries are about the fifth of the rows that lie in no topic."""
    rng = np.random.default_rng(0)
    n, dim = 6000, 128
    topics = rng.standard_normal((20, dim))
    rows = rng.standard_normal((n, dim))
    rows[: n * 4 // 5] = topics[rng.integers(0, 20, n * 4 // 5)] + 0.2 * rows[: n * 4 // 5]
    queries = rng.standard_normal((50, dim))
    with vicinal.open(":memory:", merge_policy=vicinal.MergePolicySettings(dead_fraction=2.0)) as db:
        points = db.create_collection("points", vicinal.Dense(dim))
        points.upsert(range(n), rows)
        points.merge()
        points.delete(rng.choice(n, n * 3 // 10, replace=False).tolist())
        for asked in (0.9, 0.95):
            assert recall(points, queries, recall=asked) >= asked
