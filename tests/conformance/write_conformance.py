"""What every kind of database does with writes. A part of ``DatabaseConformance``."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest

import vicinal
from vicinal import Dense, Hnsw, has_id
from vicinal.engine.api import CollectionApi, DatabaseApi

DIM = 8


def ones(n: int) -> np.ndarray:
    return np.ones((n, DIM), np.float32)


class WriteConformance:
    """Creation, ids, payloads and conditions: on a database that starts empty."""

    def test_a_collection_is_got_or_created(self, db: DatabaseApi) -> None:
        first = db.get_or_create_collection("notes", {"text": Dense(DIM)}, fields={"year": "integer"})
        first.upsert([1], ones(1))
        again = db.get_or_create_collection("notes", {"text": Dense(DIM)}, fields={"year": "integer"})
        assert again.get([1])[0] is not None
        assert again.schema == first.schema
        assert db.collections() == ["notes"]

    def test_another_schema_is_told_with_the_difference(self, db: DatabaseApi) -> None:
        db.get_or_create_collection("notes", {"text": Dense(DIM)}, fields={"year": "integer"})
        with pytest.raises(vicinal.AlreadyExists) as caught:
            db.get_or_create_collection(
                "notes", {"text": Dense(4, index=Hnsw(m=8))}, fields={"day": "datetime"}, partitioned=True
            )
        assert caught.value.field == "name"
        for part in (
            f"vectors.text.dim is {DIM}, declared is 4",
            "index.m is 16, declared is 8",
            "fields.year is integer, declared is none",
            "fields.day is absent, declared is datetime",
            "partitioned is False, declared is True",
        ):
            assert part in str(caught.value)
        with pytest.raises(vicinal.InvalidArgument):
            db.get_or_create_collection("a/b", Dense(DIM))
        assert db.collections() == ["notes"]

    def test_length_is_how_many_points_are_alive(self, films: CollectionApi, rooms: CollectionApi) -> None:
        assert len(films) == 0
        assert films
        films.upsert(range(5), ones(5))
        films.flush()
        films.delete([1])
        films.upsert([2, 7], ones(2))
        assert len(films) == 5
        rooms.upsert([1, 2], ones(2), tenant="ada")
        rooms.upsert([1], ones(1), tenant="bob")
        assert len(rooms) == 3

    def test_uuids_are_ids(self, films: CollectionApi) -> None:
        first, second = UUID(int=7), UUID("9F7C3A61-0000-4000-8000-ABCDEF012345")
        films.upsert([first, 5, second], ones(3), [{"year": 1}, {"year": 2}, {"year": 3}])
        films.flush()
        text = "9f7c3a61-0000-4000-8000-abcdef012345"
        assert [point and point.id for point in films.get([second, text, UUID(int=8)])] == [text, text, None]
        assert {hit.id for hit in films.search(np.ones(DIM), filter=has_id([first, 5]))} == {str(first), 5}
        assert films.count(filter={"has_id": [first]}) == 1
        assert films.update_payload({"genre": "c"}, [first]) == 1
        assert films.delete([second, first]) == 2
        objects = np.array([first, second], object)
        films.upsert(objects, ones(2))
        assert len(films) == 3
        with pytest.raises(vicinal.InvalidArgument, match="positions 0 and 1"):
            films.upsert([first, str(first)], ones(2))
