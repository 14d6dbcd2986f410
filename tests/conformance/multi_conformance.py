"""Multi-vector fields of every metric. A part of ``DatabaseConformance``."""

from __future__ import annotations

import numpy as np
import pytest

import vicinal
from vicinal import F, Multi
from vicinal.engine.api import DatabaseApi
from vicinal.indexes.exact.multi import MultiScan
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.multi import MultiRows, decoded, encoded
from vicinal.testing import oracle
from vicinal.testing.random_rows import random_tokens

N, DIM = 60, 9


def rows_of(seed: int, metric: Metric = Metric.DOT, fewest: int = 0, dim: int = DIM) -> MultiRows:
    return random_tokens(N, dim, 5, Element.FLOAT32, seed, fewest, metric)


class MultiConformance:
    """Multi-vectors, on a database that starts empty."""

    @pytest.mark.parametrize("metric", [Metric.DOT, Metric.COSINE, Metric.L2])
    def test_points_are_compared_by_their_tokens(self, db: DatabaseApi, metric: Metric) -> None:
        field = Multi(DIM, metric=metric, element="float32")
        texts = db.create_collection("texts", field, fields={"half": "integer"})
        rows, queries = rows_of(1, metric), rows_of(2, fewest=1)
        texts.upsert(range(N), (rows.tokens, rows.offsets), [{"half": i % 2} for i in range(N)])
        table, filled = oracle.maxsim_scores(rows, queries), np.diff(rows.offsets) > 0
        for _ in range(2):
            hits = texts.search((queries.tokens, queries.offsets), k=10)
            _, truth = oracle.top(table, 10, metric.higher_is_nearer)
            np.testing.assert_allclose([one.scores for one in hits], truth, rtol=1e-4, atol=1e-5)
            odd = texts.search(queries.tokens[: queries.offsets[1]], k=N, filter=F("half") == 1)
            assert sorted(odd.ids.tolist()) == np.flatnonzero(filled & (np.arange(N) % 2 == 1)).tolist()
            scored = texts.score(queries.tokens[: queries.offsets[1]], range(N))
            np.testing.assert_allclose(scored[filled], table[0, filled], rtol=1e-4, atol=1e-5)
            assert np.isnan(scored[~filled]).all()
            texts.merge()

    @pytest.mark.parametrize("element", Element)
    def test_tokens_come_back_as_they_are_stored(self, db: DatabaseApi, element: Element) -> None:
        given, queries, dim = rows_of(1, dim=16), rows_of(2, fewest=1, dim=16), 16
        texts = db.create_collection("texts", Multi(dim, metric="l2", element=element))
        texts.upsert(range(N), (given.tokens, given.offsets))
        tokens, scales = encoded(given.tokens, element)
        rows = MultiRows(given.offsets, tokens, Metric.L2, scales, dim)
        expected = MultiScan(rows).score(queries, np.arange(N, dtype=np.uint32))
        known, query = decoded(tokens, scales, dim), (queries.tokens, queries.offsets)
        for _ in range(2):
            for i, point in enumerate(texts.get(range(N), with_vectors=True)):
                assert point is not None
                back = point.vectors["vector"]
                assert back.dtype == (np.float16 if element is Element.FLOAT16 else np.float32)
                np.testing.assert_array_equal(back, known[slice(*given.offsets[i : i + 2])])
            np.testing.assert_array_equal(texts.score(query, range(N)), expected)
            nearest = np.sort(expected, axis=1)[:, :10]
            np.testing.assert_array_equal([hits.scores for hits in texts.search(query, k=10)], nearest)
            filled = int(np.argmax(np.diff(given.offsets) > 0))
            hits = texts.search(by_id=filled, k=3)
            mine = rows[filled : filled + 1]
            others = np.delete(MultiScan(rows).score(mine, np.arange(N, dtype=np.uint32))[0], filled)
            np.testing.assert_array_equal(hits.scores, np.sort(others)[:3])
            texts.upsert([N], texts.get([filled], with_vectors=True)[0].vectors["vector"][None])
            assert np.isclose(
                texts.score(mine.tokens, [N]), texts.score(mine.tokens, [filled]), atol=1e-5
            ).all()
            texts.delete([N])
            texts.merge()

    def test_coded_tokens_are_scored_as_they_come_back(self, db: DatabaseApi) -> None:
        field = Multi(2, metric="l2", element="float32", codec=vicinal.Product(1, rotation=None))
        texts = db.create_collection("texts", field)
        assert texts.schema.vectors["vector"] == field
        given = np.random.default_rng(0).standard_normal((600, 30, 2)).astype(np.float32)
        texts.upsert(range(600), given)
        query = given[7, :5] + np.float32(0.1)
        texts.merge()
        back = [point.vectors["vector"] for point in texts.get(range(600), with_vectors=True) if point]
        lost = np.abs(np.stack(back) - given)
        assert 0 < lost.mean() < 0.05
        rows = MultiRows(np.arange(0, 18_001, 30), np.concatenate(back), Metric.L2)
        known = oracle.maxsim_scores(rows, MultiRows(np.array([0, 5]), query))[0]
        np.testing.assert_allclose(texts.score(query, range(600)), known, atol=5e-3)
        np.testing.assert_allclose(texts.search(query, k=10).scores, np.sort(known)[:10], atol=5e-3)

    def test_queries_and_points_go_by_their_first_tokens(self, db: DatabaseApi) -> None:
        rows, queries = rows_of(1), rows_of(2, fewest=1)
        texts = db.create_collection("texts", Multi(DIM, element="float32"), fields={"half": "integer"})
        texts.upsert(range(N), (rows.tokens, rows.offsets), [{"half": i % 2} for i in range(N)])
        batch, one = (queries.tokens, queries.offsets), queries.tokens[: queries.offsets[1]]
        filled, odd = np.diff(rows.offsets) > 0, np.arange(N) % 2 == 1
        for _ in range(2):
            for asked, stored in ((1, 1), (2, None), (None, 3), (40, 40)):
                table = oracle.maxsim_scores(rows.first(stored or 99), queries.first(asked or 99))
                _, truth = oracle.top(table, 10, True)
                hits = texts.search(batch, k=10, tokens=(asked, stored))
                np.testing.assert_allclose([one.scores for one in hits], truth, rtol=1e-4, atol=1e-5)
                scores = texts.score(batch, range(N), tokens=(asked, stored))
                np.testing.assert_allclose(scores[:, filled], table[:, filled], rtol=1e-4, atol=1e-5)
                assert np.isnan(scores[:, ~filled]).all()
                some = texts.search(one, k=N, tokens=[asked, stored], filter=F("half") == 1)
                nearest = np.sort(table[0, filled & odd])[::-1]
                np.testing.assert_allclose(some.scores, nearest, rtol=1e-4, atol=1e-5)
                later = texts.search(one, k=5, offset=3, tokens=(asked, stored))
                np.testing.assert_allclose(later.scores, truth[0, 3:8], rtol=1e-4, atol=1e-5)
            texts.merge()
        own = texts.search(by_id=int(np.argmax(filled)), k=3, tokens=(1, 1))
        assert len(own) == 3
        told = texts.explain(one, tokens=(1, None))
        assert told.tokens == (1, None)
        assert "by the first 1 tokens of a query and all of a point" in str(told)
        assert texts.explain(one, tokens=(None, None)).tokens is None

    def test_numbers_of_tokens_that_cannot_be_are_refused(self, db: DatabaseApi) -> None:
        fields = {"texts": Multi(2), "plot": vicinal.Dense(2)}
        mixed = db.create_collection("mixed", fields)
        mixed.upsert([1], {"texts": [np.ones((2, 2))], "plot": np.ones((1, 2))})
        for tokens in (3, (1,), (1, 2, 3), "12", {1: 2}):
            with pytest.raises(
                vicinal.InvalidArgument, match=r"tokens is .*first tokens of the query"
            ) as error:
                mixed.search(np.ones((1, 2)), field="texts", tokens=tokens)
            assert error.value.field == "tokens"
            with pytest.raises(vicinal.InvalidArgument, match=r"tokens is .*first tokens of the query"):
                mixed.score(np.ones((1, 2)), [1], field="texts", tokens=tokens)
        for tokens in ((0, 1), (1, -1), (1.5, None), (True, 1), (1, 65_537)):
            with pytest.raises(vicinal.InvalidArgument, match=r"tokens is .*an integer from 1 to 65,536"):
                mixed.search(np.ones((1, 2)), field="texts", tokens=tokens)
        with pytest.raises(
            vicinal.InvalidArgument, match=r"tokens=\(1, 2\) are of multi-vectors; .*'plot' is"
        ):
            mixed.search(np.ones(2), field="plot", tokens=(1, 2))
        with pytest.raises(vicinal.InvalidArgument, match=r"tokens=\(1, None\) are of multi-vectors"):
            mixed.score(np.ones(2), [1], field="plot", tokens=(1, None))

    def test_a_point_without_tokens_is_kept_and_not_found(self, db: DatabaseApi) -> None:
        texts = db.create_collection("texts", Multi(2), fields={"year": "integer"})
        texts.upsert([1, 2], [np.empty((0, 2)), [[0, 1]]], [{"year": 1}, {"year": 2}])
        for _ in range(2):
            assert texts.search([[1, 0]], k=5).ids.tolist() == [2]
            assert texts.search([[1, 0]], k=5, filter=F("year") == 1).ids.tolist() == []
            [point] = texts.get([1], with_vectors=True)
            assert point is not None
            assert point.vectors["vector"].shape == (0, 2)
            assert [point.id for point in texts.scroll(filter=F("year") == 1).points] == [1]
            with pytest.raises(vicinal.InvalidArgument, match="has no vector"):
                texts.search(by_id=1)
            texts.merge()
        for query in (np.empty((0, 2)), [np.ones((1, 2)), np.empty((0, 2))]):
            with pytest.raises(vicinal.InvalidArgument, match="has no vector; a query has at least one"):
                texts.search(query)

    def test_tokens_of_a_point_are_bounded(self, db: DatabaseApi) -> None:
        few = db.create_collection("few", Multi(2, max_tokens=3))
        assert few.schema.vectors["vector"] == Multi(2, max_tokens=3)
        few.upsert([1], [np.ones((3, 2))])
        with pytest.raises(vicinal.InvalidArgument, match="row 1 has 4 vectors; a point has at most 3,"):
            few.upsert([2, 3], [np.ones((1, 2)), np.ones((4, 2))])
        assert len(few.search(np.ones((4, 2)))) == 1
        many = db.create_collection("many", Multi(2))
        with pytest.raises(vicinal.InvalidArgument, match="has 2,049 vectors; a point has at most 2,048"):
            many.upsert([1], [np.ones((2049, 2))])
