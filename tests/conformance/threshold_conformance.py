"""Searches that leave out what is not near enough. A part of ``DatabaseConformance``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Bm25, Candidates, Dense, F, Multi, Sparse
from vicinal.engine.api import CollectionApi, DatabaseApi

N, DIM = 40, 8
RNG = np.random.default_rng(11)
ROWS = RNG.standard_normal((N, DIM)).astype(np.float32)
BITS = RNG.integers(0, 256, (N, 2), np.uint8)
TEXTS = [" ".join(["ship"] * (i % 4) + ["storm"] * (i % 3) + ["calm"]) for i in range(N)]
FIELDS: dict[str, Any] = {
    "cosine": Dense(DIM),
    "dot": Dense(DIM, metric="dot"),
    "l2": Dense(DIM, metric="l2"),
    "bits": Dense(16, element="binary", metric="hamming"),
    "terms": Sparse(),
    "words": Sparse(encoder=Bm25("text")),
    "tokens": Multi(DIM, element="float32"),
}
QUERIES: dict[str, Any] = {
    "cosine": ROWS[:3] + 0.5,
    "dot": ROWS[:3] + 0.5,
    "l2": ROWS[:3] + 0.5,
    "bits": BITS[:3],
    "terms": [(np.arange(DIM), np.abs(row)) for row in ROWS[:3]],
    "words": ["ship", "storm ship", "nothing"],
    "tokens": [np.stack([row, -row]) for row in ROWS[:3]],
}


def filled(db: DatabaseApi) -> CollectionApi:
    """Return points of every kind of vectors, half of them sealed."""
    things = db.create_collection("things", FIELDS, fields={"half": "integer"})
    for part in (range(N // 2), range(N // 2, N)):
        some = list(part)
        vectors = {
            **dict.fromkeys(("cosine", "dot", "l2"), ROWS[some]),
            "bits": BITS[some],
            "terms": [(np.arange(DIM), np.abs(ROWS[i])) for i in some],
            "tokens": [np.stack([ROWS[i], ROWS[i] + 1]) for i in some],
        }
        things.upsert(some, vectors, [{"half": i % 2, "text": TEXTS[i]} for i in some])
        if 0 in part:
            things.merge()
    return things


class ThresholdConformance:
    """``score_threshold``, on a database that starts empty."""

    def test_what_is_less_near_is_left_out_of_every_kind(self, db: DatabaseApi) -> None:
        things = filled(db)
        for field, queries in QUERIES.items():
            nearer_is_lower = field in {"l2", "bits"}
            for said in ({}, {"filter": F("half") == 1}, {"offset": 3}, {"exact": True}):
                asked = {"field": field, "k": 20, "recall": 1.0} | said
                every = things.search(queries, **asked)
                shown = every.scores[every.counts > 8][0, [0, 5]].tolist()
                for threshold in [*shown, 1e300, -1e300]:
                    batch = things.search(queries, score_threshold=threshold, **asked)
                    for q, before in enumerate(every):
                        left = np.asarray(before.scores, np.float64)
                        near = left <= threshold if nearer_is_lower else left >= threshold
                        assert batch[q].ids.tolist() == before.ids[near].tolist()
                        np.testing.assert_array_equal(batch[q].scores, before.scores[near])
                    single = things.search(queries[1], score_threshold=threshold, **asked)
                    assert single.ids.tolist() == batch[1].ids.tolist()
                    padding = np.arange(20) >= batch.counts[:, None]
                    assert (batch.scores[padding] == (np.inf if nearer_is_lower else -np.inf)).all()
                    explained = things.explain(queries, score_threshold=threshold, **asked)
                    np.testing.assert_array_equal(explained.hits.counts, batch.counts)

    def test_a_score_that_was_shown_finds_its_hit(self, db: DatabaseApi) -> None:
        things = filled(db)
        for hit in things.search(QUERIES["l2"][0], 10, field="l2"):
            found = things.search(QUERIES["l2"][0], 10, field="l2", score_threshold=hit.score)
            assert found[-1].id == hit.id
        # Of the number as it is printed too: 32 bits are compared.
        tenth = db.create_collection("tenth", Dense(1, metric="l2"))
        tenth.upsert([1], [[0.1]])
        assert tenth.search([0.0], score_threshold=0.1).ids.tolist() == [1]

    def test_candidates_and_points_searched_by(self, db: DatabaseApi) -> None:
        things = filled(db)
        first = Candidates(QUERIES["dot"][0], field="dot", count=15, exact=True)
        every = things.search(QUERIES["l2"][0], 15, field="l2", candidates=first)
        some = things.search(
            QUERIES["l2"][0], 15, field="l2", candidates=first, score_threshold=float(every.scores[6])
        )
        assert some.ids.tolist() == every.ids[:7].tolist()
        alike = things.search(by_id=3, k=10, field="cosine")
        close = things.search(by_id=3, k=10, field="cosine", score_threshold=float(alike.scores[4]))
        assert close.ids.tolist() == alike.ids[:5].tolist()
        assert len(things.search(by_id=3, field="cosine", score_threshold=1.5)) == 0

    @pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf"), 10**400, "0.5", True, [1]])
    def test_only_finite_numbers_are_thresholds(self, db: DatabaseApi, wrong: Any) -> None:
        things = filled(db)
        with pytest.raises(vicinal.InvalidArgument, match="score_threshold") as caught:
            things.search(ROWS[0], field="cosine", score_threshold=wrong)
        assert caught.value.field == "score_threshold"
