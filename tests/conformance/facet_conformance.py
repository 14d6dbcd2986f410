"""Facets, and the ends of payload fields. A part of ``DatabaseConformance``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, Facet
from vicinal.engine.api import CollectionApi, DatabaseApi

DIM = 4
FIELDS = {"genre": "keyword", "year": "integer", "stars": "float", "seen": "bool", "at": "datetime"}
PAYLOADS: list[dict[str, Any]] = [
    {"genre": "noir", "year": 1950, "stars": 4.5, "seen": True, "at": "1950-05-01T00:00:00Z"},
    {"genre": ["noir", "drama", "noir"], "year": 1960, "stars": 4, "seen": False},
    {"genre": "drama", "year": 1960, "free": 1, "cast": [{"name": "Ada"}, {"name": "Bo"}]},
    {"genre": None, "year": [1970, 1960], "free": [1.0, "x", None], "cast": {"name": "Ada"}},
    {"genre": ["war", None], "seen": True, "free": True, "at": "1950-05-01T02:00:00+02:00"},
    {"genre": "x" * 300, "free": {"a": 1}, "at": "1940-01-01"},
    {"free": [[1], "x", 2**64 - 1], "cast": [{"name": None}, {"name": ["Bo", "Cy"]}]},
    {},
]


def counted(facets: list[Facet]) -> list[tuple[Any, int]]:
    return [(facet.value, facet.count) for facet in facets]


class FacetConformance:
    """``facet`` and ``min_max``, on a database that starts empty."""

    @pytest.fixture
    def genres(self, db: DatabaseApi) -> CollectionApi:
        """A collection of which half is sealed, and of which points were replaced and deleted."""
        genres = db.create_collection("genres", Dense(DIM), fields=FIELDS)
        genres.upsert(range(5), np.ones((5, DIM)), [{"genre": "gone"}, *PAYLOADS[1:4], {"genre": "gone"}])
        genres.flush()
        genres.upsert(range(4, 9), np.ones((5, DIM)), [*PAYLOADS[4:], {"genre": "gone"}])
        genres.upsert([0], np.ones((1, DIM)), PAYLOADS[:1])
        genres.delete([8])
        return genres

    def test_values_are_counted_most_frequent_first(self, genres: CollectionApi) -> None:
        every = [("drama", 2), ("noir", 2), ("war", 1), ("x" * 300, 1)]
        assert counted(genres.facet("genre")) == every
        assert counted(genres.facet("genre", limit=1)) == every[:1]
        assert counted(genres.facet("genre", limit=None)) == every
        assert counted(genres.facet("genre", filter=F("year") == 1960)) == [("drama", 2), ("noir", 1)]
        assert counted(genres.facet("genre", filter="free IS NOT NULL AND year < 1900")) == []
        assert counted(genres.facet("year")) == [(1960, 3), (1950, 1), (1970, 1)]
        assert counted(genres.facet("stars")) == [(4.0, 1), (4.5, 1)]
        assert counted(genres.facet("seen")) == [(True, 2), (False, 1)]
        assert [type(facet.value) for facet in genres.facet("seen")] == [bool, bool]

    def test_fields_without_an_index_go_by_their_own_types(self, genres: CollectionApi) -> None:
        assert counted(genres.facet("free")) == [(1, 2), ("x", 2), (True, 1), (2**64 - 1, 1)]
        assert [type(facet.value) for facet in genres.facet("free")][1:3] == [str, bool]
        names = [("Ada", 2), ("Bo", 2), ("Cy", 1)]
        assert counted(genres.facet("cast.name")) == names
        assert counted(genres.facet("cast[].name")) == [("Bo", 2), ("Ada", 1), ("Cy", 1)]
        assert counted(genres.facet("cast[0].name")) == [("Ada", 1)]
        assert genres.facet("nothing") == []

    def test_one_time_in_two_spellings_is_one_value(self, genres: CollectionApi) -> None:
        (often, seldom) = genres.facet("at")
        assert often.count == 2
        assert often.value in (PAYLOADS[0]["at"], PAYLOADS[4]["at"])
        assert counted([seldom]) == [("1940-01-01", 1)]
        genres.drop_field("at")
        assert len(genres.facet("at")) == 3
        genres.add_field("at", "datetime")
        assert len(genres.facet("at")) == 2

    def test_the_least_and_the_most_value(self, genres: CollectionApi) -> None:
        assert genres.min_max("year") == (1950, 1970)
        assert genres.min_max("year", filter=F("genre") == "noir") == (1950, 1960)
        assert genres.min_max("stars") == (4.0, 4.5)
        assert genres.min_max("free") == (1, 2**64 - 1)
        assert genres.min_max("year", filter=F("genre") == "war") is None
        assert genres.min_max("nothing") is None
        low, high = genres.min_max("at") or ("", "")
        assert (low, high in (PAYLOADS[0]["at"], PAYLOADS[4]["at"])) == ("1940-01-01", True)
        genres.drop_field("at")
        assert (genres.min_max("at") or ("", ""))[0] == "1940-01-01"
        with pytest.raises(vicinal.InvalidArgument, match="keyword") as caught:
            genres.min_max("genre")
        assert caught.value.field == "field"

    def test_bad_paths_are_refused(self, db: DatabaseApi, genres: CollectionApi) -> None:
        for wrong in ("", "a..b", "a[b]", 7, None):
            for ask in (genres.facet, genres.min_max):
                with pytest.raises(vicinal.InvalidArgument, match="path") as caught:
                    ask(wrong)  # type: ignore[arg-type]
                assert caught.value.field == "field"
        with pytest.raises(vicinal.InvalidArgument, match="limit"):
            genres.facet("genre", limit=0)
        with pytest.raises(vicinal.InvalidArgument):
            genres.facet("genre", filter="genre ==== 1")
        strict = db.create_collection("strict", Dense(DIM), fields={"year": "integer"}, strict=True)
        strict.upsert([1], np.ones((1, DIM)), [{"year": 1, "free": 2}])
        for ask in (strict.facet, strict.min_max):
            with pytest.raises(vicinal.UnindexedField, match="free"):
                ask("free")
        assert counted(strict.facet("year")) == [(1, 1)]
        strict.add_field("free", "text")
        with pytest.raises(vicinal.UnindexedField, match="free"):
            strict.facet("free")
        assert strict.min_max("year") == (1, 1)

    def test_facets_are_of_the_tenants_own_points(self, db: DatabaseApi) -> None:
        rooms = db.create_collection("rooms", Dense(DIM), fields={"beds": "integer"}, partitioned=True)
        for tenant, beds in (("ada", 2), ("bob", 3)):
            rows = [{"beds": beds, "free": f"{tenant}{i % 2}"} for i in range(6)]
            rooms.upsert(range(6), np.ones((6, DIM)), rows, tenant=tenant)
            if tenant == "ada":
                rooms.merge()
        for tenant, beds in (("ada", 2), ("bob", 3)):
            assert counted(rooms.facet("beds", tenant=tenant)) == [(beds, 6)]
            assert counted(rooms.facet("free", tenant=tenant)) == [(f"{tenant}0", 3), (f"{tenant}1", 3)]
            assert rooms.min_max("beds", tenant=tenant) == (beds, beds)
        rooms.merge()
        assert counted(rooms.facet("free", tenant="ada", filter=F("beds") == 2, limit=1)) == [("ada0", 3)]
        assert rooms.facet("beds", tenant="bob", filter=F("beds") == 2) == []
        assert rooms.facet("beds", tenant="cyd") == []
        assert rooms.min_max("beds", tenant="cyd") is None
        with pytest.raises(vicinal.InvalidArgument, match="tenant"):
            rooms.facet("beds")
