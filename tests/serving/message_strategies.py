"""Hypothesis strategies for requests that nobody should send, generated from the descriptors."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Sequence
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

# Beyond what protobuf descends into.
_NESTING = 150
_OBJECTS = 3000

_BYTES: list[bytes] = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b"{",
    b"\xff\xfe",
    b'{"a":NaN}',
    b'{"a":1e999}',
    b'{"a":1,"a":2}',
    b'{"\\ud800":1}',
    b'{"year":123456789012345678901234567890}',
    b'{"year":"1990"}',
    b'{"has_id":[1,"a",-1,1.5,null,true,[]]}',
    b'{"has_id":[18446744073709551616]}',
    b'{"key":"year","range":{"gte":1e400}}',
    b'{"key":"year","range":{"gte":-1e308,"lt":1e308}}',
    b'{"key":"genre","match":{"any":[]}}',
    b'{"key":"added","range":{"gt":"9999-12-31T23:59:59-23:59"}}',
    b'{"key":"added","match":{"value":"0001-01-01T00:00:00+23:59"}}',
    b'{"must":{"must":{"must_not":[]}}}',
    b'{"name":"hnsw","m":16}',
    b'{"name":"hnsw","m":1000000000,"ef_construction":-1}',
    b'{"name":"nothing"}',
    b'{"must":[' * _OBJECTS + b"]}" * _OBJECTS,
    b'{"a":' * 200_000,
    b"[" * 200_000 + b"]" * 200_000,
    b'{"must":[' + b",".join([b'{"has_id":[1]}'] * 1100) + b"]}",
    b'{"has_id":[' + b"1," * 50_000 + b"1]}",
    json.dumps({"key": "k" * 70_000, "match": {"value": "v" * 70_000}}).encode(),
    struct.pack("<8f", *range(8)),
    struct.pack("<8f", *[float("nan")] * 8),
    struct.pack("<8f", *[float("inf")] * 8),
    struct.pack("<8f", *[3e38] * 8),
    struct.pack("<8f", *[1e-45] * 8),
    bytes(32),
    b"\xff" * 32,
    b"\x00" * 4096,
]
_NUMBERS = [0, 1, 2, 4, 8, 10, 32, 255, 1000, 8192, 8193, 10_000, 10_001, 65_536, 2**31 - 1]
# What they name wrongly is not found, and nothing else of the request is looked at.
_NAMING = {"scope", "collection", "collection_uuid", "name", "tenant"}
_BOUNDS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


class Malformed:
    """Strategies whose texts are partly ``names``, so that requests get past the names of things."""

    def __init__(self, names: Sequence[str]) -> None:
        odd = ["", ".", "..", "../x", "\0", "a" * 64, "a" * 65, "é", "x" * 300, "a b", "year", "vector"]
        self._texts = st.sampled_from([*names] * 3 + odd) | st.text(max_size=8)
        self._messages = cache(self._make_messages)

    def arbitrary(self, kind: type[Message]) -> st.SearchStrategy[bytes]:
        """Return the bytes of messages of a kind with any values."""
        return self._messages(kind.DESCRIPTOR).map(_serialized)

    def altered(self, valid: Message) -> st.SearchStrategy[bytes]:
        """Return the bytes of a valid message some of whose fields, if it has any, have other values."""

        @st.composite
        def messages(draw: st.DrawFn) -> bytes:
            message = type(valid)()
            message.CopyFrom(valid)
            for _ in range(draw(st.integers(1, 3)) if message.DESCRIPTOR.fields else 0):
                self._alter(draw, message)
            return _serialized(message)

        return messages()

    def _alter(self, draw: st.DrawFn, message: Message) -> None:
        """Give one field, at some depth, another value or none."""
        while True:
            fields = message.DESCRIPTOR.fields
            weights = [1 if field.name in _NAMING else 4 for field in fields]
            field = draw(
                st.sampled_from([one for one, n in zip(fields, weights, strict=True) for _ in range(n)])
            )
            inner = None
            if field.message_type is not None and not _is_map(field):
                held = getattr(message, field.name)
                inner = (held[0] if held else None) if field.is_repeated else held
            if inner is None or not inner.DESCRIPTOR.fields or draw(st.integers(0, 9)) == 0:
                break
            message = inner
        message.ClearField(field.name)
        if draw(st.integers(0, 9)):
            _assign(message, field, draw(self._field(field)))

    def _make_messages(self, descriptor: Descriptor) -> st.SearchStrategy[Message]:
        @st.composite
        def messages(draw: st.DrawFn) -> Message:
            message = GetMessageClass(descriptor)()
            for field in descriptor.fields:
                if draw(st.integers(0, 5)):
                    _assign(message, field, draw(self._field(field)))
            return message

        return messages()

    def _field(self, field: FieldDescriptor) -> st.SearchStrategy[Any]:
        if not field.is_repeated:
            return self._value(field)
        value = self._value(field)
        if _is_map(field):
            return st.lists(value, max_size=3).map(lambda entries: {one.key: one.value for one in entries})
        if field.message_type is not None:
            return st.lists(value, max_size=3)
        long = st.builds(lambda item, n: [item] * n, value, st.sampled_from([33, 1000, 20_000]))
        return st.lists(value, max_size=6) | st.lists(value, max_size=6) | long

    def _value(self, field: FieldDescriptor) -> st.SearchStrategy[Any]:
        if field.message_type is not None:
            return self._messages(field.message_type)
        if field.enum_type is not None:
            numbers = [value.number for value in field.enum_type.values]
            return st.sampled_from(numbers * 3 + [-1, 99, 2**31 - 1, -(2**31)])
        if field.cpp_type in _BOUNDS:
            low, high = _BOUNDS[field.cpp_type]
            return st.sampled_from([*_NUMBERS, low, high, high - 1]) | st.integers(low, high)
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return st.booleans()
        if field.type == FieldDescriptor.TYPE_BYTES:
            return st.sampled_from(_BYTES) | st.binary(max_size=80)
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._texts
        return st.sampled_from([0.0, 1.0, 0.95, -1.0, 1e-300, 1e300]) | st.floats(width=32)


def mutated(valid: bytes) -> st.SearchStrategy[bytes]:
    """Return valid bytes after a few accidents: bytes changed, lost, added, doubled or cut off."""
    return st.builds(
        lambda seed, n: _damaged(random.Random(seed), valid, n), st.integers(0, 2**32), st.integers(1, 4)
    )


def noise() -> st.SearchStrategy[bytes]:
    """Return bytes that are no message, and ones nested deeper than protobuf goes."""
    groups = st.integers(1, 100).map(lambda number: _tag(number, 3) * _NESTING + _tag(number, 4) * _NESTING)
    boxes = st.integers(1, 6).map(_boxed)
    promised = st.builds(
        lambda number, n: _tag(number, 2) + _varint(n), st.integers(1, 6), st.integers(0, 2**64 - 1)
    )
    return st.binary(max_size=200) | groups | boxes | promised


def _damaged(rng: random.Random, data: bytes, times: int) -> bytes:
    damaged = bytearray(data)
    for _ in range(times):
        at = rng.randrange(len(damaged) + 1)
        length = rng.choice([1, 1, 2, 4, 16])
        piece = bytes(damaged[at : at + length])
        flipped = bytes(byte ^ (1 << rng.randrange(8)) for byte in piece)
        damaged[at : at + length] = rng.choice(
            [b"", piece * 2, rng.randbytes(length), flipped, b"\xff" * length]
        )
        if rng.random() < 0.1:
            del damaged[rng.randrange(len(damaged) + 1) :]
    return bytes(damaged)


def _assign(message: Message, field: FieldDescriptor, value: Any) -> None:
    if _is_map(field):
        getattr(message, field.name).update(value)
    elif field.is_repeated:
        getattr(message, field.name).extend(value)
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(value)
    else:
        setattr(message, field.name, value)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()


def _boxed(number: int) -> bytes:
    data = b""
    for _ in range(_NESTING):
        data = _tag(number, 2) + _varint(len(data)) + data
    return data


def _tag(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
