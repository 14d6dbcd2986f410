"""Searches in two stages: one field finds what another scores. A part of ``DatabaseConformance``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Candidates, Dense, F, Multi, Sparse
from vicinal.engine.api import CollectionApi, DatabaseApi
from vicinal.engine.results.explanation import PlanKind, PlanReason

N, DIM = 60, 6
RNG = np.random.default_rng(5)
TEXTS = RNG.standard_normal((N, 4, DIM)).astype(np.float32)
WHOLE = RNG.standard_normal((N, DIM)).astype(np.float32)
TERMS = RNG.random((N, DIM)).astype(np.float32)
ASKED = RNG.standard_normal((3, 2, DIM)).astype(np.float32)
FIRST = RNG.standard_normal((3, DIM)).astype(np.float32)
FIELDS = {
    "texts": Multi(DIM, element="float32"),
    "whole": Dense(DIM, metric="dot"),
    "terms": Sparse(),
}
# What each point lacks, and whose it is.
HAS_WHOLE, HAS_TEXTS, HALF = np.arange(N) % 7 > 0, np.arange(N) % 5 > 0, np.arange(N) % 2
SCORES = np.einsum("qad,ntd->qnat", ASKED, TEXTS).max(axis=3).sum(axis=2)


def filled(db: DatabaseApi, **options: Any) -> CollectionApi:
    """Return the points in two segments, of which one is sealed."""
    papers = db.create_collection("papers", FIELDS, fields={"half": "integer"}, **options)
    for tenant in ("ada", "bob") if options else (None,):
        for merged, part in ((True, range(40)), (False, range(40, N))):
            some = list(part)
            vectors = {
                "texts": [TEXTS[i] if HAS_TEXTS[i] else None for i in some],
                "whole": [WHOLE[i] if HAS_WHOLE[i] else None for i in some],
                "terms": [(np.arange(DIM), TERMS[i]) for i in some],
            }
            payloads = [{"half": int(HALF[i])} for i in some]
            papers.upsert(some, vectors, payloads, tenant=tenant)
            if merged:
                papers.merge()
    return papers


def expected(q: int, first: np.ndarray, count: int, may: np.ndarray, k: int) -> list[int]:
    """Return the nearest by tokens of the ``count`` nearest by ``first``, of those that may be found."""
    among = np.flatnonzero(may)
    among = among[np.argsort(-first[among], kind="stable")][:count]
    among = among[HAS_TEXTS[among]]
    return [int(i) for i in among[np.argsort(-SCORES[q, among], kind="stable")][:k]]


class CandidatesConformance:
    """First stages, on a database that starts empty."""

    def test_what_one_field_finds_another_scores(self, db: DatabaseApi) -> None:
        papers = filled(db)
        for half in (None, 1):
            said = {"field": "texts", "filter": None if half is None else F("half") == half}
            may = np.ones(N, np.bool_) if half is None else half == HALF
            for q in range(3):
                by_whole = Candidates(FIRST[q], field="whole", count=25, exact=True)
                hits = papers.search(ASKED[q], 7, candidates=by_whole, **said)
                assert hits.ids.tolist() == expected(q, WHOLE @ FIRST[q], 25, may & HAS_WHOLE, 7)
                np.testing.assert_allclose(hits.scores, SCORES[q, hits.ids.astype(int)], rtol=1e-5)
                weights = np.abs(FIRST[q])
                by_terms = Candidates((np.arange(DIM), weights), field="terms", count=12, recall=1.0)
                pages = [papers.search(ASKED[q], 4, offset=at, candidates=by_terms, **said) for at in (0, 4)]
                nearest = expected(q, TERMS @ weights, 12, may, 8)
                assert [i for hits in pages for i in hits.ids.tolist()] == nearest
            batch = papers.search(
                ASKED, 7, candidates=Candidates(FIRST, field="whole", count=25, exact=True), threads=2, **said
            )
            for q, hits in enumerate(batch):
                assert hits.ids.tolist() == expected(q, WHOLE @ FIRST[q], 25, may & HAS_WHOLE, 7)

    def test_a_field_may_be_its_own_first_stage(self, db: DatabaseApi) -> None:
        papers = filled(db)
        first = np.einsum("d,nd->n", ASKED[0, 0], TEXTS[:, 0])
        first[~HAS_TEXTS] = -np.inf
        few = Candidates(field="texts", tokens=(1, 1), count=15, exact=True)
        hits = papers.search(ASKED[0], 5, field="texts", candidates=few)
        assert hits.ids.tolist() == expected(0, first, 15, HAS_TEXTS, 5)
        assert len(papers.search(ASKED, 5, field="texts", candidates=few)) == 3
        # The other way round, and by the vectors of a point, which is left out.
        by_tokens = Candidates(ASKED[0], field="texts", count=10, exact=True)
        found = papers.search(FIRST[0], 10, field="whole", candidates=by_tokens).ids.astype(int)
        nearest = np.flatnonzero(HAS_TEXTS)[np.argsort(-SCORES[0, HAS_TEXTS])][:10]
        assert set(found.tolist()) == set(nearest[HAS_WHOLE[nearest]].tolist())
        itself = papers.search(by_id=1, k=5, field="texts", candidates=Candidates(field="whole", count=20))
        assert len(itself) == 5
        assert 1 not in itself.ids

    def test_tenants_find_and_score_their_own(self, db: DatabaseApi) -> None:
        papers = filled(db, partitioned=True)
        papers.delete(range(30), tenant="bob")
        first = Candidates(FIRST[1], field="whole", count=18, exact=True)
        for tenant, may in (("ada", HAS_WHOLE), ("bob", HAS_WHOLE & (np.arange(N) >= 30))):
            hits = papers.search(ASKED[1], 6, field="texts", candidates=first, tenant=tenant)
            assert hits.ids.tolist() == expected(1, WHOLE @ FIRST[1], 18, may, 6)
        assert len(papers.search(ASKED[1], field="texts", candidates=first, tenant="eve")) == 0

    def test_it_is_told_how_both_stages_were_done(self, db: DatabaseApi) -> None:
        papers = filled(db)
        told = papers.explain(
            ASKED[0], field="texts", candidates=Candidates(FIRST[0], field="whole", count=20)
        )
        assert {plan.reason for plan in told.segments} == {PlanReason.CANDIDATES}
        assert {plan.kind for plan in told.segments} == {PlanKind.EXACT_SCAN}
        assert sum(plan.allowed for plan in told.segments) == told.rescored <= 20
        assert sum(plan.rows for plan in told.first_stage) == N
        assert told.expected_recall is None
        assert "candidates" in told.stages
        assert "candidates of the first stage" in str(told)
        assert papers.explain(ASKED[0], field="texts").first_stage == ()

    @pytest.mark.parametrize(
        ("candidates", "said", "message"),
        [
            ({"field": "whole"}, {}, "candidates is a dict; expected what"),
            (Candidates(FIRST[0], field="whole", count=5), {}, r"candidates count 5 and k \+ offset is 10"),
            (Candidates(FIRST[0], field="whole", count=12), {"offset": 3}, r"k \+ offset is 13"),
            (
                Candidates(FIRST[0], field="whole", count=10_001),
                {},
                "candidates is 10001; expected",
            ),
            (Candidates(FIRST[0], field="nothing"), {}, "no vector field is named 'nothing'"),
            (Candidates(FIRST[0]), {}, "say which with field="),
            (Candidates(FIRST[0][:3], field="whole"), {}, "'whole'"),
            (Candidates(FIRST, field="whole"), {}, "a batch of 3 queries and the search has one query"),
            (
                Candidates(FIRST[0], field="whole", tokens=(1, 1)),
                {},
                "are of multi-vectors; the field",
            ),
            (Candidates(FIRST[0], field="whole", effort={"n_probe": 3}), {}, "n_probe"),
            (Candidates(FIRST[0], field="whole", recall=2.0), {}, "recall is 2.0"),
            (Candidates(FIRST[0], field="whole"), {"exact": True}, "give them to Candidates"),
            (Candidates(FIRST[0], field="whole"), {"effort": {"candidates": 50}}, "give them to Candidates"),
            (Candidates(FIRST[0], field="whole"), {"ef": 50}, "give them to Candidates"),
        ],
    )
    def test_what_cannot_be_done_is_refused(
        self, db: DatabaseApi, candidates: Any, said: dict[str, Any], message: str
    ) -> None:
        papers = db.create_collection("papers", FIELDS)
        with pytest.raises(vicinal.InvalidArgument, match=message):
            papers.search(ASKED[0], field="texts", candidates=candidates, **said)
