"""What one call of search takes and refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, Multi, Sparse
from vicinal.engine.errors import LimitExceeded
from vicinal.engine.input.options import MAX_RESULTS
from vicinal.indexes.exact.flat import Flat

DIM, ROWS = 8, 1500
FIELDS = {
    "graph": Dense(DIM),
    "flat": Dense(DIM, index=Flat()),
    "bits": Dense(16, metric="hamming", element="binary"),
    "terms": Sparse(),
    "tokens": Multi(DIM),
}
NO_QUERIES = [
    ("graph", np.empty((0, DIM), np.float32)),
    ("graph", np.empty((0, DIM))),
    ("flat", np.empty((0, DIM), np.float32)),
    ("bits", np.empty((0, 2), np.uint8)),
    ("terms", []),
    ("tokens", []),
    ("tokens", np.empty((0, 3, DIM), np.float32)),
]


@pytest.fixture(scope="module")
def collection() -> Iterator[vicinal.Collection]:
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((ROWS, DIM)).astype(np.float32)
    with vicinal.open(":memory:") as db:
        collection = db.create_collection("all", FIELDS)
        for rows in (np.arange(ROWS - 100), np.arange(ROWS - 100, ROWS)):
            vectors = {
                "graph": matrix[rows],
                "flat": matrix[rows],
                "bits": rng.integers(0, 256, (len(rows), 2), dtype=np.uint8),
                "terms": [{int(row): 1.0} for row in rows],
                "tokens": [matrix[row : row + 1] for row in rows],
            }
            collection.upsert(rows, vectors)
            if not rows[0]:
                collection.merge()
        yield collection


@pytest.mark.parametrize(("field", "queries"), NO_QUERIES)
@pytest.mark.parametrize("options", [{}, {"exact": True}, {"threads": 2}, {"offset": 5}])
def test_no_queries_have_no_answers(
    collection: vicinal.Collection, field: str, queries: Any, options: dict[str, Any]
) -> None:
    found = collection.search(queries, 7, field=field, **options)
    assert isinstance(found, vicinal.BatchHits)
    assert len(found) == 0
    assert list(found) == []
    assert found.scores.shape == (0, 7)
    assert found.ids.shape == (0, 7)
    assert found.counts.shape == (0,)


def test_no_queries_are_explained(collection: vicinal.Collection) -> None:
    explained = collection.explain(np.empty((0, DIM), np.float32), field="graph")
    assert explained.distances == 0
    assert str(explained)


@pytest.mark.parametrize("options", [{"k": 10_000}, {"k": 1, "offset": 9_999}])
def test_more_results_than_one_call_may_ask_for(
    collection: vicinal.Collection, options: dict[str, Any]
) -> None:
    # One row of memory, however many queries it stands for.
    queries = np.broadcast_to(np.ones((1, 2), np.uint8), (MAX_RESULTS // 10_000 + 1, 2))
    with pytest.raises(LimitExceeded, match=r"5,001 queries .* 50,000,000: send the batch in parts"):
        collection.search(queries, field="bits", **options)
