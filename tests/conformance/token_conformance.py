"""Sparse vectors by token, in every kind of database."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, InvalidArgument, PartialVectors, Sparse
from vicinal.engine.api import CollectionApi, DatabaseApi

Weights = dict[str, float]

DOCUMENTS: dict[int, Weights] = {
    1: {"red": 1.0, "shoes": 2.0},
    2: {"red": 0.5, "ärm": -1.5, "日本": 4.0},
    3: {"a b\n": 1.0, "0": 0.0},
    4: {},
}


def score(query: Weights, document: Weights) -> float:
    return sum(weight * document.get(token, 0.0) for token, weight in query.items())


def check(points: CollectionApi, model: dict[int, Weights], field: str, **scope: Any) -> None:
    """Compare all that is answered with a dict."""
    ids = sorted(model)
    for i, point in zip(ids, points.get(ids, with_vectors=True, **scope), strict=True):
        assert point is not None
        assert point.vectors[field] == model[i]
    page = points.scroll(with_vectors=[field], **scope)
    assert {point.id: point.vectors[field] for point in page.points} == model
    queries: list[Weights] = [{"red": 2.0}, {"日本": 1.0, "unheard of": 5.0}, {"unheard of": 1.0}, {}]
    many = points.search(queries, k=len(ids), field=field, with_vectors=True, **scope)
    for query, several in zip(queries, many, strict=True):
        hits = points.search(query, k=len(ids), field=field, with_vectors=True, **scope)
        assert [hit.score for hit in hits] == sorted((score(query, d) for d in model.values()), reverse=True)
        assert {hit.id: hit.vectors[field] for hit in hits} == model
        assert {hit.id: hit.score for hit in hits} == {i: score(query, d) for i, d in model.items()}
        assert [*several] == [*hits]


class TokenConformance:
    """What is given by token is asked and answered by token."""

    @pytest.fixture
    def words(self, db: DatabaseApi) -> CollectionApi:
        return db.create_collection("words", Sparse(tokens=True))

    def test_vectors_by_token(self, words: CollectionApi) -> None:
        assert words.schema.vectors["vector"] == Sparse(tokens=True)
        words.upsert(list(DOCUMENTS), list(DOCUMENTS.values()))
        check(words, DOCUMENTS, "vector")
        words.flush()
        check(words, DOCUMENTS, "vector")
        changed = DOCUMENTS | {2: {"new": 1.0}, 5: {"red": 3.0}}
        words.upsert([2, 5], [changed[2], (["red", "red"], np.array([1.0, 2.0]))])
        check(words, changed, "vector")
        words.merge()
        check(words, changed, "vector")
        forms = [
            [("a", 1.0), ["b", 2]],
            {"tokens": ["a", "b"], "values": [1.0, 2.0]},
            {"a": 1, "b": np.int8(2)},
        ]
        words.upsert([6, 7, 8], forms)
        for form in forms:
            hits = words.search(form, k=3, with_vectors=True)
            assert [hit.vectors["vector"] for hit in hits] == [{"a": 1.0, "b": 2.0}] * 3

    def test_vectors_of_some(self, db: DatabaseApi) -> None:
        both = db.create_collection("both", {"plot": Dense(2), "words": Sparse(tokens=True)})
        both.upsert([1, 2, 3], {"words": [{"red": 1.0}, None, {"blue": 2.0}]})
        assert both.update_vectors([1, 2, 9], {"words": [None, {"green": 3.0}, {"nobody": 1.0}]}) == 2
        both.update_vectors([3], {"words": PartialVectors([{"blue": 1.0, "red": 1.0}], [True])})
        both.update_vectors([1], {"plot": [[1.0, 2.0]]})
        found = [point.vectors.get("words") for point in both.get([1, 2, 3], with_vectors=True) if point]
        assert found == [{"red": 1.0}, {"green": 3.0}, {"blue": 1.0, "red": 1.0}]
        assert both.delete_vectors(["words"], [1]) == 1
        hits = both.search({"red": 1.0, "green": 1.0}, field="words", with_vectors=["words"])
        assert [(hit.id, hit.vectors["words"]) for hit in hits] == [
            (2, {"green": 3.0}),
            (3, {"blue": 1.0, "red": 1.0}),
        ]

    def test_by_the_vectors_of_points(self, words: CollectionApi) -> None:
        words.upsert(list(DOCUMENTS), list(DOCUMENTS.values()))
        hits = words.search(by_id=1, k=1, with_vectors=True)
        assert [(hit.id, hit.score, hit.vectors["vector"]) for hit in hits] == [(2, 0.5, DOCUMENTS[2])]
        assert [hits.ids.tolist() for hits in words.search(by_id=[1, 2], k=1)] == [[2], [1]]

    def test_answers_outlive_what_they_were_asked_of(self, words: CollectionApi, db: DatabaseApi) -> None:
        words.upsert(list(DOCUMENTS), list(DOCUMENTS.values()))
        words.flush()
        hits = words.search({"red": 1.0}, k=4, with_vectors=True)
        several = words.search([{"red": 1.0}], k=4, with_vectors=True)
        db.drop_collection("words")
        for answer in (hits, pickle.loads(pickle.dumps(hits)), several[0]):
            assert {hit.id: hit.vectors["vector"] for hit in answer} == DOCUMENTS
        db.close()
        assert {hit.id: hit.vectors["vector"] for hit in several[0]} == DOCUMENTS

    def test_a_field_is_dropped_with_its_tokens(self, words: CollectionApi) -> None:
        words.upsert(list(DOCUMENTS), list(DOCUMENTS.values()))
        words.add_vector_field("more", Sparse(tokens=True))
        words.update_vectors([1], {"more": [{"other": 1.0}]})
        words.drop_vector_field("more")
        words.add_vector_field("more", Sparse(tokens=True))
        words.update_vectors([1, 2], {"more": [{"red": 1.0}, {"other": 2.0}]})
        check(words, DOCUMENTS, "vector")
        hits = words.search({"other": 1.0}, k=1, field="more", with_vectors=["more"])
        assert [(hit.id, hit.vectors["more"]) for hit in hits] == [(2, {"other": 2.0})]

    def test_a_collection_is_made_again_without_tokens_of_before(self, db: DatabaseApi) -> None:
        for token in ("red", "blue"):
            words = db.create_collection("words", Sparse(tokens=True))
            words.upsert([1], [{token: 1.0}])
            (hit,) = words.search({"red": 1.0, "blue": 2.0}, with_vectors=True)
            assert hit.vectors["vector"] == {token: 1.0}
            if token == "red":
                db.rename_collection("words", "old")
                (hit,) = db.collection("old").search({"red": 2.0}, with_vectors=True)
                assert (hit.score, hit.vectors["vector"]) == (2.0, {"red": 1.0})
                db.drop_collection("old")

    def test_tenants_know_tokens_of_their_own(self, db: DatabaseApi) -> None:
        words = db.create_collection("words", Sparse(tokens=True), partitioned=True)
        words.upsert([1, 2], [{"zebra": 1.0}, {"red": 2.0}], tenant="ada")
        words.upsert([1], [{"red": 1.0, "apple": 1.0, "zoo": 1.0}], tenant="ben")
        for _ in range(2):
            (hit,) = words.search({"red": 1.0, "zebra": 9.0}, tenant="ben", with_vectors=True)
            # In the order of their texts: that of ids would tell which of them others had before.
            assert [*hit.vectors["vector"]] == ["apple", "red", "zoo"]
            assert hit.score == 1.0
            (point,) = words.get([1], tenant="ben", with_vectors=True)
            assert point is not None
            assert [*point.vectors["vector"]] == ["apple", "red", "zoo"]
            words.merge()

    def test_the_cosine_counts_tokens_that_nobody_has(self, db: DatabaseApi) -> None:
        field = Sparse(tokens=True, metric="cosine")
        words = db.create_collection("words", field, partitioned=True)
        words.upsert([1], [{"red": 2.0}], tenant="ada")
        query = {"red": 3.0, "secret": 4.0}
        for _ in range(2):
            (hit,) = words.search(query, tenant="ada")
            assert hit.score == pytest.approx(0.6)
            np.testing.assert_allclose(words.score(query, [1], tenant="ada"), [0.6], rtol=1e-6)
            # What another tenant has changes nothing.
            words.upsert([1], [{"secret": 1.0}], tenant="ben")
            words.flush()

    def test_frames_have_tokens(self, words: CollectionApi) -> None:
        arrow = pytest.importorskip("pyarrow")
        words.upsert(list(DOCUMENTS), list(DOCUMENTS.values()))
        table = words.scroll(with_vectors=True).to_arrow()
        assert table.column("vector").to_pylist() == [
            {"tokens": sorted(d), "values": [d[token] for token in sorted(d)]} for d in DOCUMENTS.values()
        ]
        frame = arrow.table({"v": table.column("vector")})
        words.upsert([11, 12, 13, 14], frame.column("v"))
        check(words, DOCUMENTS | {i + 10: d for i, d in DOCUMENTS.items()}, "vector")
        hits = words.search({"red": 1.0}, k=1, with_vectors=True).to_arrow()
        assert hits.column("vector").to_pylist() == [{"tokens": ["red", "shoes"], "values": [1.0, 2.0]}]

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({7: 1.0}, r"row 1 has 7 \(int\) in the place of a token.*without tokens=True"),
            (([7], [1.0]), r"row 1 has 7 \(int\) in the place of a token"),
            ({"": 1.0}, "row 1 has the token '' of 0 bytes; a token is a text of 1 to 255 bytes"),
            ({"é" * 128: 1.0}, "row 1 has the token 'é+' of 256 bytes"),
            ({"\ud800": 1.0}, "row 1 has the token"),
            ({"red": float("nan")}, "row 1 has nan for the token 'red'"),
            ({"red": 1e30}, "row 1 has 1e\\+30 for the token 'red'"),
            ({"red": "1"}, "row 1 has the value '1'; pass numbers"),
            ({"red": True}, "row 1 has the value True; pass numbers"),
            ({"red": 10**400}, "a value beyond those of float64"),
            ((["red"], [1.0, 2.0]), "row 1 has not one list of tokens and one of as many values"),
            (
                ["red", "shoes"],
                r"row 1 is a list, whose entries are \(token, value\) pairs, and has 'red' at 0",
            ),
            ("red", "row 1 is a str; pass"),
            (5, "row 1 is a int; pass"),
        ],
    )
    def test_what_is_no_vector_is_refused_with_its_row(
        self, words: CollectionApi, wrong: Any, told: str
    ) -> None:
        with pytest.raises(InvalidArgument, match=told) as refused:
            words.upsert([1, 2], [{"new": 1.0}, wrong])
        assert refused.value.field == "vectors['vector']"
        assert words.count() == 0
        with pytest.raises(InvalidArgument, match=told):
            words.search([{"new": 1.0}, wrong])

    def test_indices_and_tokens_do_not_mix(self, db: DatabaseApi, words: CollectionApi) -> None:
        for wrong in (np.eye(2), [[1.0, 2.0]], [{1.0}]):
            with pytest.raises(InvalidArgument, match="token"):
                words.upsert([1], wrong)
        indexed = db.create_collection("indexed", Sparse())
        for one in ({"red": 1.0}, (["red"], [1.0])):
            with pytest.raises(InvalidArgument, match=r"row 0 has the token 'red'.*Sparse\(tokens=True\)"):
                indexed.upsert([1], [one])
            with pytest.raises(InvalidArgument, match=r"Sparse\(tokens=True\)"):
                indexed.search(one)
        with pytest.raises(InvalidArgument, match="tokens is 1; pass True or False"):
            Sparse(tokens=1)  # type: ignore[arg-type]
        with pytest.raises(vicinal.AlreadyExists, match="tokens"):
            db.get_or_create_collection("indexed", Sparse(tokens=True))
