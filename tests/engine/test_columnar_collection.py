"""A collection in columns: the same points as the public one returns, and told what they take."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import orjson
import pytest
from every_kind import FIELDS, vectors
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal import Dense
from vicinal.engine.collection import columnar
from vicinal.engine.errors import InvalidArgument, LimitExceeded
from vicinal.engine.results.carried import Carried
from vicinal.engine.results.hit_rows import one_vector
from vicinal.engine.results.point import Point, PointColumns
from vicinal.storage.columns.ids import IdColumn
from vicinal.storage.columns.payloads import PayloadColumn

N = 60


def anything(n: int) -> None:
    """Admit it."""


@pytest.fixture(params=["growing", "sealed", "both"])
def points(request: pytest.FixtureRequest) -> Iterator[vicinal.Collection]:
    """Give numbers as ids, and in `both` texts beside them in another segment."""
    settings = vicinal.MergePolicySettings(quiet_seconds=1e9)
    with vicinal.open(":memory:", merge_policy=settings) as db:
        points = db.create_collection("points", FIELDS)
        payloads = [{"text": "x" * i} for i in range(N)]
        points.upsert(range(N), vectors(N), payloads)
        if request.param != "growing":
            points.flush()
        if request.param == "both":
            points.upsert([f"p{i}" for i in range(N // 2)], vectors(N // 2), payloads[: N // 2])
        yield points


def as_points(columns: PointColumns) -> list[Point]:
    payloads = columns.payloads.to_list()
    return [
        Point(point_id, payloads[row], {name: one_vector(c, row) for name, c in columns.vectors.items()})
        for row, point_id in enumerate(columns.ids.tolist())
    ]


def assert_equal_points(got: list[Point], expected: list[Point]) -> None:
    assert [(point.id, point.payload) for point in got] == [(point.id, point.payload) for point in expected]
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_equal(one.vectors, other.vectors)


@pytest.mark.parametrize("with_vectors", [False, True])
def test_columns_are_the_points_that_exist(points: vicinal.Collection, with_vectors: bool) -> None:
    ids = [7, "p3", 999, 0, 7, "none"]
    expected = points.get(ids, with_vectors=with_vectors)
    found, columns = columnar(points).get(ids, Carried(True, with_vectors), None, anything)
    assert found.tolist() == [point is not None for point in expected]
    assert_equal_points(as_points(columns), [point for point in expected if point is not None])


def test_bytes_are_told_before_they_are_read(points: vicinal.Collection) -> None:
    told: list[int] = []
    columnar(points).get([3, 5, 3, 999], Carried(), None, told.append)
    assert told == [sum(len('{"text":""}') + i for i in (3, 5, 3))]

    def refuse(n: int) -> None:
        raise LimitExceeded(f"{n} bytes")

    with pytest.raises(LimitExceeded):
        columnar(points).get([1], Carried(), None, refuse)
    with pytest.raises(LimitExceeded):
        columnar(points).scroll(None, 10, None, None, Carried(), None, 10**6, refuse)
    before = points.get([1, 2])
    with pytest.raises(LimitExceeded):
        columnar(points).update_payload({"a": 1}, [1, 2], None, None, False, None, refuse)
    assert points.get([1, 2]) == before


@pytest.mark.parametrize("with_vectors", [False, True])
@pytest.mark.parametrize("most", [1, 1200, 10**6])
def test_pages_end_before_they_take_too_much(
    points: vicinal.Collection, most: int, with_vectors: bool
) -> None:
    got: list[Point] = []
    told: list[int] = []
    after = None
    while True:
        columns, after = columnar(points).scroll(
            None, 50, after, None, Carried(True, with_vectors), None, most, told.append
        )
        size = columns.payloads.nbytes + sum(column.nbytes for column in columns.vectors.values())
        assert size <= most or len(columns) == 1
        got += as_points(columns)
        if after is None:
            break
    assert max(told) <= most or most == 1
    assert_equal_points(got, list(points.scroll(limit=1000, with_vectors=with_vectors).points))


def test_what_nobody_asked_for_takes_nothing(points: vicinal.Collection) -> None:
    columns, after = columnar(points).scroll(
        {"has_id": []}, 10, None, None, Carried(True, True), None, 1, anything
    )
    assert (len(columns), after) == (0, None)
    assert [len(column) for column in columns.vectors.values()] == [0] * len(FIELDS)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.dictionaries(st.text(max_size=3), st.integers(-5, 5)), min_size=1, max_size=4), st.booleans()
)
def test_payloads_are_stored_as_the_text_they_came_as(rows: list[dict[str, int]], sealed: bool) -> None:
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    texts = [orjson.dumps(row, option=option) for row in rows]
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", Dense(2), fields={"a": "integer"})
        ids = IdColumn.from_values(range(len(rows)))
        columnar(points).upsert(ids, np.ones((len(rows), 2)), PayloadColumn.from_raw(texts), None)
        if sealed:
            points.flush()
        _, columns = columnar(points).get(range(len(rows)), Carried(), None, anything)
        assert [columns.payloads.raw(row) for row in range(len(rows))] == texts
        assert [point.payload for point in points.scroll().points] == rows
        assert points.count(filter=vicinal.F("a") >= 0) == sum(row.get("a", -1) >= 0 for row in rows)
        points.update_payload({"b": 1}, ids=[0])
        assert points.get([0]) == [Point(0, rows[0] | {"b": 1})]


def test_a_payload_that_does_not_fit_its_field_is_refused() -> None:
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", Dense(2), fields={"a": "integer"})
        with pytest.raises(InvalidArgument, match="payloads row 0"):
            columnar(points).upsert(
                IdColumn.from_values([1]), np.ones((1, 2)), PayloadColumn.from_raw([b'{"a":"text"}']), None
            )
        assert points.count() == 0
