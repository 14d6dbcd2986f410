"""Keyword search beside bm25s, across replacements, crashes, followers, and fields that come later."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import pytest
from conformance.keyword_conformance import agrees, bm25_scores, drawn_texts

import vicinal
from vicinal import Bm25, Dense, Sparse, has_vector
from vicinal.bench.demo import sample
from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.engine.text.analyzer import analyzer
from vicinal.engine.writing import encode_stored
from vicinal.indexes.sparse import inverted
from vicinal.storage.verify.folder_check import check_folder

NOTHING_BY_ITSELF = vicinal.MergePolicySettings(quiet_seconds=1e9)
K1, B = 1.5, 0.6


def sample_texts() -> list[str]:
    return [payload["definition"] for payload in sample.load().payloads[:2200]]


def tokens(texts: Iterable[str]) -> list[list[str]]:
    made = [analyzer("english").counted([[text]]).row(0) for text in texts]
    return [[term for term, times in row.items() for _ in range(int(times))] for row in made]


def agrees_with_bm25s(pages: vicinal.Collection, texts: dict[int, str], **options: Any) -> None:
    other = bm25s.BM25(method="lucene", k1=K1, b=B)
    ids = np.array(list(texts))
    other.index(tokens(texts.values()), show_progress=False)
    queries = [*list(texts.values())[::211], "the quality of being a large animal", "of of of water"]
    batch = pages.search(queries, k=30, **options)
    for query, hits in zip(queries, batch, strict=True):
        scores = other.get_scores(tokens([query])[0])
        expected = {int(ids[i]): float(scores[i]) for i in np.flatnonzero(scores)}
        assert len(hits) == min(30, len(expected))
        alone = pages.search(query, k=30, **options)
        assert (alone.ids.tolist(), alone.scores.tolist()) == (hits.ids.tolist(), hits.scores.tolist())
        assert {hit.id: hit.score for hit in hits} == pytest.approx(
            {hit.id: expected[hit.id] for hit in hits}, abs=1e-4
        )
        np.testing.assert_allclose(hits.scores, sorted(expected.values(), reverse=True)[:30], atol=1e-4)


@pytest.mark.parametrize("tenants", [[None], ["ada", "bob"]], ids=["one", "tenants"])
def test_scores_are_those_of_bm25s(tenants: list[str | None]) -> None:
    """Also after 30 % of the texts were replaced, over sealed and growing rows, and for each tenant."""
    texts = sample_texts()
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        field = Sparse(encoder=Bm25("body", k1=K1, b=B))
        pages = db.create_collection("pages", field, partitioned=len(tenants) > 1)
        of = {name: dict(enumerate(texts[number :: len(tenants)])) for number, name in enumerate(tenants)}
        for tenant, own in of.items():
            pages.upsert(list(own), None, [{"body": text} for text in own.values()], tenant=tenant)
        pages.merge()
        for tenant, own in of.items():
            agrees_with_bm25s(pages, own, tenant=tenant)
            replaced = {i: own[i] + " " + own[i - 1] for i in range(3, len(own), 3)}
            pages.upsert(list(replaced), None, [{"body": t} for t in replaced.values()], tenant=tenant)
            own.update(replaced)
        for tenant, own in of.items():
            agrees_with_bm25s(pages, own, tenant=tenant)
        told = pages.explain("water", tenant=tenants[0])
        assert {part.kind for part in told.segments} >= {"index_search"}
        pages.merge()
        for tenant, own in of.items():
            agrees_with_bm25s(pages, own, tenant=tenant)


@pytest.mark.parametrize("partitioned", [False, True], ids=["one", "tenants"])
def test_a_field_that_comes_later_has_the_texts_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partitioned: bool
) -> None:
    monkeypatch.setattr(encode_stored, "_PART", 7)
    tenants = ["ada", "bob"] if partitioned else [None]
    texts = {tenant: drawn_texts(40, seed) for seed, tenant in enumerate(tenants)}
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        pages = db.create_collection("pages", {"plot": Dense(2)}, partitioned=partitioned)
        for tenant, own in texts.items():
            payloads = [{"body": text} for text in own.values()]
            pages.upsert(list(own), {"plot": np.full((40, 2), 3.0)}, payloads, tenant=tenant)
            pages.upsert([100, 101], {"plot": np.ones((2, 2))}, [{"body": 7}, None], tenant=tenant)
            pages.flush()
        pages.add_vector_field("body", Sparse(encoder=Bm25("body")))
        for tenant, own in texts.items():
            agrees(pages, own, tenant=tenant)
            assert pages.count(tenant=tenant) == 42
            assert pages.get([5], with_vectors=["plot"], tenant=tenant)[0].vectors["plot"].tolist() == [3, 3]
            assert pages.count(filter=has_vector("body"), tenant=tenant) == 40
        pages.drop_vector_field("body")
        pages.add_vector_field("body", Sparse(encoder=Bm25("body", language=None)))
        pages.merge()
    with vicinal.open(tmp_path / "db") as db:
        assert db.collection("pages").count(filter=has_vector("body"), tenant=tenants[0]) == 40
        assert len(db.collection("pages").search("shoe", field="body", tenant=tenants[0])) == 0
    assert check_folder(tmp_path / "db") == []


def test_filling_that_was_broken_off_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode_stored, "_PART", 7)
    texts = drawn_texts(40, 2)
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        pages = db.create_collection("pages", {"plot": Dense(2)})
        pages.upsert(list(texts), {"plot": np.ones((40, 2))}, [{"body": text} for text in texts.values()])
        field = Sparse(encoder=Bm25("body"))
        stop = threading.Event()

        def upsert_meanwhile() -> None:
            while not stop.is_set():
                pages.upsert([3], {"plot": np.ones((1, 2))}, [{"body": texts[3]}])

        writing = threading.Thread(target=upsert_meanwhile)
        writing.start()
        with pytest.raises(vicinal.DeadlineExceeded), vicinal.deadline(1e-9):
            pages.add_vector_field("body", field)
        for seconds in (0.001, 0.005, 60.0):
            try:
                with vicinal.deadline(seconds):
                    pages.add_vector_field("body", field)
            except vicinal.DeadlineExceeded:
                continue
        stop.set()
        writing.join()
        agrees(pages, texts)


def test_a_write_that_waited_while_the_field_came_is_encoded() -> None:
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        pages = db.create_collection("pages", {"plot": Dense(2)})
        texts: dict[int, str] = {}
        ready, stop = threading.Barrier(3), threading.Event()

        def write(first: int) -> None:
            ready.wait()
            n = first
            while not stop.is_set():
                pages.upsert([n], {"plot": np.ones((1, 2))}, [{"body": f"red w{n}"}])
                texts[n] = f"red w{n}"
                n += 2

        threads = [threading.Thread(target=write, args=(first,)) for first in (0, 1)]
        for thread in threads:
            thread.start()
        ready.wait()
        pages.add_vector_field("body", Sparse(encoder=Bm25("body")))
        stop.set()
        for thread in threads:
            thread.join()
        hits = pages.search("red", k=10_000, field="body")
        expected = bm25_scores(texts, "red")
        assert {hit.id: hit.score for hit in hits} == pytest.approx(expected, abs=1e-4)


_WRITER = """
import json, sys, vicinal
from vicinal import Bm25, Sparse
db = vicinal.open(sys.argv[1], merge_policy=vicinal.MergePolicySettings(quiet_seconds=0.01, seal_rows=64))
pages = db.get_or_create_collection("pages", {"body": Sparse(encoder=Bm25("body"))})
for n in range(10_000):
    pages.upsert([n, n % 17], None, [{"body": f"red shoes w{n}"}, {"body": f"blue v{n}"}])
    print(n, flush=True)
"""


def test_terms_survive_a_kill(tmp_path: Path) -> None:
    """Every term of an acknowledged write is found, and scores are those of what is stored."""
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path / "db")], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            last = -1
            for line in writer.stdout:
                last = int(line)
                if last == 40:
                    break
            writer.kill()
        with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
            pages = db.collection("pages")
            texts = {point.id: point.payload["body"] for point in pages.scroll(limit=10_000).points}
            assert len(texts) >= last
            for query in (f"w{last}", "blue", "red shoes"):
                hits = pages.search(query, k=1000)
                assert {hit.id: hit.score for hit in hits} == pytest.approx(
                    bm25_scores(texts, query), abs=1e-4
                )
        assert check_folder(tmp_path / "db") == []


def test_who_follows_finds_terms_as_they_are_written(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        pages = db.create_collection("pages", {"body": Sparse(encoder=Bm25("body"))})
        with vicinal.open(tmp_path / "db", read_only=True) as reader:
            following = reader.collection("pages")
            texts: dict[int, str] = {}
            for n in range(4):
                new = drawn_texts(9, n) | {9: f"only{n}"}
                pages.upsert(list(new), None, [{"body": text} for text in new.values()])
                texts |= new
                agrees(following, texts)
                assert list(following.search(f"only{n}").ids) == [9]
                (pages.flush if n % 2 else pages.merge)()
                agrees(following, texts)
            with pytest.raises(vicinal.ReadOnly):
                following.add_vector_field("more", Sparse(encoder=Bm25("body")))


def test_a_field_of_texts_is_kept_as_json() -> None:
    field = Sparse(encoder=Bm25("a.b", language=None, k1=2, b=0))
    schema = CollectionSchema({"body": field})
    record = json.loads(json.dumps(schema.to_json()))
    assert record["vectors"]["body"]["encoder"] == {
        "name": "bm25",
        "text": "a.b",
        "language": None,
        "k1": 2.0,
        "b": 0.0,
    }
    assert CollectionSchema.from_json(record) == schema
    for change in ({"name": "bm26"}, {"k1": "x"}, {"more": 1}):
        wrong = json.loads(json.dumps(record))
        wrong["vectors"]["body"]["encoder"] |= change
        with pytest.raises(vicinal.InvalidArgument):
            CollectionSchema.from_json(wrong)


def test_small_segments_have_no_index_and_the_same_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = drawn_texts(200, 9)
    for least in (1, 10**9):
        monkeypatch.setattr(inverted, "_MIN_ROWS", least)
        with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
            pages = db.create_collection("pages", {"body": Sparse(encoder=Bm25("body"))})
            pages.upsert(list(texts), None, [{"body": text} for text in texts.values()])
            pages.merge()
            agrees(pages, texts)
