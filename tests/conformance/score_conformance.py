"""Exact scores of points that are named, in every kind of database. A part of ``DatabaseConformance``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, Flat, Multi, Sparse
from vicinal.engine.api import CollectionApi, DatabaseApi

N = 60
FIELDS = {
    "plot": Dense(4, metric="l2", index=Flat()),
    "bits": Dense(16, metric="hamming", element="binary"),
    "terms": Sparse(),
    "tokens": Multi(3, element="float32"),
}


def drawn(rng: np.random.Generator, n: int) -> dict[str, Any]:
    return {
        "plot": rng.standard_normal((n, 4)).astype(np.float32),
        "bits": rng.integers(0, 256, (n, 2), dtype=np.uint8),
        "terms": [{int(t): float(rng.random()) for t in rng.choice(20, 5, False)} for _ in range(n)],
        "tokens": [rng.standard_normal((2, 3)).astype(np.float32) for _ in range(n)],
    }


def naive(field: str, query: Any, vector: Any) -> float:
    match field:
        case "plot":
            return float(np.linalg.norm(query - vector))
        case "bits":
            return float(np.unpackbits(query ^ vector).sum())
        case "terms":
            return sum(w * vector.get(t, 0.0) for t, w in query.items())
    return float((query @ vector.T).max(axis=1).sum())


def expected(field: str, queries: Any, lists: list[list[Any]], known: dict[Any, Any]) -> np.ndarray:
    found = np.full((len(lists), max(map(len, lists))), np.nan, np.float32)
    for row, (query, ids) in enumerate(zip(queries, lists, strict=True)):
        for column, point_id in enumerate(ids):
            if known.get(point_id) is not None:
                found[row, column] = naive(field, query, known[point_id])
    return found


class ScoreConformance:
    """``score``, on a database that starts empty."""

    @pytest.fixture
    def scored(self, db: DatabaseApi) -> tuple[CollectionApi, dict[str, dict[Any, Any]]]:
        """Points in two segments and growing ones, some of them dead or without vectors, and a model."""
        points, rng = db.create_collection("points", FIELDS), np.random.default_rng(8)
        ids: list[Any] = [i if i % 3 else f"text {i}" for i in range(N)]
        known: dict[str, dict[Any, Any]] = {field: {} for field in FIELDS}
        for chosen in (ids[:40], ids[30:50], ids[45:]):
            vectors = drawn(rng, len(chosen))
            for field, column in vectors.items():
                rows = [None if rng.random() < 0.2 else row for row in column]
                known[field] |= dict(zip(chosen, rows, strict=True))
                vectors[field] = rows
            points.upsert(chosen, vectors)
            if chosen[-1] != ids[-1]:
                points.flush()
        points.delete(ids[5:9])
        for model in known.values():
            for point_id in ids[5:9]:
                del model[point_id]
        return points, known

    @pytest.mark.parametrize("field", FIELDS)
    def test_scores_are_those_of_the_named_points(
        self, scored: tuple[CollectionApi, dict[str, dict[Any, Any]]], field: str
    ) -> None:
        points, known = scored
        rng = np.random.default_rng(1)
        queries = drawn(rng, 3)[field]
        ids: list[Any] = [
            *rng.permutation(N).tolist(),
            *(f"text {i}" for i in range(0, N, 3)),
            10**12,
            "nobody",
        ]
        ids += ids[:5]
        model = known[field]
        for _ in range(2):
            batch = points.score(queries, ids, field=field)
            assert (batch.dtype, batch.shape) == (np.float32, (3, len(ids)))
            np.testing.assert_allclose(
                batch, expected(field, queries, [ids] * 3, model), rtol=1e-5, atol=1e-6
            )
            for query, row in zip(queries, batch, strict=True):
                one = points.score(query, ids, field=field)
                assert one.shape == (len(ids),)
                np.testing.assert_array_equal(one, row)
            lists = [ids[:4], [], ids[10:17]]
            own = points.score(queries, lists, field=field)
            assert own.shape == (3, 7)
            np.testing.assert_allclose(own, expected(field, queries, lists, model), rtol=1e-5, atol=1e-6)
            hits = points.search(queries[0], 20, field=field, exact=True)
            np.testing.assert_array_equal(points.score(queries[0], hits.ids, field=field), hits.scores)
            points.merge()

    def test_hits_of_a_batch_are_scored_in_another_field(
        self, scored: tuple[CollectionApi, dict[str, dict[Any, Any]]]
    ) -> None:
        points, known = scored
        queries = drawn(np.random.default_rng(2), 2)
        batch = points.search(queries["plot"], 6, field="plot")
        found = points.score(queries["terms"], [hits.ids for hits in batch], field="terms")
        lists = [hits.ids.tolist() for hits in batch]
        np.testing.assert_allclose(
            found, expected("terms", queries["terms"], lists, known["terms"]), rtol=1e-5
        )

    def test_nothing_to_score(self, db: DatabaseApi) -> None:
        points = db.create_collection("points", Dense(2))
        assert points.score([1, 0], []).shape == (0,)
        assert points.score([[1, 0], [0, 1]], []).shape == (2, 0)
        assert points.score(np.empty((0, 2)), [1, 2]).shape == (0, 2)
        np.testing.assert_array_equal(points.score([1, 0], [1, "a"]), [np.nan, np.nan])

    def test_numbers_and_texts_are_other_ids(self, db: DatabaseApi) -> None:
        points = db.create_collection("points", Dense(2, metric="dot"))
        points.upsert(["1", 2], [[1, 0], [0, 1]])
        for _ in range(2):
            np.testing.assert_array_equal(points.score([3, 4], [1, "1", 2, "2"]), [np.nan, 3, 4, np.nan])
            np.testing.assert_array_equal(points.score([3, 4], np.array([2, 1])), [4, np.nan])
            own = points.score([[3, 4], [5, 6]], np.array([[2, 1], [1, 2]]))
            np.testing.assert_array_equal(own, [[4, np.nan], [np.nan, 6]])
            points.flush()

    def test_a_tenant_scores_its_own_points(self, db: DatabaseApi) -> None:
        rooms = db.create_collection("rooms", Dense(2, metric="dot"), partitioned=True)
        rooms.upsert([1, 2], [[1, 0], [2, 0]], tenant="ada")
        rooms.upsert([1, 3], [[5, 0], [7, 0]], tenant="bob")
        for _ in range(2):
            np.testing.assert_array_equal(rooms.score([1, 0], [1, 2, 3], tenant="ada"), [1, 2, np.nan])
            np.testing.assert_array_equal(rooms.score([1, 0], [1, 2, 3], tenant="bob"), [5, np.nan, 7])
            np.testing.assert_array_equal(rooms.score([1, 0], [1, 2, 3], tenant="eve"), [np.nan] * 3)
            rooms.merge()
        with pytest.raises(vicinal.InvalidArgument, match="every call names a tenant"):
            rooms.score([1, 0], [1])

    def test_bad_candidates_are_refused(self, db: DatabaseApi) -> None:
        points = db.create_collection("points", Dense(2))
        for query, ids, message in [
            ([1, 0], [[1], [2]], "2 lists for one query"),
            ([[1, 0], [0, 1]], [[1], [2], [3]], "3 lists for a batch of 2 queries"),
            ([[1, 0], [0, 1]], [[1], [-2]], r"-2.*in the list of query 1"),
            ([1, 0], "12", "list of ids"),
            ([1, 0], [1, None], "row 1"),
        ]:
            with pytest.raises(vicinal.InvalidArgument, match=message) as refused:
                points.score(query, ids)
            assert refused.value.field == "ids"
        with pytest.raises(vicinal.InvalidArgument, match=r"shape \(3,\)|dimension"):
            points.score([1, 0, 0], [1])
