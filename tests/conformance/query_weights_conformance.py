"""Queries of tokens or indices whose weights the field has, in every kind of database."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, InvalidArgument, Sparse
from vicinal.engine.api import CollectionApi, DatabaseApi

TABLE = {"red": 2.0, "shoes": 0.5, "hat": -1.0, "never seen": 7.0}
DOCUMENTS = [{"red": 1.0, "shoes": 2.0}, {"hat": 4.0, "red": 0.5}, {"blue": 9.0}]


def answers(points: CollectionApi, query: Any, **options: Any) -> list[tuple[Any, float]]:
    return [(hit.id, hit.score) for hit in points.search(query, k=3, **options)]


class QueryWeightsConformance:
    """A list of terms is the query that the table makes of it."""

    def test_lists_of_tokens(self, db: DatabaseApi) -> None:
        words = db.create_collection("words", Sparse(tokens=True, query_weights=TABLE))
        words.upsert([1, 2, 3], DOCUMENTS)
        said: list[tuple[list[str], dict[str, float]]] = [
            (["red", "shoes"], {"red": 2.0, "shoes": 0.5}),
            # Each counts once, and what has no weight not at all.
            (["red", "hat", "red", "blue", "nobody", "never seen"], {"red": 2.0, "hat": -1.0}),
            (["blue"], {}),
        ]
        for _ in range(2):
            for listed, weights in said:
                expected = answers(words, weights)
                assert answers(words, listed) == expected
                assert answers(words, np.array(listed)) == expected
                np.testing.assert_array_equal(words.score(listed, [1, 2, 3]), words.score(weights, [1, 2, 3]))
            many = words.search([listed for listed, _ in said] + [[]], k=3)
            assert [[hit.score for hit in hits] for hits in many] == [
                [score for _, score in answers(words, weights)] for _, weights in [*said, ([], {})]
            ]
            assert answers(words, {"blue": 1.0}) == [(3, 9.0), (1, 0.0), (2, 0.0)]
            words.merge()
        assert words.explain(["red"], k=1).hits[0].id == 1

    def test_lists_of_indices(self, db: DatabaseApi) -> None:
        terms = db.create_collection("terms", Sparse(query_weights={3: 2.0, np.uint32(70): 0.5}))
        terms.upsert([1, 2, 3], [{3: 1.0, 70: 2.0}, {3: 0.5, 4: 1.0}, {4: 9.0}])
        expected = answers(terms, {3: 2.0, 70: 0.5})
        for listed in ([70, 3], [3, 70, 3, 4], np.array([70, 4, 3]), [np.int64(3), 70]):
            assert answers(terms, listed) == expected
        many = terms.search([np.array([70, 3]), np.array([4]), np.array([], np.int64)], k=3)
        assert [[hit.score for hit in hits] for hits in many] == [[3.0, 1.0, 0.0], [0.0] * 3, [0.0] * 3]
        # Two numbers each are pairs, here as everywhere.
        assert answers(terms, [[3, 2.0], [70, 0.5]]) == expected
        with pytest.raises(InvalidArgument, match="row 0 has the index -1"):
            terms.search([3, -1])

    def test_the_schema_tells_a_table_by_its_digest(self, db: DatabaseApi) -> None:
        field = Sparse(tokens=True, query_weights=TABLE)
        words = db.create_collection("words", field)
        found = db.collection("words").schema.vectors["vector"]
        assert found == words.schema.vectors["vector"] == field
        assert isinstance(found, Sparse)
        assert found.query_weights is not None
        assert len(found.query_weights) == len(TABLE)
        same = Sparse(tokens=True, query_weights=dict(reversed(TABLE.items())))
        words.upsert([1], DOCUMENTS[:1])
        assert db.get_or_create_collection("words", same).count() == 1
        for other in (TABLE | {"red": 2.5}, TABLE | {"one more": 1.0}):
            with pytest.raises(vicinal.AlreadyExists, match="query_weights"):
                db.get_or_create_collection("words", Sparse(tokens=True, query_weights=other))
        with pytest.raises(InvalidArgument, match="pass the mapping of weights"):
            db.create_collection("copy", found)
        assert db.collections() == ["words"]

    def test_a_table_comes_and_goes_with_its_field(self, db: DatabaseApi) -> None:
        points = db.create_collection("points", {"plot": Dense(2)})
        for weight in (1.0, 3.0):
            points.add_vector_field("words", Sparse(tokens=True, query_weights={"red": weight}))
            points.upsert([1], {"words": [{"red": 2.0}]})
            assert answers(points, ["red"], field="words") == [(1, 2.0 * weight)]
            points.drop_vector_field("words")

    def test_lists_need_a_table(self, db: DatabaseApi) -> None:
        for name, field, listed in (("a", Sparse(tokens=True), ["red"]), ("b", Sparse(), [3, 4])):
            points = db.create_collection(name, field)
            for query in (listed, np.array(listed)):
                with pytest.raises(InvalidArgument, match=r"without weights.*Sparse\(query_weights="):
                    points.search(query)
        words = db.create_collection("words", Sparse(tokens=True, query_weights=TABLE))
        with pytest.raises(InvalidArgument, match="row 0 has nan for the token 'red'"):
            words.search({"red": float("nan")})
        with pytest.raises(InvalidArgument, match="row 0"):
            words.upsert([1], [["red", "shoes"]])
        with pytest.raises(InvalidArgument, match="the token '' of 0 bytes"):
            words.search(["red", ""])

    @pytest.mark.parametrize(
        ("given", "tokens", "told"),
        [
            ({}, True, "has 0 entries; pass a mapping of 1 to 131,072 tokens"),
            ([("red", 1.0)], True, "is \\[\\('red', 1.0\\)\\]; pass a mapping"),
            ({"red": float("inf")}, True, "has the weight inf for 'red'"),
            ({"red": True}, True, "has the weight True for 'red'"),
            ({"": 1.0}, True, "has the key ''"),
            ({"x" * 256: 1.0}, True, "has the key 'xxx"),
            ({1: 1.0}, True, "has the key 1; .* as the field has tokens=True"),
            ({"red": 1.0}, False, "has the key 'red'; .* or say tokens=True"),
            ({-1: 1.0}, False, "has the key -1"),
            ({2**32: 1.0}, False, "has the key 4294967296"),
            ({1.5: 1.0}, False, "has the key 1.5"),
            (dict.fromkeys(range(131_073), 1.0), False, "has 131,073 entries"),
        ],
    )
    def test_what_is_no_table_is_refused(self, given: Any, tokens: bool, told: str) -> None:
        with pytest.raises(InvalidArgument, match=told) as refused:
            Sparse(tokens=tokens, query_weights=given)
        assert refused.value.field == "query_weights"
