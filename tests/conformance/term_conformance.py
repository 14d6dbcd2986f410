"""What every kind of database does with the statistics of terms: queries are weighted by what is alive."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, Sparse, has_id
from vicinal.engine.api import CollectionApi, DatabaseApi

Row = dict[int, float]


def idf_scores(rows: dict[int, Row], query: Row) -> dict[int, float]:
    """Return the score of each row, by a recount."""
    total = {}
    for key, row in rows.items():
        total[key] = 0.0
        for term, weight in query.items():
            df = sum(other.get(term, 0.0) != 0 for other in rows.values())
            idf = math.log(1 + (len(rows) - df + 0.5) / (df + 0.5))
            total[key] += weight * idf * row.get(term, 0.0)
    return total


def term_rows(n: int, seed: int = 0) -> dict[int, Row]:
    """Return rows of terms of which low numbers are frequent."""
    rng = np.random.default_rng(seed)
    terms = [np.unique(rng.geometric(0.1, rng.integers(1, 9))).tolist() for _ in range(n)]
    return {i: {t: float(rng.integers(1, 5)) for t in chosen} for i, chosen in enumerate(terms)}


def agrees(points: CollectionApi, rows: dict[int, Row], **options: Any) -> None:
    """Assert that searches score as a recount does."""
    queries: list[Row] = [{1: 1.0, 9: 2.0, 30: 0.5, 2**32 - 1: 1.0}, {2: 1.0}, {}]
    batch = points.search(queries, k=max(1, len(rows)), field="terms", **options)
    for query, hits in zip(queries, batch, strict=True):
        expected = idf_scores(rows, query)
        assert len(hits) == len(rows)
        for hit in hits:
            assert hit.score == pytest.approx(expected[hit.id], rel=1e-5, abs=1e-6)
        scored = points.score(query, hits.ids, field="terms", **options)
        np.testing.assert_array_equal(scored, hits.scores)


class TermConformance:
    """Inverse document frequencies, on a database that starts empty."""

    def test_terms_are_weighted_by_the_points_that_live(self, db: DatabaseApi) -> None:
        points = db.create_collection("points", {"terms": Sparse(idf=True), "other": Dense(2)})
        assert points.schema.vectors["terms"] == Sparse(idf=True) != Sparse()
        rows = term_rows(60)
        agrees(points, {})
        for first in range(0, 60, 20):
            part = list(range(first, first + 20))
            points.upsert(part, {"terms": [rows[i] for i in part], "other": np.ones((20, 2))})
            points.flush()
        # A point without a vector in the field counts for nothing.
        points.upsert([100], {"other": np.ones((1, 2))})
        agrees(points, rows)
        replaced = {i: row for i, row in term_rows(18, seed=1).items()}
        points.upsert(list(replaced), {"terms": list(replaced.values()), "other": np.ones((18, 2))})
        points.delete(range(20, 30))
        points.delete_vectors(["terms"], [31])
        rows = {i: row for i, row in (rows | replaced).items() if not 20 <= i < 32 or i == 30}
        agrees(points, rows)
        points.merge()
        agrees(points, rows)
        # A filter says what may be found, not what is counted.
        some = points.search({1: 1.0, 9: 2.0}, field="terms", k=2, filter=has_id([3, 4]))
        every = idf_scores(rows, {1: 1.0, 9: 2.0})
        expected = {i: every[i] for i in (3, 4)}
        assert {hit.id: hit.score for hit in some} == pytest.approx(expected, abs=1e-5)
        assert points.get([0], with_vectors=True)[0].vectors["terms"][1].tolist() == list(rows[0].values())

    def test_tenants_are_counted_apart(self, db: DatabaseApi) -> None:
        rooms = db.create_collection("rooms", {"terms": Sparse(idf=True)}, partitioned=True)
        rows = term_rows(30)
        rooms.upsert(list(rows), {"terms": list(rows.values())}, tenant="ada")
        for n in range(3):
            agrees(rooms, rows, tenant="ada")
            others = term_rows(40, seed=2 + n)
            rooms.upsert(list(others), {"terms": list(others.values())}, tenant="bob")
            agrees(rooms, others, tenant="bob")
            agrees(rooms, rows, tenant="ada")
            rooms.flush()
            rooms.upsert([0, 1], {"terms": [{1: 1.0}, {2: 1.0}]}, tenant="ada")
            rows |= {0: {1: 1.0}, 1: {2: 1.0}}
        rooms.merge()
        agrees(rooms, rows, tenant="ada")
        told = rooms.explain({1: 1.0}, tenant="ada")
        assert told.weighting.n_vectors == 30

    def test_an_explanation_says_what_terms_were_weighted_by(self, db: DatabaseApi) -> None:
        points = db.create_collection("points", {"terms": Sparse(idf=True), "plain": Sparse()})
        points.upsert([1, 2, 3], {"terms": [{1: 1.0}, {2: 1.0}, None], "plain": [{1: 1.0}] * 3})
        told = points.explain({1: 1.0}, field="terms")
        assert told.weighting.n_vectors == 2
        assert "idf over 2 vectors" in str(told)
        assert points.explain({1: 1.0}, field="plain").weighting is None
        with pytest.raises(vicinal.InvalidArgument, match="idf"):
            Sparse(idf=1)  # type: ignore[arg-type]
