from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from column_strategies import point_ids, texts
from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.errors import InvalidArgument, LimitExceeded
from vicinal.engine.filters.expression import And, Exists, Filter, HasId, IsNull, Not, Or
from vicinal.engine.filters.field import F, at_least, has_id, has_vector
from vicinal.engine.filters.limits import MAX_DEPTH
from vicinal.engine.filters.notations.qdrant_json import filter_from_json, filter_to_json
from vicinal.engine.input.queries import bound
from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.engine.schema.payload_field import FieldType
from vicinal.engine.schema.vector_field import Dense
from vicinal.proto.v1 import points_pb2 as pb
from vicinal.server.wire.filters import MAX_BYTES, put_filter, read_filter

paths = st.sampled_from(["year", "author.name", "a-b_c"])
scalars = (
    texts | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
)
ids = st.lists(point_ids, max_size=5)
conditions = st.one_of(
    st.builds(lambda path, value: F(path) == value, paths, scalars),
    st.builds(lambda path, values: F(path).is_in(values), paths, st.lists(scalars, max_size=4)),
    st.builds(lambda path, value: F(path) >= value, paths, scalars),
    st.builds(lambda path, value: F(path) < value, paths, scalars),
    st.builds(lambda path, values: F(path).any_except(values), paths, st.lists(scalars, max_size=4)),
    st.builds(lambda path, count: F(path).values_count(gte=count), paths, st.integers(0, 5)),
    st.builds(IsNull, paths),
    st.builds(Exists, paths),
    st.builds(lambda some: HasId(tuple(some)), ids),
    st.sampled_from([has_vector("plot"), has_vector("a.b")]),
)
filters = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds(lambda parts: And(tuple(parts)), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda parts: Or(tuple(parts)), st.lists(inner, min_size=1, max_size=3)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)


def sent(expression: Filter | dict[str, Any] | str) -> pb.Filter:
    message = pb.Filter()
    put_filter(message, expression)
    return pb.Filter.FromString(message.SerializeToString())


@given(filters)
def test_filters_arrive_as_they_were_sent(expression: Filter) -> None:
    assert filter_from_json(read_filter(sent(expression))) == filter_from_json(filter_to_json(expression))


def test_json_is_sent_as_the_filter_it_describes() -> None:
    given_json = {"must": {"key": "year", "range": {"gte": datetime(1990, 1, 1)}}}
    arrived = filter_from_json(read_filter(sent(given_json)))
    assert arrived == filter_from_json(given_json)


def test_a_string_is_sent_as_the_filter_it_describes() -> None:
    assert filter_from_json(read_filter(sent("year >= 1990"))) == (F("year") >= 1990)


def test_numbers_beyond_64_bits_still_bound_a_range() -> None:
    schema = CollectionSchema({"plot": Dense(8)}, {"year": FieldType.INTEGER})
    expression = (F("year") < 2**80) & (F("year") > -(2**80))
    assert bound(read_filter(sent(expression)), schema) == bound(expression, schema)


@pytest.mark.parametrize("wrong", [{"must": 7}, {"no such key": 1}, {"key": "year"}])
def test_what_is_no_filter_is_refused_before_it_is_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        put_filter(pb.Filter(), wrong)


def test_the_deepest_filter_arrives() -> None:
    expression: Filter = F("year").is_in([1, 2])
    for level in range(MAX_DEPTH - 1):
        expression = at_least(1, [expression, has_id([level])])
    assert filter_from_json(read_filter(sent(expression))) == expression


@pytest.mark.parametrize(
    "text",
    [b"", b"null", b"[]", b"{", b"\xff", b'{"must":NaN}', b'{"must":[1e999]}', b'"must"', b"{}{}"],
)
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidArgument, match="the filter is") as caught:
        read_filter(pb.Filter(json=text))
    assert caught.value.field == "filter"


def test_a_key_that_is_there_twice_is_refused() -> None:
    text = b'{"must": [{"has_id": [1]}], "must": [{"has_id": [2]}]}'
    with pytest.raises(InvalidArgument, match="the filter has the key 'must' twice") as caught:
        read_filter(pb.Filter(json=text))
    assert caught.value.field == "filter"


@pytest.mark.parametrize(
    "text",
    [
        b'{"must":[' * 100 + b"]}" * 100,
        b'{"must":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"must":[' + b'{"has_id":[1]},' * 80_000 + b'{"has_id":[1]}]}',
    ],
    ids=["objects", "lists", "bytes"],
)
def test_what_is_larger_than_any_filter_is_refused(text: bytes) -> None:
    with pytest.raises(LimitExceeded) as caught:
        read_filter(pb.Filter(json=text))
    assert caught.value.field == "filter"


def test_many_values_are_no_depth() -> None:
    record = {"must": [{"key": "year", "match": {"any": list(range(1000))}}] * 50}
    text = sent(record).json
    assert len(text) < MAX_BYTES
    assert read_filter(pb.Filter(json=text)) == record
