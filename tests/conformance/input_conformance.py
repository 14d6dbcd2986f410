"""What every kind of database takes, in which form, and refuses. A part of ``DatabaseConformance``."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
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


class Labelled:
    """Looks values up by label, as a pandas Series whose index does not start at 0."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._values = list(values)

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __getitem__(self, label: int) -> Any:
        raise KeyError(label)


class Tensor:
    """Becomes an array and is no sequence, as a tensor or a column of a data frame."""

    def __init__(self, values: Any) -> None:
        self._array = np.asarray(values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._array if dtype is None else self._array.astype(dtype)


class OnAnotherDevice:
    """Refuses to become an array in an error of its own."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise RuntimeError("call .cpu() first")

    def __len__(self) -> int:
        return DIM


def objects(rows: list[Any]) -> np.ndarray:
    array = np.empty(len(rows), object)
    array[:] = rows
    return array


FORMS: dict[str, Callable[[list[Any]], Any]] = {
    "labelled": Labelled,
    "view": lambda rows: dict(enumerate(rows)).values(),
    "generator": lambda rows: (row for row in rows),
    "tuple": tuple,
    "deque": deque,
    "objects": lambda rows: Tensor(objects(rows)),
    "unmasked": lambda rows: np.ma.MaskedArray(objects(rows), False),
}


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

    @pytest.mark.parametrize("form", FORMS)
    def test_columns_of_any_form(self, films: CollectionApi, form: str) -> None:
        make = FORMS[form]
        rows = np.random.default_rng(1).standard_normal((5, DIM)).astype(np.float32)
        payloads = [{"year": None, "n": i} for i in range(5)]
        assert films.upsert(make([0, 1, "a", 2**63, 4]), Tensor(rows), make(payloads))
        points = films.get(make([0, 1, "a", 2**63, 4]), with_vectors=True)
        assert [point and point.payload for point in points] == payloads
        vectors = [point.vectors["plot"] for point in points if point is not None]
        np.testing.assert_array_equal(vectors, rows)
        if form not in ("objects", "unmasked"):
            films.upsert(make([0, 1]), make(list(rows[:2])), make(payloads[:2]))
            batch = films.search(make(list(rows)), k=1)
            assert [hits.ids.tolist() for hits in batch] == [[0], [1], ["a"], [2**63], [4]]
            assert films.search(make(rows[2].tolist()), k=1)[0].id == "a"
        assert films.delete(make(["a", 4])) == 2

    def test_queries_and_options_of_other_libraries(self, films: CollectionApi) -> None:
        rows = np.random.default_rng(2).standard_normal((300, DIM)).astype(np.float32)
        films.upsert(range(300), rows)
        assert films.search(Tensor(rows[7]), k=1)[0].id == 7
        assert films.search(Tensor(rows[:3]), k=1).ids.tolist() == [[0], [1], [2]]
        assert films.search([np.asarray(x) for x in rows[7]], k=1)[0].id == 7
        assert films.search(np.ma.MaskedArray(rows[7], False), k=1)[0].id == 7
        plain = films.search(rows[7], k=200, offset=100, recall=0.9, exact=True, threads=2)
        numpy_numbers: dict[str, Any] = {
            "k": np.uint8(200),
            "offset": np.int8(100),
            "recall": np.float32(0.9),
            "exact": np.bool_(True),
            "threads": np.int64(2),
        }
        same = films.search(rows[7], **numpy_numbers)
        assert same.ids.tolist() == plain.ids.tolist()
        assert len(same) == 200
        ef: Any = np.uint16(64)
        assert films.search(rows[7], k=1, ef=ef)[0].id == 7
        limit: Any = np.uint8(200)
        page = films.scroll(limit=limit)
        assert len(page.points) == 200
        assert len(films.scroll(limit=200, after=page.next).points) == 100

    def test_what_cannot_become_numbers_is_refused_in_words(self, films: CollectionApi) -> None:
        films.upsert([1], np.ones((1, DIM)), [{"year": 1}])
        masked = np.ma.MaskedArray(np.ones((2, DIM)), np.eye(2, DIM))
        many: list[Any] = [
            masked,
            list(masked),
            OnAnotherDevice(),
            [OnAnotherDevice(), OnAnotherDevice()],
            ({1, 2}, {3, 4}),
            [Labelled([1, 2]), Labelled([1])],
            7,
            "vectors",
        ]
        for rows in many:
            with pytest.raises(vicinal.InvalidArgument, match="plot"):
                films.upsert([1, 2], rows)
            with pytest.raises(vicinal.InvalidArgument, match="plot"):
                films.search(rows)
        refused: list[Any] = [
            7,
            np.ma.MaskedArray([1, 2], [False, True]),
            OnAnotherDevice(),
            Tensor([0.5, 1.5]),
        ]
        for ids in refused:
            with pytest.raises(vicinal.InvalidArgument, match="ids"):
                films.upsert(ids, np.ones((2, DIM)))
        options: list[Any] = [
            {"recall": np.bool_(True)},
            {"exact": np.int64(1)},
            {"recall": np.float32("nan")},
        ]
        for option in options:
            with pytest.raises(vicinal.InvalidArgument, match=next(iter(option))):
                films.search(np.ones(DIM), **option)
        assert [point.id for point in films.scroll().points] == [1]

    @pytest.mark.parametrize("fields", [["year"], "year", [("year", "integer")], 3])
    def test_indexed_fields_that_are_no_mapping(self, db: DatabaseApi, fields: Any) -> None:
        with pytest.raises(vicinal.InvalidArgument, match=r"fields is .*; pass .* by name") as caught:
            db.create_collection("films", Dense(2), fields=fields)
        assert caught.value.field == "fields"
        assert db.collections() == []
