"""Payload fields that are declared by what is written first. A part of ``DatabaseConformance``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F
from vicinal.engine.api import CollectionApi, DatabaseApi

DIM = 4
FIRST: list[dict[str, Any]] = [
    {"genre": "noir", "year": 1950, "stars": 4, "seen": True, "at": "1950-05-01", "plot": "A man.\nA town."},
    {"genre": ["war", None], "stars": 4.5, "maker": {"city": "Rome", "born": 1901}, "odd": 1, "none": None},
    {
        "cast": [{"name": "Ada"}, {"name": "Bo"}],
        "odd": "x",
        "about": "one two three four five six seven eight nine ten eleven",
    },
]
DECLARED = {
    "genre": "keyword",
    "year": "integer",
    "stars": "float",
    "seen": "bool",
    "at": "datetime",
    "maker.city": "keyword",
    "maker.born": "integer",
    "cast.name": "keyword",
}


def matrix(n: int) -> np.ndarray:
    return np.ones((n, DIM), np.float32)


class DeclaringConformance:
    """``fields="auto"``, on a database that starts empty."""

    @pytest.fixture
    def auto(self, db: DatabaseApi) -> CollectionApi:
        """A collection whose first points declared its fields."""
        auto = db.create_collection("auto", Dense(DIM), fields="auto")
        assert dict(auto.schema.fields) == {}
        auto.upsert(range(len(FIRST)), matrix(len(FIRST)), FIRST)
        return auto

    def test_the_first_points_declare_fields(self, db: DatabaseApi, auto: CollectionApi) -> None:
        for one in (auto, db.collection("auto")):
            assert dict(one.schema.fields) == DECLARED
            assert (one.schema.auto, one.schema.declares) == (True, True)
        found = F("genre").is_in(["war"]) & (F("maker.born") > 1900) & (F("stars") > 4)
        for _ in range(2):
            assert auto.count(filter=found) == 1
            assert auto.count(filter=F("cast.name") == "Bo") == 1
            assert auto.explain(matrix(1)[0], filter=found).unindexed == {}
            auto.flush()
            auto.wait_indexed()
        assert auto.explain(matrix(1)[0], filter=F("odd") == 1).unindexed == {"odd": "integer"}
        assert [point.id for point in auto.scroll(order_by="-at", limit=1).points] == [0]

    def test_a_field_of_two_kinds_is_declared_no_more(self, auto: CollectionApi) -> None:
        auto.flush()
        auto.upsert([10, 11], matrix(2), [{"year": 1960.5}, {"genre": 5, "seen": False}])
        assert auto.update_payload({"at": "long ago", "odd": 2}, [0]) == 1
        assert auto.update_payload({"city": {"name": "Oslo"}}, [1], key="maker") == 1
        changed = {path: kind for path, kind in DECLARED.items() if path not in ("genre", "at", "maker.city")}
        assert dict(auto.schema.fields) == changed | {"year": "float", "maker.city.name": "keyword"}
        for _ in range(2):
            assert auto.count(filter=F("year") > 1940) == 2
            assert auto.count(filter=F("genre").is_in(["noir", 5])) == 2
            assert auto.count(filter=F("seen") == False) == 1  # noqa: E712
            auto.merge()
        auto.upsert([12], matrix(1), [{"genre": "noir", "at": "2024-05-01", "odd": 5}])
        assert {"genre", "at", "odd"} & auto.schema.fields.keys() == set()

    def test_after_a_thousand_points_fields_are_as_those_that_a_caller_declares(
        self, auto: CollectionApi
    ) -> None:
        auto.upsert(range(100, 1100), matrix(1000), [{"late": i} for i in range(1000)])
        declared = DECLARED | {"late": "integer"}
        assert dict(auto.schema.fields) == declared
        assert (auto.schema.auto, auto.schema.declares) == (True, False)
        for write in (
            lambda: auto.upsert([1], matrix(1), [{"late": 1.5}]),
            lambda: auto.update_payload({"late": "x"}, [100]),
        ):
            with pytest.raises(vicinal.InvalidArgument, match="'late'"):
                write()
        auto.upsert([1], matrix(1), [{"later": 1}])
        auto.drop_field("late")
        auto.upsert([2], matrix(1), [{"late": "x"}])
        assert dict(auto.schema.fields) == DECLARED
        assert auto.count(filter=F("late") >= 0) == 1000

    def test_what_a_caller_declares_or_drops_stays_so(self, auto: CollectionApi) -> None:
        auto.add_field("plot", "text")
        auto.add_field("year", "integer")
        auto.drop_field("genre")
        for wrong in ({"year": 1.5}, {"plot": 5, "new": 1}):
            with pytest.raises(vicinal.InvalidArgument, match="payloads row 0"):
                auto.upsert([5], matrix(1), [wrong])
        auto.upsert([5], matrix(1), [{"plot": "Two\nlines", "genre": "noir", "year": 7}])
        expected = {path: kind for path, kind in DECLARED.items() if path != "genre"} | {"plot": "text"}
        assert dict(auto.schema.fields) == expected
        assert auto.count(filter=F("plot").text("lines")) == 1

    def test_nothing_is_declared_by_what_is_refused_or_left_out(self, auto: CollectionApi) -> None:
        with pytest.raises(vicinal.InvalidArgument):
            auto.upsert([5], np.ones((1, DIM + 1)), [{"new": 1}])
        assert auto.upsert([0], matrix(1), [{"new": 1}], mode="insert_only").points == 0
        assert dict(auto.schema.fields) == DECLARED

    def test_keys_with_dots_and_many_fields(self, db: DatabaseApi, auto: CollectionApi) -> None:
        auto.upsert([5], matrix(1), [{"maker.city": "Oslo", "a b": 1, "x" * 65: 1, "deep": {"": 1}}])
        expected = {path: kind for path, kind in DECLARED.items() if path != "maker.city"}
        assert dict(auto.schema.fields) == expected
        assert auto.count(filter=F("maker.city") == "Rome") == 1
        auto.upsert([6], matrix(1), [{f"n{i}": i for i in range(500)}])
        assert len(auto.schema.fields) == 64
        auto.upsert([7], matrix(1), [{f"n{i}": "x" for i in range(500)}])
        assert dict(auto.schema.fields) == expected
        assert auto.count(filter=F("n400") == 400) == 1

    def test_it_is_created_once(self, db: DatabaseApi, auto: CollectionApi) -> None:
        again = db.get_or_create_collection("auto", Dense(DIM), fields="auto")
        assert dict(again.schema.fields) == DECLARED
        with pytest.raises(vicinal.AlreadyExists, match="fields is auto, declared is none"):
            db.get_or_create_collection("auto", Dense(DIM), fields=DECLARED)
        plain = db.create_collection("plain", Dense(DIM), fields={"year": "integer"})
        with pytest.raises(vicinal.AlreadyExists, match="fields is absent, declared is auto"):
            db.get_or_create_collection("plain", Dense(DIM), fields="auto")
        plain.upsert([1], matrix(1), [{"genre": "noir"}])
        assert dict(plain.schema.fields) == {"year": "integer"}
        for said in ({"fields": "all"}, {"fields": "auto", "partitioned": True}):
            with pytest.raises(vicinal.InvalidArgument, match="fields is") as refused:
                db.create_collection("other", Dense(DIM), **said)
            assert refused.value.field == "fields"
        strict = db.create_collection("strict", Dense(DIM), fields="auto", strict=True)
        strict.upsert([1], matrix(1), [{"year": 7, "odd": [1, "x"]}])
        assert strict.count(filter=F("year") == 7) == 1
        with pytest.raises(vicinal.UnindexedField):
            strict.count(filter=F("odd") == 1)
