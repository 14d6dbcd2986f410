from __future__ import annotations

import tracemalloc
from contextlib import suppress

import pytest
from google.protobuf.message import DecodeError, Message
from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.errors import InvalidArgument
from vicinal.proto.v1 import collections_pb2, points_pb2, search_pb2
from vicinal.server.wire.message_parts import check_parts
from vicinal.server.wire.methods import METHODS, SERVICES, Method

UNKNOWN_FIELD = b"\xf8\x7f\x01"
"""Field 2047 with the number 1."""


def search_request() -> search_pb2.SearchRequest:
    request = search_pb2.SearchRequest()
    request.scope.collection = "films"
    request.query.dense.data = bytes(16)
    request.options.k = 10
    request.options.filter.json = b"{}"
    return request


def test_every_rpc_is_there_under_its_path() -> None:
    services = [
        service
        for module in (collections_pb2, points_pb2, search_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
    ]
    for service in services:
        assert service.full_name in SERVICES
        for descriptor in service.methods:
            path = f"/{service.full_name}/{descriptor.name}"
            method = METHODS[path]
            assert method.path == path
            assert method.request.DESCRIPTOR is descriptor.input_type
            assert method.response.DESCRIPTOR is descriptor.output_type
            assert method.streams == descriptor.server_streaming
            assert not descriptor.client_streaming
    assert METHODS["/vicinal.v1.SearchService/Search"].request is search_pb2.SearchRequest
    assert {path.split("/")[1] for path in METHODS} == set(SERVICES)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_a_request_is_parsed(method: Method) -> None:
    assert method.parse(b"") == method.request()
    with pytest.raises(InvalidArgument, match=f"field 2047 in {method.request.DESCRIPTOR.name}"):
        method.parse(UNKNOWN_FIELD)
    with pytest.raises(InvalidArgument, match=f"not a {method.request.DESCRIPTOR.full_name}"):
        method.parse(b"\xff\xff")


def test_a_request_in_parts_is_one_request() -> None:
    request = search_request()
    parts = request.SerializeToString(), search_pb2.SearchRequest(scope=request.scope).SerializeToString()
    assert METHODS["/vicinal.v1.SearchService/Search"].parse(b"".join(parts)) == request


def test_a_default_that_is_spelled_out_is_no_unknown_field() -> None:
    k_of_zero = b"\x1a\x02\x10\x00"
    assert METHODS["/vicinal.v1.SearchService/Search"].parse(k_of_zero).options.k == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("large", [False, True])
def test_an_unknown_field_is_found_at_any_depth(large: bool) -> None:
    request = points_pb2.UpsertPointsRequest()
    request.points.ids.numbers.extend(range(100_000 if large else 3))
    request.points.vectors.add(field="plot")
    places: list[Message] = [request, request.scope, request.points, request.points.ids]
    places += [request.points.vectors[0], request.points.vectors[0].vectors]
    assert METHODS["/vicinal.v1.PointService/UpsertPoints"].parse(request.SerializeToString()) == request
    for place in places:
        place.MergeFromString(UNKNOWN_FIELD)
        with pytest.raises(InvalidArgument, match=f"field 2047 in {place.DESCRIPTOR.name}, which this"):
            METHODS["/vicinal.v1.PointService/UpsertPoints"].parse(request.SerializeToString())
        place.DiscardUnknownFields()


def nested(*numbers: int, repeat: int) -> bytes:
    """Return empty messages in the last of the fields, which is within the others."""
    data = bytes([numbers[-1] << 3 | 2, 0]) * repeat
    for number in numbers[-2::-1]:
        size = len(data)
        data = bytes([number << 3 | 2, size & 127 | 128, size >> 7 & 127 | 128, size >> 14]) + data
    return data


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/vicinal.v1.PointService/UpsertPoints", (2, 3)),
        ("/vicinal.v1.CollectionService/CreateCollection", (2, 1)),
        ("/vicinal.v1.CollectionService/CreateCollection", (2, 2)),
    ],
)
def test_a_request_of_nothing_but_parts_is_refused_before_it_is_parsed(
    path: str, fields: tuple[int, ...]
) -> None:
    data = nested(*fields, repeat=500_000)
    # What is malformed further on takes as much memory until the parser gets there.
    for received in (data, data + b"\xff", data[:-1], data + b"\x80" * 100_000):
        tracemalloc.start()
        try:
            with pytest.raises(InvalidArgument, match=r"more than 1,000 parts|not a message"):
                METHODS[path].parse(received)
            assert tracemalloc.get_traced_memory()[1] < 100_000
        finally:
            tracemalloc.stop()


def test_the_largest_schema_is_not_in_too_many_parts() -> None:
    request = collections_pb2.CreateCollectionRequest(name="films")
    for number in range(32):
        request.schema.vectors.add(name=f"f{number}").dense.index_json = "x" * 4000
    for number in range(256):
        request.schema.fields.add(path=f"f{number}")
    data = request.SerializeToString()
    assert len(data) > 100_000
    assert METHODS["/vicinal.v1.CollectionService/CreateCollection"].parse(data) == request


@given(st.binary(max_size=60))
def test_parts_are_counted_in_any_bytes(data: bytes) -> None:
    method = METHODS["/vicinal.v1.CollectionService/CreateCollection"]
    try:
        method.request.FromString(data)
    except DecodeError:
        with suppress(InvalidArgument):
            check_parts(data, method.parts)
    else:
        # What is a message is one to both.
        check_parts(data, method.parts)


def test_texts_are_utf8() -> None:
    data = search_request().SerializeToString().replace(b"films", b"fil\xffs")
    with pytest.raises(InvalidArgument, match="texts in UTF-8"):
        METHODS["/vicinal.v1.SearchService/Search"].parse(data)


@given(st.sampled_from(sorted(METHODS)), st.binary(max_size=60))
def test_any_bytes_are_a_request_or_refused(path: str, data: bytes) -> None:
    method = METHODS[path]
    with suppress(InvalidArgument):
        request = method.parse(data)
        assert method.parse(request.SerializeToString()) == request
