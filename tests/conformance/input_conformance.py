"""What every kind of database takes, in which form, and refuses. A part of ``DatabaseConformance``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, has_id
from vicinal.engine.api import CollectionApi, DatabaseApi

DIM = 8

EMPTY_FILTERS: list[Any] = [
    {},
    {"should": []},
    {"must": [], "must_not": []},
    {"must": [{}]},
    {"should": [{"key": "year", "match": {"value": 1990}}, {"must": []}]},
]


class InputConformance:
    """Ids, vectors, payloads, filters and options as callers have them: on a database that starts empty."""

    @pytest.mark.parametrize("empty", EMPTY_FILTERS, ids=repr)
    def test_a_filter_without_a_condition_changes_nothing(self, films: CollectionApi, empty: Any) -> None:
        films.upsert(range(3), np.ones((3, DIM)), [{"year": 1990 + i} for i in range(3)])
        for change in (
            lambda: films.delete(filter=empty),
            lambda: films.update_payload({"seen": True}, filter=empty),
            lambda: films.update_payload({}, filter=empty, replace=True),
        ):
            with pytest.raises(vicinal.InvalidArgument, match=r"no condition .*~has_id\(\[\]\)") as caught:
                change()
            assert caught.value.field == "filter"
        assert films.count(filter=empty) == 3
        assert len(films.scroll(filter=empty).points) == 3
        assert len(films.search(np.ones(DIM), filter=empty)) == 3
        assert [point.payload for point in films.scroll().points] == [{"year": 1990 + i} for i in range(3)]
        assert films.update_payload({"seen": True}, filter=~has_id([])) == 3
        assert films.delete(filter={"must_not": [{"has_id": []}]}) == 3

    @pytest.mark.parametrize("sealed", [False, True])
    def test_a_path_reads_objects_in_objects_and_in_lists(self, db: DatabaseApi, sealed: bool) -> None:
        cars = db.create_collection(
            "cars", Dense(2), fields={"maker.city": "keyword", "parts.size": "integer"}
        )
        payloads: list[Any] = [
            {"maker": {"city": "Turin"}, "parts": [{"size": 1}, {"size": 5}]},
            {"maker": [{"city": ["Turin", "Rome"]}, {"name": "x"}], "parts": {"size": [5, None]}},
            {"maker": [], "parts": [{"size": None}]},
            {"maker.name": "another path", "parts": ["no object"]},
        ]
        cars.upsert(range(4), np.ones((4, 2)), payloads)
        if sealed:
            cars.flush()
        found = {
            F("maker.city") == "Turin": 2,
            F("maker.city") == "Rome": 1,
            F("maker.city").exists(): 2,
            F("parts.size") == 5: 2,
            F("parts.size") < 5: 1,
            F("parts.size").is_null(): 2,
            F("parts.size").exists(): 3,
        }
        assert {expression: cars.count(filter=expression) for expression in found} == found
        assert [point.payload for point in cars.scroll().points] == payloads
        assert cars.update_payload({"maker": [{"city": "Bari"}]}, filter=F("maker.city") == "Rome") == 1
        assert cars.count(filter=F("maker.city") == "Bari") == 1

    def test_a_path_spelled_as_one_key_is_refused(self, db: DatabaseApi) -> None:
        cars = db.create_collection("cars", Dense(2), fields={"maker.city": "keyword"})
        cars.upsert([1], np.ones((1, 2)), [{"maker": {"city": "Turin"}}])
        flat = {"maker": {"city": "Turin"}, "maker.city": "Rome"}
        for change in (
            lambda: cars.upsert([1, 2], np.ones((2, 2)), [{}, flat]),
            lambda: cars.update_payload({"maker.city": "Rome"}, [1]),
        ):
            with pytest.raises(vicinal.InvalidArgument, match=r"the key 'maker.city', .*{'maker': {'city': "):
                change()
        assert [point.payload for point in cars.scroll().points] == [{"maker": {"city": "Turin"}}]

    @pytest.mark.parametrize("fields", [["year"], "year", [("year", "integer")], 3])
    def test_indexed_fields_that_are_no_mapping(self, db: DatabaseApi, fields: Any) -> None:
        with pytest.raises(vicinal.InvalidArgument, match=r"fields is .*; pass .* by name") as caught:
            db.create_collection("films", Dense(2), fields=fields)
        assert caught.value.field == "fields"
        assert db.collections() == []
