"""Payloads and vectors of hits as columns: the same as those of the hits one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, Multi, Sparse
from vicinal.engine.results.hits import BatchHits, Hits
from vicinal.storage.columns.multi import MultiColumn
from vicinal.storage.columns.vectors import DenseColumn, SparseColumn, VectorColumn

DIM, PART = 20, 400
FIELDS = {
    "plot": Dense(DIM),
    "bits": Dense(24, metric="hamming", element="binary"),
    "terms": Sparse(),
    "tokens": Multi(4),
}


def vectors(n: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "plot": rng.standard_normal((n, DIM)).astype(np.float32),
        "bits": rng.integers(0, 256, (n, 3), dtype=np.uint8),
        "terms": [{int(t): 1.0 + row for t in rng.integers(0, 50, row % 4)} for row in range(n)],
        "tokens": [rng.standard_normal((1 + row % 3, 4)).astype(np.float32) for row in range(n)],
    }


def filled(db: vicinal.Database, sealed: int, growing: bool) -> vicinal.Collection:
    points = db.create_collection(f"points{sealed}{growing}", FIELDS, fields={"n": "integer"})
    for part in range(sealed + growing):
        ids = range(part * PART, (part + 1) * PART)
        payloads = [{"n": i, "text": "\u00e9" * (i % 7)} if i % 5 else None for i in ids]
        points.upsert(list(ids), vectors(PART, part), payloads)
        if part < sealed:
            points.flush()
    points.delete(list(range(0, PART * (sealed + growing), 3)))
    return points


@pytest.fixture(scope="module", params=[(1, False), (0, True), (1, True), (3, True)], ids=str)
def points(request: pytest.FixtureRequest) -> Iterator[vicinal.Collection]:
    settings = vicinal.MergePolicySettings(quiet_seconds=1e9)
    with vicinal.open(":memory:", merge_policy=settings) as db:
        yield filled(db, *request.param)


def one(column: VectorColumn, row: int) -> Any:
    match column:
        case DenseColumn():
            return column.matrix[row]
        case SparseColumn() | MultiColumn():
            return column.row(row)
    raise AssertionError(type(column))


def same(found: Hits | BatchHits, listed: list[vicinal.Hit]) -> None:
    payloads, columns = found.payload_column(), found.vector_columns()
    assert payloads.to_list() == [hit.payload for hit in listed]
    assert columns.keys() == FIELDS.keys()
    for name, column in columns.items():
        assert len(column) == len(listed)
        for row, hit in enumerate(listed):
            np.testing.assert_equal(one(column, row), hit.vectors[name])


@pytest.mark.parametrize("options", [{"k": 1}, {"k": 10}, {"k": 100}, {"k": 5, "offset": 3}])
def test_one_query(points: vicinal.Collection, options: dict[str, Any]) -> None:
    query = vectors(1, 9)["plot"][0]
    hits = points.search(query, field="plot", with_vectors=True, **options)
    assert len(hits) == options["k"]
    same(hits, list(hits))


@pytest.mark.parametrize("k", [3, 100])
def test_a_batch_lies_end_to_end_without_its_padding(points: vicinal.Collection, k: int) -> None:
    asked = vectors(40, 9)["plot"]
    for options in ({}, {"filter": F("n") < 60}, {"filter": F("n") < 0}):
        found = points.search(asked, k, field="plot", with_vectors=True, **options)
        same(found, [hit for hits in found for hit in hits])
    assert found.counts.sum() == 0


def test_no_queries_have_columns_without_rows(points: vicinal.Collection) -> None:
    found = points.search(np.empty((0, DIM), np.float32), field="plot", with_vectors=True)
    same(found, [])


def test_a_collection_without_points_has_columns_of_its_fields() -> None:
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", FIELDS)
        hits = points.search(vectors(1, 0)["plot"][0], field="plot", with_vectors=True)
        same(hits, [])
        columns = hits.vector_columns()
        assert [
            (column.matrix.shape, column.matrix.dtype) for column in (columns["plot"], columns["bits"])
        ] == [
            ((0, DIM), np.float32),
            ((0, 3), np.uint8),
        ]


def test_hits_that_carry_nothing_have_empty_columns(points: vicinal.Collection) -> None:
    for query in (vectors(1, 9)["plot"][0], vectors(2, 9)["plot"]):
        found = points.search(query, 4, field="plot", with_payload=False)
        assert found.vector_columns() == {}
        assert found.payload_column().to_list() == [{}] * found.scores.size


def test_columns_outlive_the_database() -> None:
    with vicinal.open(":memory:") as db:
        points = filled(db, 2, True)
        hits = points.search(vectors(1, 9)["plot"][0], 50, field="plot", with_vectors=True)
        listed = list(hits)
    same(hits, listed)
