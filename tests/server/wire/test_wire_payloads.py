from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from column_strategies import payloads
from hypothesis import example, given
from hypothesis import strategies as st

from vicinal.engine.error_translation import translated
from vicinal.engine.errors import InvalidArgument, LimitExceeded
from vicinal.proto.v1 import vectors_pb2 as pb
from vicinal.server.wire.bounded_json import has_long_number, read_bounded_object, write_json
from vicinal.server.wire.payloads import put_payloads, read_checked_payloads, read_payload_column
from vicinal.storage.columns.payloads import PayloadColumn

row_lists = st.lists(payloads, max_size=6)


def sent(column: PayloadColumn) -> pb.Payloads:
    message = pb.Payloads()
    put_payloads(message, column)
    return pb.Payloads.FromString(message.SerializeToString())


def raw(*texts: bytes) -> pb.Payloads:
    return pb.Payloads(json=b"".join(texts), row_sizes=list(map(len, texts)))


@given(row_lists)
@example([{}, {"titel": "Köln 🎬", "n": 2**64 - 1, "low": -(2**63)}, {}])
def test_payloads_arrive_as_they_were_sent(rows: list[dict[str, Any]]) -> None:
    column = PayloadColumn.from_rows(rows, len(rows))
    message = sent(column)
    for read in (read_checked_payloads, read_payload_column):
        arrived = read(message, len(rows))
        assert [arrived.raw(row) for row in range(len(rows))] == [column.raw(row) for row in range(len(rows))]
        assert arrived.to_list() == rows


@given(st.lists(payloads | st.none(), min_size=1, max_size=6))
def test_no_bytes_stand_for_the_empty_object(rows: list[dict[str, Any] | None]) -> None:
    message = raw(*[b"" if row is None else write_json(row) for row in rows])
    expected = [row or {} for row in rows]
    assert read_checked_payloads(message, len(rows)).to_list() == expected
    assert read_payload_column(message, len(rows)).to_list() == expected


def test_payloads_may_be_left_out() -> None:
    assert read_checked_payloads(pb.Payloads(), 3).to_list() == [{}, {}, {}]
    assert read_payload_column(pb.Payloads(), 3).to_list() == [{}, {}, {}]


@pytest.mark.parametrize(
    "message",
    [
        raw(b"{}"),
        raw(b"{}", b"{}", b"{}"),
        pb.Payloads(json=b"{}{}", row_sizes=[2, 3]),
        pb.Payloads(json=b"{}{}", row_sizes=[2, 1]),
        pb.Payloads(json=b"{}{}", row_sizes=[2**32 - 1, 2]),
        pb.Payloads(json=b"{}{}"),
        pb.Payloads(row_sizes=[2, 2]),
    ],
)
def test_sizes_that_do_not_fit_are_refused(message: pb.Payloads) -> None:
    for read in (read_checked_payloads, read_payload_column):
        with pytest.raises(InvalidArgument, match="payloads has") as caught:
            read(message, 2)
        assert caught.value.field == "payloads"


NO_OBJECTS = [
    b"null",
    b"[]",
    b'"text"',
    b"7",
    b"{",
    b"{}}",
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":1e999}',
    b'{"a":"\\ud800"}',
    b'{"a":"\xff"}',
    b"\xff\xfe{\x00}\x00",
    b'{"a":1,}',
    b"{'a':1}",
    b'{"a":' * 100_000,
    b'{"a":' * 1500 + b"1" + b"}" * 1500,
]


@pytest.mark.parametrize("text", NO_OBJECTS, ids=lambda text: text[:20].decode("latin-1"))
def test_what_is_no_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidArgument, match="payloads row 1 is") as caught:
        read_checked_payloads(raw(b"{}", text), 2)
    assert caught.value.field == "payloads"


@pytest.mark.parametrize("depth", [254, 255, 500])
@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":', b"}"), (b'{"a":[', b"]}")])
def test_a_payload_is_as_deep_as_the_engine_takes_it(depth: int, opening: bytes, closing: bytes) -> None:
    levels = depth // (len(opening) - 4)
    text = opening * levels + b"1" + closing * levels
    message = raw(b"{}", text)
    try:
        with translated():
            PayloadColumn.from_rows([{}, json.loads(text)], 2)
    except InvalidArgument as error:
        refused = str(error)
        with pytest.raises(InvalidArgument, match="payloads row 1 cannot be stored") as caught:
            read_checked_payloads(message, 2)
        assert str(caught.value) == refused
        assert depth > 254
    else:
        assert read_checked_payloads(message, 2).raw(1) == text


@given(st.integers(-(2**80), 2**80), st.booleans())
@example(2**64, True)
@example(2**64 - 1, True)
@example(-(2**63) - 1, True)
@example(-(2**63), False)
def test_integers_beyond_64_bits_are_refused(number: int, in_text: bool) -> None:
    row = {"n": number, "t": str(number) if in_text else ""}
    inside = -(2**63) <= number < 2**64
    assert has_long_number(write_json(row)) or inside
    message = raw(write_json(row))
    if inside:
        assert read_checked_payloads(message, 1).to_list() == [row]
    else:
        with pytest.raises(InvalidArgument, match=r"payloads row 0 cannot be stored.*beyond 64 bits"):
            read_checked_payloads(message, 1)


# A key, with what may stand around its colon, and a value that may look like one.
_ENTRIES = st.tuples(
    st.sampled_from(["a", "b", "a:", 'a"', ""]),
    st.sampled_from(["", " ", "\n\t"]),
    st.sampled_from(["1", '"\\":"', '"a\\" :"', "{}", '{"a":1}', '[{"b" :1}]', '{"a":1,"a":1}', '":"']),
)


@given(st.lists(_ENTRIES, max_size=4))
def test_equal_keys_are_refused(entries: list[tuple[str, str, str]]) -> None:
    inside = [f"{json.dumps(key)}{space}:{value}" for key, space, value in entries]
    text = ("{" + ",".join(inside) + "}").encode()
    keys = [key for key, _, _ in entries]
    if len(set(keys)) < len(keys) or any('"a":1,"a"' in value for _, _, value in entries):
        with pytest.raises(InvalidArgument, match=r"payloads row 0 has the key '.*' twice"):
            read_checked_payloads(raw(text), 1)
    else:
        assert read_checked_payloads(raw(text), 1).raw(0) == text


@given(st.lists(st.binary(max_size=12) | st.sampled_from(NO_OBJECTS[:-2]), min_size=1, max_size=3))
def test_whatever_arrives_is_refused_or_objects(texts: list[bytes]) -> None:
    with suppress(InvalidArgument):
        rows = read_checked_payloads(raw(*texts), len(texts)).to_list()
        assert rows == [json.loads(text) if text else {} for text in texts]


def test_a_bounded_object_is_small_and_flat() -> None:
    def read(text: bytes) -> dict[str, Any]:
        return read_bounded_object(text, "the thing", "thing", max_bytes=100, max_nesting=3)

    assert read(b'{"a":[{"b":1}],"c":"[[[[[["}') == {"a": [{"b": 1}], "c": "[[[[[["}
    with pytest.raises(LimitExceeded, match="the thing is JSON nested more than 3 deep") as caught:
        read(b'{"a":[{"b":[]}]}')
    assert caught.value.field == "thing"
    with pytest.raises(LimitExceeded, match="101 bytes of JSON; at most 100"):
        read(b'{"a":1}'.ljust(101))
