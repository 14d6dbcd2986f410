"""Searches by groups. A part of ``DatabaseConformance``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import BatchGroups, Bm25, Candidates, Dense, F, Group, Groups, Sparse
from vicinal.engine.api import CollectionApi, DatabaseApi

DIM = 4
ROWS = np.random.default_rng(8).standard_normal((40, DIM)).astype(np.float32)
AUTHORS: list[Any] = ["ada", "bob", ["ada", "cyd"], None, "dan", [], "bob", ["eve", "eve"]]
PAYLOADS = [
    {"author": AUTHORS[i % 8], "year": 1990 + i % 3, "text": f"t{i % 5} ship"} if i % 10 else {}
    for i in range(40)
]


def naive(order: list[int], path: str, k: int, size: int) -> list[tuple[Any, list[int]]]:
    found: dict[Any, list[int]] = {}
    for i in order:
        value = PAYLOADS[i].get(path)
        for one in dict.fromkeys(value if isinstance(value, list) else [value]):
            if one is not None:
                found.setdefault(one, []).append(i)
    return [(value, ids[:size]) for value, ids in list(found.items())[:k]]


def told(groups: Groups) -> list[tuple[Any, list[Any]]]:
    return [(group.value, group.hits.ids.tolist()) for group in groups]


class GroupConformance:
    """``group_by``, on a database that starts empty."""

    @pytest.fixture
    def books(self, db: DatabaseApi) -> CollectionApi:
        """A collection of which half is sealed."""
        vectors = {"rows": Dense(DIM, metric="dot"), "words": Sparse(encoder=Bm25("text"))}
        books = db.create_collection("books", vectors, fields={"author": "keyword"})
        books.upsert(range(20), {"rows": ROWS[:20]}, PAYLOADS[:20])
        books.merge()
        books.upsert(range(20, 40), {"rows": ROWS[20:]}, PAYLOADS[20:])
        return books

    def test_the_nearest_groups_with_their_nearest_hits(self, books: CollectionApi) -> None:
        queries = ROWS[:3] + 0.1
        orders = [np.argsort(-(ROWS @ query), kind="stable").tolist() for query in queries]
        for path, k, size in (("author", 3, 2), ("author", 10, 3), ("year", 2, 20), ("nothing", 3, 1)):
            batch = books.search(queries, k, field="rows", group_by=path, group_size=size)
            assert isinstance(batch, BatchGroups)
            assert len(batch) == 3
            for q, order in enumerate(orders):
                assert told(batch[q]) == naive(order, path, k, size)
                single = books.search(queries[q], k, field="rows", group_by=path, group_size=size)
                assert isinstance(single, Groups)
                assert told(single) == naive(order, path, k, size)
                for group in single:
                    ids = group.hits.ids.astype(int)
                    np.testing.assert_allclose(group.hits.scores, ROWS[ids] @ queries[q], rtol=1e-5)
        assert [type(value) for value in batch.groups.values] == []

    def test_filters_thresholds_and_points_searched_by(self, books: CollectionApi) -> None:
        order = np.argsort(-(ROWS @ ROWS[5]), kind="stable").tolist()
        some = [i for i in order if PAYLOADS[i].get("year") == 1991]
        said: dict[str, Any] = {"field": "rows", "group_by": "author", "group_size": 2}
        assert told(books.search(ROWS[5], 9, filter=F("year") == 1991, **said)) == naive(some, "author", 9, 2)
        batch = books.search(ROWS[[5, 5]], 9, filter=[None, F("year") == 1991], **said)
        assert told(batch[0]) == naive(order, "author", 9, 2)
        assert told(batch[1]) == naive(some, "author", 9, 2)
        near = [i for i in order if float(ROWS[i] @ ROWS[5]) >= 0.5]
        assert told(books.search(ROWS[5], 9, score_threshold=0.5, **said)) == naive(near, "author", 9, 2)
        others = [i for i in order if i != 5]
        assert told(books.search(by_id=5, k=9, **said)) == naive(others, "author", 9, 2)
        assert told(books.search(by_id=[5, 6], k=9, **said)[0]) == naive(others, "author", 9, 2)
        words = books.search("ship", 9, field="words", group_by="author")
        assert set(words.values) == {"ada", "bob", "cyd", "dan", "eve"}

    def test_hits_carry_what_was_asked_for(self, books: CollectionApi) -> None:
        groups = books.search(
            ROWS[1], 2, field="rows", group_by="author", with_payload=["year"], with_vectors=True
        )
        assert isinstance(groups[0], Group)
        assert [type(group) for group in groups[:2]] == [Group, Group]
        for hit in groups[0].hits:
            assert hit.payload.keys() == {"year"}
            np.testing.assert_array_equal(hit.vectors["rows"], ROWS[hit.id])
        assert repr(groups).startswith("Groups([Group(value='")
        assert groups.hits.ids.shape == (2, 3)
        assert groups[-1].value == groups.values[1]
        bare = books.search(ROWS[1], 2, field="rows", group_by="author", with_payload=False)
        assert bare[0].hits[0].payload == {}
        assert len(books.search(ROWS[:0], 2, field="rows", group_by="author")) == 0

    def test_they_are_explained(self, books: CollectionApi) -> None:
        said: dict[str, Any] = {"field": "rows", "group_by": "author", "group_size": 4}
        for query in (ROWS[3], ROWS[3:5]):
            explained, groups = books.explain(query, 5, **said), books.search(query, 5, **said)
            if isinstance(groups, BatchGroups):
                every = groups.groups
                assert list(map(told, explained.groups)) == list(map(told, groups))
            else:
                every = groups
                assert told(explained.groups) == told(groups)
            assert explained.hits.ids.tolist() == every.hits.ids.tolist()
            assert explained.queries == query.size // DIM
            assert explained.searches > 1
            # A search leaves out segments in which its filter lets nothing through.
            assert explained.searches <= len(explained.segments) <= 2 * explained.searches
            assert explained.rescored >= every.hits.counts.sum()
            assert {"filter", "search", "group"} <= explained.stages.keys()
            assert f"in {explained.searches} searches" in str(explained)
        assert not explained.unindexed
        by_year = books.explain(ROWS[3], field="rows", group_by="year", filter=F("author") == "bob")
        assert by_year.unindexed == {"year": "integer"}
        assert books.explain(ROWS[3], field="rows").groups is None

    def test_groups_of_more_queries_than_go_at_once(self, books: CollectionApi) -> None:
        queries = np.resize(ROWS[:6], (1050, DIM))
        batch = books.search(queries, 2, field="rows", group_by="author", group_size=1)
        assert len(batch) == 1050
        order = np.argsort(-(ROWS @ queries[1048]), kind="stable").tolist()
        assert told(batch[1048]) == naive(order, "author", 2, 1)

    def test_what_makes_no_sense_is_refused(self, db: DatabaseApi, books: CollectionApi) -> None:
        wrong: list[tuple[str, dict[str, Any]]] = [
            ("group_by", {"group_by": 7}),
            ("group_by", {"group_by": "a..b"}),
            ("group_size", {"group_by": "author", "group_size": 0}),
            ("group_size", {"group_by": "author", "group_size": 1001}),
            ("group_size", {"group_size": 3}),
            ("offset", {"group_by": "author", "offset": 1}),
            ("candidates", {"group_by": "author", "candidates": Candidates(ROWS[0], field="rows")}),
        ]
        for field, said in wrong:
            with pytest.raises(vicinal.InvalidArgument) as caught:
                books.search(ROWS[0], field="rows", **said)
            assert caught.value.field == field
        strict = db.create_collection("strict", Dense(DIM), fields={"year": "integer"}, strict=True)
        strict.upsert([1, 2], ROWS[:2], [{"year": 1, "free": 1}, {"year": [1, 2], "free": 2}])
        with pytest.raises(vicinal.UnindexedField, match="free") as unindexed:
            strict.search(ROWS[0], group_by="free")
        assert unindexed.value.field == "group_by"
        assert sorted(strict.search(ROWS[0], group_by="year").values) == [1, 2]

    def test_groups_are_of_the_tenants_own_points(self, db: DatabaseApi) -> None:
        rooms = db.create_collection("rooms", Dense(DIM), partitioned=True)
        for tenant, ids in (("ada", range(10)), ("bob", range(10, 20))):
            rooms.upsert(ids, ROWS[list(ids)], [{"of": [tenant, i % 3]} for i in ids], tenant=tenant)
        for _ in range(2):
            for tenant, ids in (("ada", set(range(10))), ("bob", set(range(10, 20)))):
                groups = rooms.search(ROWS[0], 9, group_by="of", group_size=20, tenant=tenant)
                assert set(map(str, groups.values)) == {tenant, "0", "1", "2"}
                assert {i for group in groups for i in group.hits.ids.tolist()} == ids
            rooms.merge()
        assert len(rooms.search(ROWS[0], group_by="of", tenant="cyd")) == 0
