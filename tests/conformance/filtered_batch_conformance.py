"""Batches of which each query has a filter of its own. A part of ``DatabaseConformance``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Candidates, Dense, F, Sparse
from vicinal.engine.api import CollectionApi, DatabaseApi

N, DIM = 60, 4
RNG = np.random.default_rng(3)
ROWS = RNG.standard_normal((N, DIM)).astype(np.float32)
ASKED = RNG.standard_normal((6, DIM)).astype(np.float32)
FILTERS: list[Any] = [
    F("half") == 1,
    None,
    {"must": [{"key": "half", "match": {"value": 1}}]},
    "free < 2 AND half = 0",
    F("half") == 7,
    None,
]


class FilteredBatchConformance:
    """``filter=[...]``, on a database that starts empty."""

    @pytest.fixture
    def cards(self, db: DatabaseApi) -> CollectionApi:
        """A collection of which half is sealed."""
        fields = {"rows": Dense(DIM), "terms": Sparse()}
        cards = db.create_collection("cards", fields, fields={"half": "integer"})
        for part in (range(N // 2), range(N // 2, N)):
            some = list(part)
            vectors = {"rows": ROWS[some], "terms": [(np.arange(DIM), np.abs(ROWS[i])) for i in some]}
            cards.upsert(some, vectors, [{"half": i % 2, "free": i % 5} for i in some])
            if 0 in part:
                cards.merge()
        return cards

    def test_each_query_has_the_hits_of_its_own_filter(self, cards: CollectionApi) -> None:
        for said in (
            {"field": "rows"},
            {"field": "rows", "offset": 3},
            {"field": "rows", "score_threshold": 0.1},
            {"field": "rows", "candidates": Candidates(field="rows", count=20, exact=True)},
        ):
            batch = cards.search(ASKED, 8, filter=FILTERS, **said)
            explained = cards.explain(ASKED, 8, filter=tuple(FILTERS), **said)
            for q, filter in enumerate(FILTERS):
                single = cards.search(ASKED[q], 8, filter=filter, **said)
                assert batch[q].ids.tolist() == single.ids.tolist()
                np.testing.assert_allclose(batch[q].scores, single.scores, rtol=1e-6)
                assert explained.hits[q].ids.tolist() == single.ids.tolist()
            assert batch.counts[4] == 0
            assert explained.unindexed == {"free": "integer"}
            assert explained.queries == 6
        terms = [(np.arange(DIM), np.abs(row)) for row in ASKED]
        batch = cards.search(terms, 8, field="terms", filter=FILTERS)
        alike = cards.search(by_id=[3, 4, 5, 6, 7, 8], k=8, field="rows", filter=FILTERS)
        for q, filter in enumerate(FILTERS):
            found = cards.search(terms[q], 8, field="terms", filter=filter)
            assert batch[q].ids.tolist() == found.ids.tolist()
            found = cards.search(by_id=3 + q, k=8, field="rows", filter=filter)
            assert alike[q].ids.tolist() == found.ids.tolist()

    def test_more_queries_than_go_at_once(self, cards: CollectionApi) -> None:
        queries = np.resize(ASKED, (1100, DIM))
        batch = cards.search(queries, 3, field="rows", filter=FILTERS[:3] * 366 + FILTERS[:2])
        assert len(batch) == 1100
        for q in (0, 1, 2, 999, 1000, 1001, 1099):
            single = cards.search(queries[q], 3, field="rows", filter=FILTERS[q % 3])
            assert batch[q].ids.tolist() == single.ids.tolist()

    def test_lists_of_another_length_are_refused(self, cards: CollectionApi) -> None:
        for query, filters in (
            (ASKED, FILTERS[:5]),
            (ASKED[0], FILTERS[:1]),
            (ASKED, []),
            (ASKED[:1], FILTERS),
        ):
            for ask in (cards.search, cards.explain):
                with pytest.raises(vicinal.InvalidArgument, match="list of") as caught:
                    ask(query, field="rows", filter=filters)
                assert caught.value.field == "filter"
        with pytest.raises(vicinal.InvalidArgument, match="filter is a int"):
            cards.search(ASKED[:2], field="rows", filter=[None, 7])
        with pytest.raises(vicinal.InvalidArgument, match="half"):
            cards.search(ASKED[:2], field="rows", filter=[None, F("half") == "x"])
        assert len(cards.search(ASKED[:0], field="rows", filter=[])) == 0

    def test_no_filter_of_a_query_reaches_another_tenant(self, db: DatabaseApi) -> None:
        rooms = db.create_collection("rooms", Dense(DIM), partitioned=True)
        for tenant, ids in (("ada", [1, 2]), ("bob", [3, 4])):
            rooms.upsert(ids, ROWS[:2], [{"beds": i} for i in ids], tenant=tenant)
        batch = rooms.search(ASKED[:3], filter=[None, F("beds") == 3, ~(F("beds") == 1)], tenant="ada")
        assert [sorted(hits.ids.tolist()) for hits in batch] == [[1, 2], [], [2]]
