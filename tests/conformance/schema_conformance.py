"""Schemas that change while points are there. A part of ``DatabaseConformance``."""

from __future__ import annotations

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, Sparse
from vicinal.engine.api import CollectionApi, DatabaseApi

DIM = 8
N = 30


def matrix(n: int) -> np.ndarray:
    return np.random.default_rng(n).standard_normal((n, DIM)).astype(np.float32)


class SchemaConformance:
    """Payload and vector fields that come and go, on a database that starts empty."""

    @pytest.fixture
    def plain(self, db: DatabaseApi) -> CollectionApi:
        """A collection without fields, of which half the points are sealed."""
        plain = db.create_collection("plain", {"plot": Dense(DIM)})
        for first in (0, N // 2):
            ids = range(first, first + N // 2)
            payloads = [{"year": 1990 + i, "maker": {"city": "ab"[i % 2]}, "stars": i / 2} for i in ids]
            plain.upsert(ids, matrix(N)[first : first + N // 2], payloads)
            if not first:
                plain.flush()
        return plain

    def test_an_added_field_is_filtered_by_at_once_and_when_it_is_filled(self, plain: CollectionApi) -> None:
        plain.add_field("year", "integer")
        plain.add_field("maker.city", "keyword")
        assert dict(plain.schema.fields) == {"year": "integer", "maker.city": "keyword"}
        expression = (F("year") >= 2000) & (F("maker.city") == "a")
        expected = set(range(10, N, 2))
        for _ in range(2):
            assert plain.count(filter=expression) == len(expected)
            assert {hit.id for hit in plain.search(matrix(1)[0], k=N, filter=expression)} == expected
            assert {point.id for point in plain.scroll(filter=expression).points} == expected
            plain.wait_indexed()
            assert plain.info().filling == ()
        plain.add_field("year", "integer")
        assert plain.delete(filter=F("year") < 1995) == 5
        assert plain.update_payload({"year": 1800}, filter=F("year") >= 2010) == 10
        assert plain.count(filter=F("year") == 1800) == 10

    def test_a_dropped_field_is_not_indexed_and_its_values_stay(self, plain: CollectionApi) -> None:
        plain.add_field("year", "integer")
        plain.drop_field("year")
        assert dict(plain.schema.fields) == {}
        assert plain.count(filter=F("year") >= 2000) == N - 10
        plain.upsert([0], matrix(1), [{"year": "long ago"}])
        assert [point and point.payload["year"] for point in plain.get([0, 1])] == ["long ago", 1991]
        plain.add_field("year", "float")
        assert plain.count(filter=F("year") >= 0.5) == N - 1
        assert plain.count(filter=F("year").exists()) == N

    def test_who_got_the_collection_before_hears_of_it(self, db: DatabaseApi, plain: CollectionApi) -> None:
        other = db.collection("plain")
        plain.add_field("year", "integer")
        assert other.count(filter=F("year") >= 2000) == N - 10
        assert len(other.search(matrix(1)[0], k=N, filter=F("year") >= 2000)) == N - 10
        with pytest.raises(vicinal.InvalidArgument, match="'year' is 'x'"):
            other.update_payload({"year": "x"}, [0])
        plain.drop_field("year")
        other.update_payload({"year": "x"}, [0])
        assert other.count(filter=F("year") >= 2000) == N - 10
        plain.add_field("year", "keyword")
        assert other.count(filter=F("year") == "x") == 1
        other.drop_field("year")
        with pytest.raises(vicinal.NotFound, match="no payload field 'year' is indexed"):
            plain.drop_field("year")

    def test_wrong_fields_change_nothing(self, plain: CollectionApi) -> None:
        plain.add_field("year", "integer")
        with pytest.raises(vicinal.AlreadyExists, match="indexed as integer"):
            plain.add_field("year", "keyword")
        with pytest.raises(vicinal.InvalidArgument, match="expected one of"):
            plain.add_field("stars", "number")
        with pytest.raises(vicinal.InvalidArgument, match="a dot stands between"):
            plain.add_field("maker..city", "keyword")
        with pytest.raises(vicinal.NotFound, match="'stars'"):
            plain.drop_field("stars")
        assert dict(plain.schema.fields) == {"year": "integer"}
        with pytest.raises(vicinal.InvalidArgument, match="'year' is 'x'"):
            plain.upsert([0], matrix(1), [{"year": "x"}])
        assert plain.count(filter=F("year") >= 1990) == N

    def test_an_added_vector_field_is_missing_until_it_is_written(
        self, db: DatabaseApi, plain: CollectionApi
    ) -> None:
        other = db.collection("plain")
        plain.add_vector_field("terms", Sparse())
        plain.add_vector_field("terms", Sparse())
        assert list(plain.schema.vectors) == ["plot", "terms"]
        assert len(plain.search({1: 1.0}, k=N, field="terms")) == 0
        other.upsert([3, N], {"plot": matrix(2), "terms": [{1: 1.0}, {1: 2.0}]})
        for _ in range(2):
            assert [hit.id for hit in other.search({1: 1.0}, k=N, field="terms")] == [N, 3]
            assert len(plain.search(matrix(1)[0], k=2 * N, field="plot")) == N + 1
            plain.merge()
        with pytest.raises(vicinal.InvalidArgument, match="say which"):
            plain.search(matrix(1)[0])

    def test_a_dropped_vector_field_is_gone_and_does_not_come_back(
        self, db: DatabaseApi, plain: CollectionApi
    ) -> None:
        other = db.collection("plain")
        plain.add_vector_field("title", Dense(4))
        other.upsert([3], {"plot": matrix(1), "title": np.ones((1, 4), np.float32)})
        plain.drop_vector_field("plot")
        assert [hit.id for hit in plain.search(np.ones(4), k=N)] == [3]
        assert plain.count() == N
        with pytest.raises(vicinal.InvalidArgument, match="no vector field is named 'plot'"):
            plain.search(matrix(1)[0], field="plot")
        with pytest.raises(vicinal.VicinalError, match="'plot'"):
            other.search(matrix(1)[0], field="plot")
        plain.add_vector_field("plot", Dense(3))
        assert len(other.search(np.ones(3), k=N, field="plot")) == 0
        plain.drop_vector_field("title")
        with pytest.raises(vicinal.FailedPrecondition, match="'plot' is the only vector field"):
            plain.drop_vector_field("plot")
        with pytest.raises(vicinal.NotFound, match="'title'"):
            plain.drop_vector_field("title")
        with pytest.raises(vicinal.AlreadyExists, match="drop_vector_field"):
            plain.add_vector_field("plot", Dense(4))
