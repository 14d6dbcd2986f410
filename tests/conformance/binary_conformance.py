"""Sparse fields of sets, which have no values. A part of ``DatabaseConformance``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import F, Flat, Sparse
from vicinal.engine.api import CollectionApi, DatabaseApi

N = 1_400
SIZE, WEIGHTS = 50, (1.0, 0.5, 0.3, 2.0)


def sets(n: int, seed: int) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [np.sort(rng.choice(200, rng.integers(0, 12), replace=False)).tolist() for _ in range(n)]


def best(scores: np.ndarray, k: int) -> tuple[list[int], np.ndarray]:
    order = np.lexsort((np.arange(len(scores)), -scores))[:k]
    return order.tolist(), scores[order]


class BinaryConformance:
    """Binary sparse vectors, on a database that starts empty."""

    @pytest.fixture
    def marks(self, db: DatabaseApi) -> CollectionApi:
        """A collection of sets, enough for an index."""
        marks = db.create_collection("marks", Sparse(element="binary"), fields={"half": "integer"})
        marks.upsert(range(N), sets(N, 1), [{"half": i % 2} for i in range(N)])
        return marks

    def test_scores_are_how_many_terms_are_shared(self, marks: CollectionApi) -> None:
        rows, queries = sets(N, 1), sets(12, 2)
        for _ in range(2):
            for query in queries:
                shared = np.array([len(set(query) & set(row)) for row in rows], np.float32)
                hits = marks.search(sorted(query) or set(), k=20)
                ids, scores = best(shared, 20)
                assert hits.ids.tolist() == ids
                np.testing.assert_array_equal(hits.scores, scores)
                odd = marks.search(set(query), k=20, filter=F("half") == 1)
                np.testing.assert_array_equal(odd.scores, best(shared[1::2], 20)[1])
                assert (odd.ids % 2 == 1).all()
                np.testing.assert_array_equal(marks.score(set(query), range(N)), shared)
            assert len(marks.search(queries)) == 12
            marks.merge()

    def test_a_query_may_weigh_its_terms(self, marks: CollectionApi) -> None:
        rows, rng = sets(N, 1), np.random.default_rng(4)
        for _ in range(2):
            for query in sets(8, 5):
                weights = dict(zip(query, rng.standard_normal(len(query)).tolist(), strict=True))
                table = np.array([sum(weights.get(term, 0.0) for term in row) for row in rows])
                hits = marks.search(weights, k=30)
                np.testing.assert_allclose(hits.scores, best(table, 30)[1], rtol=1e-5, atol=1e-6)
            marks.merge()

    @pytest.mark.parametrize("index", [None, Flat()], ids=["inverted", "flat"])
    def test_buckets_weigh_what_is_shared(self, db: DatabaseApi, index: Any) -> None:
        spec = Sparse(element="binary", bucket_size=SIZE, bucket_weights=WEIGHTS, index=index)
        marks, rows = db.create_collection("marks", spec), sets(N, 1)
        assert db.collection("marks").schema.vectors["vector"] == spec
        marks.upsert(range(N), rows)
        weight = np.array(WEIGHTS, np.float32)
        for _ in range(2):
            for query in sets(10, 3):
                table = np.array(
                    [sum(float(weight[t // SIZE]) for t in set(query) & set(row)) for row in rows], np.float32
                )
                hits = marks.search(np.array(query, np.int32), k=15)
                ids, scores = best(table, 15)
                np.testing.assert_allclose(hits.scores, scores, rtol=1e-6)
                np.testing.assert_allclose(table[hits.ids.astype(int)], hits.scores, rtol=1e-6)
                np.testing.assert_allclose(marks.score(set(query), ids), scores, rtol=1e-6)
            marks.merge()
        for call in (
            lambda: marks.upsert([1], [[3, 200]]),
            lambda: marks.search([200]),
            lambda: marks.score([3, 2**32 - 1], [1]),
        ):
            with pytest.raises(vicinal.InvalidArgument, match="4 buckets of 50 ends before 200"):
                call()
        with pytest.raises(vicinal.InvalidArgument, match=r"0\.5; a binary vector is a set"):
            marks.search({3: 0.5})

    def test_sets_come_back_as_they_are(self, db: DatabaseApi) -> None:
        marks = db.create_collection(
            "marks", {"a": Sparse(element="binary"), "b": Sparse()}, partitioned=True
        )
        marks.upsert([1, 2, 3], {"a": [[9, 3], None, []], "b": [{1: 1.0}] * 3}, tenant="ada")
        marks.upsert([1], {"a": [[4]]}, tenant="bob")
        for _ in range(2):
            found = marks.get([1, 2, 3], with_vectors=["a"], tenant="ada")
            vectors = [point and point.vectors for point in found]
            assert [list(each or {}) for each in vectors] == [["a"], [], ["a"]]
            for point, expected in ((found[0], [3, 9]), (found[2], [])):
                assert point is not None
                assert point.vectors["a"].dtype == np.uint32
                assert point.vectors["a"].tolist() == expected
            hits = marks.search([9, 4], field="a", tenant="ada", with_vectors=True)
            assert hits.ids.tolist() == [1, 3]
            assert hits.scores.tolist() == [1, 0]
            assert hits[0].vectors["a"].tolist() == [3, 9]
            alike = marks.search(by_id=1, field="a", tenant="ada")
            assert (alike.ids.tolist(), alike.scores.tolist()) == ([3], [0])
            marks.merge()
        assert marks.update_vectors([2], {"a": [{5, 9}]}, tenant="ada") == 1
        assert marks.search([9, 5], field="a", tenant="ada").scores.tolist() == [2, 1, 0]
        assert marks.delete_vectors(["a"], [1], tenant="ada") == 1
        assert marks.search([9], field="a", tenant="ada").ids.tolist() == [2, 3]

    def test_what_is_no_set_changes_nothing(self, marks: CollectionApi) -> None:
        for wrong, message in [
            ([[1, -1]], "row 0 has the index -1"),
            ([{1: 2.0}], "row 0 has the value 2"),
            ([[1.5]], "indices of float64"),
            ([3], "row 0 is a int"),
        ]:
            with pytest.raises(vicinal.InvalidArgument, match=message):
                marks.upsert([9_999], wrong)
        assert marks.count() == N
