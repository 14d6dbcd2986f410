"""Pages by offset: slices of one ranking, whatever plans their depths get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import vicinal
from vicinal import F

ROWS, DIM, K = 6_000, 32, 10


@pytest.fixture(scope="module")
def pages() -> Iterator[tuple[vicinal.Collection, NDArray[np.float32]]]:
    """A collection of three segments, two with a graph, and queries; 300 rows are equal to each other."""
    rng = np.random.default_rng(9)
    middles = rng.standard_normal((40, DIM))
    rows = (middles[rng.integers(0, 40, ROWS)] + rng.standard_normal((ROWS, DIM))).astype(np.float32)
    rows[rng.permutation(ROWS)[:300]] = rows[0]
    queries = (middles[rng.integers(0, 40, 20)] + rng.standard_normal((20, DIM))).astype(np.float32)
    policy = vicinal.MergePolicySettings(quiet_seconds=1e9, tier_factor=1000)
    with vicinal.open(":memory:", merge_policy=policy) as db:
        collection = db.create_collection("c", vicinal.Dense(DIM), fields={"n": "integer"})
        for lo, hi in ((0, 3000), (3000, 5800), (5800, ROWS)):
            collection.upsert(range(lo, hi), rows[lo:hi], [{"n": i} for i in range(lo, hi)])
            if hi < ROWS:
                collection.flush()
        yield collection, np.concatenate([rows[:1], queries])


@pytest.mark.parametrize(
    "options",
    [{}, {"recall": 0.8}, {"ef": 12}, {"exact": True}, {"filter": F("n") < 4000}, {"filter": F("n") < 95}],
    ids=["default", "recall", "ef", "exact", "filter", "few"],
)
def test_pages_repeat_nothing_and_skip_nothing_that_was_found(
    pages: tuple[vicinal.Collection, NDArray[np.float32]], options: dict[str, Any]
) -> None:
    collection, queries = pages
    deep = collection.search(queries, 12 * K, **options)
    batches = [collection.search(queries, K, offset=K * page, **options) for page in range(12)]
    for row, query in enumerate(queries):
        seen = [point for batch in batches for point in batch.ids[row, : batch.counts[row]].tolist()]
        assert len(seen) == len(set(seen)) == deep.counts[row]
        alone = [collection.search(query, K, offset=K * page, **options) for page in range(12)]
        assert [point for page in alone for point in page.ids.tolist()] == seen
        for page in alone:
            assert page.scores.tolist() == sorted(page.scores.tolist(), reverse=True)
        if options.get("exact") or deep.counts[row] < 12 * K:
            assert seen == deep.ids[row, : deep.counts[row]].tolist()


def test_pages_together_find_what_one_deep_search_finds(
    pages: tuple[vicinal.Collection, NDArray[np.float32]],
) -> None:
    collection, queries = pages
    exact = collection.search(queries, 12 * K, exact=True)
    scores = np.concatenate(
        [collection.search(queries, K, offset=K * page).scores for page in range(12)], axis=1
    )
    assert (scores >= exact.scores[:, -1:] - 1e-6).mean() >= 0.95


def test_the_work_of_a_page_is_that_of_all_its_searches(
    pages: tuple[vicinal.Collection, NDArray[np.float32]],
) -> None:
    collection, queries = pages
    first = collection.explain(queries, K)
    later = collection.explain(queries, K, offset=7 * K)
    assert first.distances < later.distances
    assert len(later.segments) == len(first.segments)


def test_the_last_page_there_can_be(pages: tuple[vicinal.Collection, NDArray[np.float32]]) -> None:
    collection, queries = pages
    found = collection.search(queries[0], 7, offset=ROWS - 5)
    assert len(found) == 5
    assert len(collection.search(queries[0], 7, offset=ROWS)) == 0
