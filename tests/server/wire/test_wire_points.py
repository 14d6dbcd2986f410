from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from column_strategies import batches, payloads, point_ids
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal.engine.collection import columnar
from vicinal.engine.errors import InvalidArgument
from vicinal.engine.filters.expression import Filter
from vicinal.engine.filters.field import F, has_id
from vicinal.engine.filters.notations.qdrant_json import filter_to_json
from vicinal.engine.input.upsert_condition import UpsertCondition, UpsertMode
from vicinal.engine.results.carried import Carried
from vicinal.engine.results.point import Point, PointColumns
from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.engine.schema.multi_field import Multi
from vicinal.engine.schema.sparse_field import Sparse
from vicinal.engine.schema.vector_field import Dense
from vicinal.proto.v1 import points_pb2 as pb
from vicinal.server.wire.bounded_json import write_json
from vicinal.server.wire.payloads import put_payloads
from vicinal.server.wire.point_ids import put_ids
from vicinal.server.wire.points import (
    put_condition,
    put_points,
    put_selection,
    read_condition,
    read_found,
    read_points,
    read_selection,
    read_update,
    read_upsert,
)
from vicinal.server.wire.vectors import put_fields
from vicinal.storage.columns.batch import Batch
from vicinal.storage.columns.payloads import PayloadColumn

SCHEMA = CollectionSchema({"plot": Dense(4), "words": Sparse(), "tokens": Multi(3, element="float32")})


def random_points(n: int, *, with_vectors: bool = True) -> list[Point]:
    rng = np.random.default_rng(n)
    points: list[Point] = []
    for row in range(n):
        vectors: dict[str, Any] = {
            "plot": rng.random(4, np.float32),
            "words": (np.arange(row, dtype=np.uint32), rng.random(row, np.float32)),
            "tokens": rng.random((row + 1, 3), np.float32),
        }
        point_id = f"p{row}" if row % 2 else row
        points.append(Point(point_id, {"row": row} if row else {}, vectors if with_vectors else {}))
    return points


def as_columns(points: Sequence[Point]) -> PointColumns:
    """Return points as an engine has them as columns, which holds other points too."""
    ids = [point.id for point in points]
    with vicinal.open(":memory:") as database:
        collection = database.create_collection("films", SCHEMA.vectors)
        stored = random_points(len(points) + 1)
        for point in stored:
            vectors = {name: [vector] for name, vector in point.vectors.items()}
            collection.upsert([point.id], vectors, [point.payload])
        for point in points:
            if point.vectors:
                vectors = {name: [vector] for name, vector in point.vectors.items()}
                collection.upsert([point.id], vectors, [point.payload])
        with_vectors = any(point.vectors for point in points)
        return columnar(collection).get(ids, Carried(True, with_vectors), None, lambda n: None)[1]


def assert_equal_points(found: list[Point | None], expected: list[Point | None]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        if one is None or other is None:
            continue
        assert (one.id, one.payload) == (other.id, other.payload)
        assert list(one.vectors) == list(other.vectors)
        for name, vector in one.vectors.items():
            assert type(vector) is type(other.vectors[name])
            np.testing.assert_equal(vector, other.vectors[name], strict=True)


@pytest.mark.parametrize("n", [0, 1, 5])
@pytest.mark.parametrize("with_vectors", [True, False])
def test_points_arrive_as_they_were_sent(n: int, with_vectors: bool) -> None:
    points = random_points(n, with_vectors=with_vectors)
    message = pb.PointColumns()
    put_points(message, as_columns(points))
    arrived = read_points(pb.PointColumns.FromString(message.SerializeToString()))
    assert_equal_points([*arrived], [*points])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), max_size=6))
def test_what_was_found_arrives_in_its_place(there: list[bool]) -> None:
    points = [point if found else None for point, found in zip(random_points(len(there)), there, strict=True)]
    message = pb.GetPointsResponse(found=there)
    put_points(message.points, as_columns([point for point in points if point is not None]))
    assert_equal_points(read_found(message, len(there)), points)
    with pytest.raises(InvalidArgument, match="found has"):
        read_found(message, len(there) + 1)


def test_what_was_found_is_as_much_as_there_are_points() -> None:
    message = pb.GetPointsResponse(found=[True, True, True])
    put_points(message.points, as_columns(random_points(2)))
    with pytest.raises(InvalidArgument, match="3 of them true, for 3 ids and 2 points"):
        read_found(message, 3)


@given(batches())
def test_an_upsert_arrives_as_the_engine_takes_it(batch: Batch) -> None:
    message = pb.PointColumns()
    put_ids(message.ids, batch.ids.column())
    put_fields(message.vectors, batch.vectors)
    put_payloads(message.payloads, batch.payloads)
    ids, vectors, rows = read_upsert(pb.PointColumns.FromString(message.SerializeToString()))
    assert ids == batch.ids.to_list()
    assert list(vectors) == list(batch.vectors)
    assert rows.to_list() == batch.payloads.to_list()


def test_columns_that_differ_in_length_are_refused() -> None:
    message = pb.PointColumns()
    put_points(message, as_columns(random_points(3)))
    message.ids.is_text.append(False)
    message.ids.numbers.append(7)
    for read in (read_points, read_upsert):
        with pytest.raises(InvalidArgument, match="has 3 rows for 4 ids"):
            read(message)
    message.ClearField("payloads")
    with pytest.raises(InvalidArgument, match="has 3 rows for 4 ids"):
        read_points(message)


@given(payloads)
def test_one_payload_arrives(payload: dict[str, Any]) -> None:
    assert read_update(pb.UpdatePayloadsRequest(payload_json=write_json(payload)), 2) == payload


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b'{"a":NaN}'])
def test_one_payload_is_an_object(text: bytes) -> None:
    with pytest.raises(InvalidArgument, match="payload is") as caught:
        read_update(pb.UpdatePayloadsRequest(payload_json=text), 2)
    assert caught.value.field == "payload"


@given(st.lists(payloads, max_size=3))
def test_payloads_of_each_id_arrive(rows: list[dict[str, Any]]) -> None:
    message = pb.UpdatePayloadsRequest()
    put_payloads(message.payloads, PayloadColumn.from_rows(rows, len(rows)))
    assert read_update(message, len(rows)) == rows
    with pytest.raises(InvalidArgument):
        read_update(message, len(rows) + 1)
    message.payload_json = b"{}"
    with pytest.raises(InvalidArgument, match="one of them"):
        read_update(message, len(rows))


@pytest.mark.parametrize("mode", UpsertMode)
@pytest.mark.parametrize("only_if", [None, has_id([1, "a"])])
def test_a_condition_arrives(mode: UpsertMode, only_if: Filter | None) -> None:
    message = pb.UpsertPointsRequest()
    put_condition(message, UpsertCondition(mode, only_if))
    expected = None if only_if is None else filter_to_json(only_if)
    assert read_condition(pb.UpsertPointsRequest.FromString(message.SerializeToString())) == (mode, expected)
    message.mode = 3  # type: ignore[assignment]  # what a newer client may send
    with pytest.raises(InvalidArgument, match="mode is 3"):
        read_condition(message)


@given(st.lists(point_ids, max_size=5))
def test_a_selection_of_ids_arrives(ids: list[int | str]) -> None:
    message = pb.Selection()
    put_selection(message, ids, None)
    assert read_selection(pb.Selection.FromString(message.SerializeToString())) == (ids, None)


def test_a_selection_by_filter_arrives() -> None:
    message = pb.Selection()
    put_selection(message, None, F("year") >= 1990)
    assert read_selection(message) == (None, {"key": "year", "range": {"gte": 1990}})


@pytest.mark.parametrize("message", [pb.Selection(), pb.Selection(filter=pb.Filter())])
def test_a_selection_of_nothing_is_not_one_of_everything(message: pb.Selection) -> None:
    with pytest.raises(InvalidArgument):
        read_selection(message)
