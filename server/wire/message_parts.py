"""How many parts a request is in, counted before it is parsed.

An empty message takes two bytes on the wire and some sixty once it is parsed, so a request of nothing but
those would take thirty times its size. Only requests that hold a repeated message can grow in this way.
"""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor

from ...engine.errors import InvalidArgument

MAX_PARTS = 1_000
"""A request of the largest schema has some three hundred."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

RepeatedParts = dict[int, "RepeatedParts"]
"""By number, the fields in which repeated messages are, each with its own; empty for such a message."""


def repeated_parts(descriptor: Descriptor) -> RepeatedParts:
    """Return where a message has repeated messages, at any depth. Messages here do not contain themselves."""
    parts: RepeatedParts = {}
    for field in descriptor.fields:
        if field.message_type is None:
            continue
        inner = repeated_parts(field.message_type)
        # `is_repeated` is not there in older releases of protobuf, and `label` not in newer ones.
        if inner or isinstance(field.default_value, list):
            parts[field.number] = inner
    return parts


def check_parts(data: bytes, parts: RepeatedParts) -> None:
    """Raise InvalidArgument when a message has too many parts, or is malformed where they are counted."""
    pending, seen = [(0, len(data), parts)], 0
    try:
        while pending:
            at, end, inside = pending.pop()
            while at < end:
                seen += 1
                if seen > MAX_PARTS:
                    raise InvalidArgument(
                        f"the request is in more than {MAX_PARTS:,} parts; send it in fewer"
                    )
                tag, at = _varint(data, at)
                kind = tag & 7
                if kind == _BYTES:
                    size, at = _varint(data, at)
                    inner = inside.get(tag >> 3)
                    if inner:
                        pending.append((at, min(at + size, end), inner))
                    at += size
                elif kind == _VARINT:
                    _, at = _varint(data, at)
                else:
                    at += {_FIXED64: 8, _FIXED32: 4}.get(kind, 0)
    except (IndexError, OverflowError) as error:
        raise InvalidArgument("the request is not a message of vicinal.v1: it ends within a field") from error


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
        if shift > 63:
            raise OverflowError("a number of more than ten bytes")
