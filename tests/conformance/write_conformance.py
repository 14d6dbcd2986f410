"""What every kind of database does with writes. A part of ``DatabaseConformance``."""

from __future__ import annotations

import pickle
from typing import Any
from uuid import UUID

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, Hnsw, has_id
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

    @pytest.fixture
    def cars(self, db: DatabaseApi) -> CollectionApi:
        cars = db.create_collection("cars", Dense(DIM), fields={"maker.city": "keyword", "doors": "integer"})
        payloads = [{"maker": {"city": "Turin", "name": "x"}}, {"maker": "y", "doors": 3}, {"doors": 5}]
        cars.upsert(range(3), ones(3), payloads)
        return cars

    def payloads(self, cars: CollectionApi, *ids: int) -> list[Any]:
        return [point and point.payload for point in cars.get(ids)]

    @pytest.mark.parametrize("sealed", [False, True])
    def test_payloads_are_set_below_a_path(self, cars: CollectionApi, sealed: bool) -> None:
        if sealed:
            cars.flush()
        assert cars.update_payload({"city": "Rome"}, [0, 1, 2, 9], key="maker") == 3
        assert self.payloads(cars, 0, 1, 2) == [
            {"maker": {"city": "Rome", "name": "x"}},
            {"maker": {"city": "Rome"}, "doors": 3},
            {"doors": 5, "maker": {"city": "Rome"}},
        ]
        assert cars.count(filter=F("maker.city") == "Rome") == 3
        assert cars.update_payload({"deep": 1}, filter=F("doors") == 5, key="maker.a.b") == 1
        assert cars.update_payload({"name": "z"}, [0], key="maker", replace=True) == 1
        assert self.payloads(cars, 0, 2) == [
            {"maker": {"name": "z"}},
            {"doors": 5, "maker": {"city": "Rome", "a": {"b": {"deep": 1}}}},
        ]
        assert cars.count(filter=F("maker.city") == "Rome") == 2
        assert cars.update_payload({"maker": {"name": "w"}}, [2]) == 1
        assert self.payloads(cars, 2) == [{"doors": 5, "maker": {"name": "w"}}]

    def test_each_id_has_a_payload_of_its_own(self, cars: CollectionApi) -> None:
        assert cars.update_payload([{"doors": 4}, {"doors": 2}, None], [2, 7, 1]) == 2
        assert self.payloads(cars, 1, 2) == [{"maker": "y", "doors": 3}, {"doors": 4}]
        assert cars.count(filter=F("doors") == 4) == 1
        assert cars.update_payload(({"city": c} for c in "ab"), [0, 2], key="maker") == 2
        assert cars.count(filter=F("maker.city").is_in(["a", "b"])) == 2
        assert cars.update_payload([{}, {"x": 1}], [2, 0], replace=True) == 2
        assert self.payloads(cars, 0, 2) == [{"x": 1}, {}]

    @pytest.mark.parametrize("sealed", [False, True])
    def test_keys_are_deleted_and_payloads_cleared(self, cars: CollectionApi, sealed: bool) -> None:
        cars.upsert([3], ones(1), [{"maker": [{"city": "Rome", "n": 1}, {"city": "Bari"}, 7], "doors": 1}])
        if sealed:
            cars.flush()
        assert cars.delete_payload(["maker.city", "no.such"], [0, 3, 9]) == 2
        assert self.payloads(cars, 0, 3) == [
            {"maker": {"name": "x"}},
            {"maker": [{"n": 1}, {}, 7], "doors": 1},
        ]
        assert cars.count(filter=F("maker.city").exists()) == 0
        assert cars.delete_payload(["doors", "maker"], filter=F("doors") >= 3) == 2
        assert self.payloads(cars, 1, 2) == [{}, {}]
        assert cars.count(filter=F("doors").exists()) == 1
        assert cars.clear_payload(filter=F("doors") == 1) == 1
        assert cars.clear_payload([0, 9]) == 1
        assert self.payloads(cars, 0, 3) == [{}, {}]
        np.testing.assert_array_equal(cars.get([0], with_vectors=True)[0].vectors["vector"], ones(1)[0])

    def test_bad_payload_updates_change_nothing(self, cars: CollectionApi) -> None:
        before = self.payloads(cars, 0, 1, 2)
        cases: list[tuple[str, tuple[Any, ...], dict[str, Any], str, str]] = [
            ("update_payload", ({"a": 1}, [0]), {"key": "a..b"}, "key", "maker.city"),
            ("update_payload", ({"a": 1}, [0]), {"key": ""}, "key", "maker.city"),
            ("update_payload", ({"a": 1}, [0]), {"key": 3}, "key", "maker.city"),
            ("update_payload", ({"city": 7}, [0]), {"key": "maker"}, "payloads", "maker.city"),
            ("update_payload", ([{"doors": 1}], [0, 1]), {}, "payloads", "1 rows for 2 ids"),
            ("update_payload", ([{"doors": 1}, {"doors": "x"}], [0, 1]), {}, "payloads", "row 1"),
            ("update_payload", ([{"doors": 1}] * 2, [0, 0]), {}, "ids", "positions 0 and 1"),
            ("update_payload", ([{"doors": 1}],), {"filter": F("doors") == 3}, "payload", "by filter"),
            ("delete_payload", ("doors", [0]), {}, "keys", "list"),
            ("delete_payload", ([], [0]), {}, "keys", "1 to 256"),
            ("delete_payload", ([".a"], [0]), {}, "keys", "maker.city"),
            ("delete_payload", (["doors"],), {}, "ids", "exactly one"),
            ("clear_payload", (), {}, "ids", "exactly one"),
            ("clear_payload", (), {"filter": {}}, "filter", "no condition"),
        ]
        for name, arguments, options, field, message in cases:
            with pytest.raises(vicinal.InvalidArgument, match=message) as caught:
                getattr(cars, name)(*arguments, **options)
            assert caught.value.field == field, (name, arguments)
        deep: Any = 1
        for _ in range(200):
            deep = {"a": deep}
        with pytest.raises(vicinal.InvalidArgument):
            cars.update_payload(deep, [0, 1], key=".".join("b" * 100))
        assert self.payloads(cars, 0, 1, 2) == before

    def test_payloads_are_changed_for_one_tenant(self, rooms: CollectionApi) -> None:
        for tenant in ("ada", "bob"):
            rooms.upsert([1], ones(1), [{"year": 1, "a": {"b": 1}}], tenant=tenant)
        assert rooms.delete_payload(["a.b"], [1], tenant="ada") == 1
        assert rooms.update_payload({"c": 2}, [1], key="a", tenant="bob") == 1
        assert rooms.clear_payload([1], tenant="eve") == 0
        found = [rooms.get([1], tenant=tenant)[0] for tenant in ("ada", "bob")]
        assert [point and point.payload for point in found] == [
            {"year": 1, "a": {}},
            {"year": 1, "a": {"b": 1, "c": 2}},
        ]

    def vectors(self, films: CollectionApi, *ids: int) -> list[float]:
        found = films.get(ids, with_vectors=True)
        return [0.0 if point is None else float(point.vectors["plot"][0]) for point in found]

    @pytest.mark.parametrize("sealed", [False, True])
    def test_upsert_by_whether_a_point_is_stored(self, films: CollectionApi, sealed: bool) -> None:
        first = films.upsert([1, 2], ones(2))
        assert isinstance(first, vicinal.Written)
        assert (first.points, pickle.loads(pickle.dumps(first)).points) == (2, 2)
        if sealed:
            films.flush()
        inserted = films.upsert([1, 3], 2 * ones(2), [{"year": 1}, {"year": 3}], mode="insert_only")
        assert inserted.points == 1
        assert inserted > first
        assert self.vectors(films, 1, 2, 3) == [1, 1, 2]
        updated = films.upsert([4, 2, 3], 3 * ones(3), [{"year": i} for i in (4, 2, 5)], mode="update_only")
        assert updated.points == 2
        assert self.vectors(films, 1, 2, 3, 4) == [1, 3, 3, 0]
        assert films.count(filter=F("year") >= 1) == 2
        assert films.count(filter=F("year") == 3) == 0
        assert films.upsert([1, 2], ones(2), mode="insert_only").points == 0
        assert films.upsert([7], ones(1), mode="update_only").points == 0
        assert films.upsert([1, 9], 5 * ones(2), mode="upsert").points == 2
        assert len(films) == 4

    @pytest.mark.parametrize("sealed", [False, True])
    def test_a_stored_point_is_replaced_only_if_it_fits(self, films: CollectionApi, sealed: bool) -> None:
        films.upsert([1, 2], ones(2), [{"year": 1}, {"year": 2}])
        if sealed:
            films.flush()
        changes = [{"year": 3}] * 3
        assert films.upsert([1, 2, 3], 2 * ones(3), changes, only_if=F("year") < 2).points == 2
        assert self.vectors(films, 1, 2, 3) == [2, 1, 2]
        as_json = {"key": "year", "range": {"lt": 3}}
        done = films.upsert(
            [1, 2, 4], 4 * ones(3), changes + changes[:0], mode="update_only", only_if=as_json
        )
        assert done.points == 1
        assert self.vectors(films, 1, 2, 3, 4) == [2, 4, 2, 0]
        assert films.upsert([1, 2], ones(2), only_if=has_id([1]), mode="update_only").points == 1
        assert [point and point.payload for point in films.get([1, 2])] == [{}, {"year": 3}]

    def test_conditions_that_cannot_be_are_refused(self, films: CollectionApi) -> None:
        films.upsert([1], ones(1))
        cases: list[tuple[dict[str, Any], str | None, str]] = [
            ({"mode": "insert"}, "mode", "insert_only"),
            ({"mode": None}, "mode", "upsert"),
            ({"mode": "insert_only", "only_if": F("year") == 1}, "only_if", "replaces none"),
            ({"only_if": {}}, "filter", "no condition"),
            ({"only_if": 3}, "filter", "filter"),
        ]
        for options, field, message in cases:
            with pytest.raises(vicinal.InvalidArgument, match=message) as caught:
                films.upsert([1, 2], 2 * ones(2), **options)
            assert caught.value.field == field
        assert films.upsert([1], 2 * ones(1), only_if=F("nobody") == 1).points == 0
        assert self.vectors(films, 1, 2) == [1, 0]

    def test_a_condition_is_about_points_of_its_tenant(self, rooms: CollectionApi) -> None:
        rooms.upsert([1], ones(1), [{"year": 1}], tenant="ada")
        assert rooms.upsert([1], ones(1), mode="update_only", tenant="bob").points == 0
        assert rooms.count(tenant="bob") == 0
        assert rooms.upsert([1, 2], ones(2), mode="insert_only", tenant="bob").points == 2
        assert rooms.upsert([1], ones(1), only_if=F("year") == 1, tenant="bob").points == 0
        assert rooms.info().tenants == 2
