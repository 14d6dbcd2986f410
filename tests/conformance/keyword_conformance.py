"""What every kind of database does with texts: keyword search by BM25, over what is alive."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
import Stemmer

import vicinal
from vicinal import Bm25, Dense, F, InvalidArgument, Sparse, has_vector
from vicinal.engine.api import CollectionApi, DatabaseApi

K1, B = 1.2, 0.75
WORDS = ["red", "shoes", "running", "runs", "hat", "Blue", "the", "of", "sky", "café"]
QUERIES = ["red shoes", "Running the", "unheard-of", "", "shoe shoe cafe\u0301"]
stem = Stemmer.Stemmer("english").stemWord


def terms_of(text: str) -> list[str]:
    return [stem(word) for word in re.findall(r"\w+", text.replace("e\u0301", "é").lower())]


def bm25_scores(texts: dict[int, str], query: str, k1: float = K1, b: float = B) -> dict[int, float]:
    """Return the score of each text that shares a term with the query, by the formula."""
    rows = {key: Counter(terms_of(text)) for key, text in texts.items()}
    average = sum(sum(row.values()) for row in rows.values()) / max(1, len(rows)) or 1.0
    scores = {}
    for key, row in rows.items():
        score = 0.0
        for term, times in Counter(terms_of(query)).items():
            df = sum(term in other for other in rows.values())
            idf = math.log(1 + (len(rows) - df + 0.5) / (df + 0.5))
            tf = row[term]
            score += times * idf * tf / (tf + k1 * (1 - b + b * sum(row.values()) / average)) if tf else 0.0
        if score:
            scores[key] = score
    return scores


def drawn_texts(n: int, seed: int) -> dict[int, str]:
    rng = np.random.default_rng(seed)
    return {i: " ".join(rng.choice(WORDS, rng.integers(1, 12)).tolist()) for i in range(n)}


def agrees(points: CollectionApi, texts: dict[int, str], **options: Any) -> None:
    """Assert that texts are found, and scored, as the formula says; points without a text are not."""
    batch = points.search(QUERIES, k=len(texts) + 1, field="body", **options)
    assert len(batch) == len(QUERIES)
    for query, several in zip(QUERIES, batch, strict=True):
        expected = bm25_scores(texts, query)
        hits = points.search(query, k=len(texts) + 1, field="body", **options)
        assert {hit.id: hit.score for hit in hits} == pytest.approx(expected, abs=1e-4)
        # Equal scores come in the order of segments, which background work may merge meanwhile.
        assert {hit.id: hit.score for hit in hits} == {hit.id: hit.score for hit in several}
        assert (np.diff(hits.scores) <= 0).all()
        scored = points.score(query, sorted(texts), field="body", **options)
        np.testing.assert_allclose(scored, [expected.get(i, 0.0) for i in sorted(texts)], atol=1e-4)


class KeywordConformance:
    """Texts of the payload are found by words, on a database that starts empty."""

    @pytest.fixture
    def pages(self, db: DatabaseApi) -> CollectionApi:
        fields = {"body": Sparse(encoder=Bm25("page.body")), "plot": Dense(2)}
        return db.create_collection("pages", fields, fields={"year": "integer"})

    def test_texts_are_found_by_words(self, pages: CollectionApi) -> None:
        assert pages.schema.vectors["body"] == Sparse(encoder=Bm25("page.body"))
        texts = drawn_texts(60, 0)
        agrees(pages, {})
        for first in range(0, 60, 20):
            part = range(first, first + 20)
            pages.upsert(part, {"plot": np.ones((20, 2))}, [{"page": {"body": texts[i]}} for i in part])
            pages.flush()
            agrees(pages, {i: texts[i] for i in range(first + 20)})
        replaced = drawn_texts(18, 1)
        pages.upsert(list(replaced), None, [{"page": {"body": text}} for text in replaced.values()])
        texts |= replaced
        agrees(pages, texts)
        pages.delete(range(20, 30))
        texts = {i: text for i, text in texts.items() if not 20 <= i < 30}
        agrees(pages, texts)
        pages.merge()
        agrees(pages, texts)
        top = pages.search("red shoes", k=3, field="body")
        assert list(pages.search("red shoes", k=2, offset=1, field="body").ids) == list(top.ids[1:3])
        told = pages.explain("red shoes", field="body")
        assert told.weighting.n_vectors == len(texts)
        assert told.weighting.average_length == pytest.approx(
            np.mean([len(terms_of(t)) for t in texts.values()])
        )
        assert "bm25" in str(told)

    def test_what_a_payload_has_for_a_text(self, pages: CollectionApi) -> None:
        payloads: list[Any] = [
            {"page": {"body": ["red shoes", 7, None, "hat"]}},
            {"page": [{"body": "red"}, {"body": ["hat", "sky"]}, {"other": "shoes"}]},
            {"page": {"body": ""}},
            {"page": {"body": 7}},
            {"page": {"body": [None]}},
            {"page": "red"},
            {},
            None,
        ]
        pages.upsert(range(8), None, payloads)
        texts = {0: "red shoes hat", 1: "red hat sky", 2: ""}
        agrees(pages, texts)
        assert pages.count(filter=has_vector("body")) == 3
        found = pages.get(range(8), with_vectors=["body"])
        assert [point.vectors for point in found[:4]] == [
            {"body": {"red": 1.0, "shoe": 1.0, "hat": 1.0}},
            {"body": {"red": 1.0, "hat": 1.0, "sky": 1.0}},
            {"body": {}},
            {},
        ]

    def test_payloads_that_change_are_encoded_again(self, pages: CollectionApi) -> None:
        texts = drawn_texts(12, 3)
        pages.upsert(list(texts), None, [{"page": {"body": t}, "year": 1} for t in texts.values()])
        pages.flush()
        pages.update_payload({"page": {"body": "blue hats"}}, [0, 1])
        pages.update_payload({"body": "running red"}, [2], key="page")
        pages.update_payload([{"year": 2}, {"page": {"body": "sky"}}], [3, 4], replace=True)
        pages.delete_payload(["page.body"], [5])
        pages.clear_payload([6])
        pages.update_payload({"year": 4}, filter=F("year") == 1)
        texts |= {0: "blue hats", 1: "blue hats", 2: "running red", 4: "sky"}
        for gone in (3, 5, 6):
            del texts[gone]
        agrees(pages, texts)
        pages.upsert([0, 50], None, [{"page": {"body": "a"}}] * 2, mode="insert_only")
        pages.upsert([1, 51], None, [{"page": {"body": "red of b"}}] * 2, mode="update_only")
        pages.upsert([2, 4], None, [{"page": {"body": "c hat"}}] * 2, only_if=F("year") == 4)
        texts |= {50: "a", 1: "red of b", 2: "c hat"}
        agrees(pages, texts)
        pages.merge()
        agrees(pages, texts)

    def test_vectors_are_made_and_not_given(self, pages: CollectionApi) -> None:
        pages.upsert([1], {"body": None, "plot": [[1, 2]]}, [{"page": {"body": "red"}}])
        for refused in (
            lambda: pages.upsert([1], {"body": [{"red": 1.0}]}, [{"page": {"body": "blue"}}]),
            lambda: pages.update_vectors([1], {"body": [{"red": 1.0}]}),
            lambda: pages.delete_vectors(["body"], [1]),
            lambda: pages.delete_vectors(["plot", "body"], [1]),
        ):
            with pytest.raises(InvalidArgument, match=r"'body'.* payload field 'page\.body'"):
                refused()
        pages.update_vectors([1], {"plot": [[3, 4]]})
        pages.delete_vectors(["plot"], [1])
        agrees(pages, {1: "red"})

    def test_a_collection_of_texts_alone(self, db: DatabaseApi) -> None:
        texts = drawn_texts(20, 4)
        pages = db.create_collection("texts", Sparse(encoder=Bm25("body", language=None, k1=0.9, b=0.4)))
        pages.upsert(list(texts), payloads=[{"body": text} for text in texts.values()])
        hits = pages.search("runs")
        assert set(hits.ids) == {i for i, text in texts.items() if "runs" in text.split()}
        with pytest.raises(InvalidArgument, match="makes its own"):
            pages.upsert([1], [{"red": 1.0}])
        # Terms are taken too, with weights of their own, and so are texts that are stored.
        assert list(pages.search({"runs": 2.0}).scores) == pytest.approx(2 * hits.scores)
        like = pages.search(by_id=int(hits.ids[0]), k=3)
        assert len(like) == 3
        assert hits.ids[0] not in like.ids

    def test_tenants_have_scores_of_their_own(self, db: DatabaseApi) -> None:
        field = Sparse(encoder=Bm25("body"))
        rooms = db.create_collection("rooms", {"body": field}, partitioned=True)
        ada = drawn_texts(30, 5)
        rooms.upsert(list(ada), None, [{"body": text} for text in ada.values()], tenant="ada")
        for n in range(3):
            agrees(rooms, ada, tenant="ada")
            bob = drawn_texts(40, 6 + n) | {50: f"something red only bob{n} has"}
            rooms.upsert(list(bob), None, [{"body": text} for text in bob.values()], tenant="bob")
            agrees(rooms, bob, tenant="bob")
            agrees(rooms, ada, tenant="ada")
            assert len(rooms.search(f"bob{n}", tenant="ada")) == 0
            rooms.flush()
        rooms.merge()
        agrees(rooms, ada, tenant="ada")
        agrees(rooms, {}, tenant="carol")

    def test_queries_that_are_none(self, pages: CollectionApi) -> None:
        pages.upsert([1], None, [{"page": {"body": "red"}}])
        assert len(pages.search([], field="body")) == 0
        for wrong in (7, ["red", 7], [["red"]], b"red"):
            with pytest.raises(InvalidArgument):
                pages.search(wrong, field="body")
        with pytest.raises(InvalidArgument):
            pages.search("red", field="plot")
        pages.add_vector_field("plain", Sparse())
        with pytest.raises(InvalidArgument):
            pages.search("red", field="plain")

    def test_encoders_that_cannot_be(self, db: DatabaseApi) -> None:
        for wrong, match in [
            (lambda: Bm25("body", language="klingon"), "english"),
            (lambda: Bm25("a..b"), "dot"),
            (lambda: Bm25("body", k1=-1), "k1"),
            (lambda: Bm25("body", b=1.5), "b is"),
            (lambda: Sparse(encoder="body"), "Bm25"),
            (lambda: Sparse(encoder=Bm25("body"), idf=True), "idf"),
            (lambda: Sparse(encoder=Bm25("body"), metric="cosine"), "metric"),
            (lambda: Sparse(encoder=Bm25("body"), tokens=True), "tokens"),
        ]:
            with pytest.raises(vicinal.InvalidArgument, match=match):
                wrong()
