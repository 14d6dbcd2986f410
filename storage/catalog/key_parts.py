"""What keys of the catalog are made of, checked."""

from uuid import UUID

KeyRange = tuple[bytes, bytes]

MAX_U32 = 2**32 - 1
MAX_U64 = 2**64 - 1
MAX_PART = 2**16 - 1
_MAX_TEXT_BYTES = 255
_NUMBER, _TEXT = b"\0", b"\1"


def starting_with(prefix: bytes) -> KeyRange:
    """Return the range of the keys that start with `prefix`, whose first byte is a kind and so below 255."""
    head = prefix.rstrip(b"\xff")
    return prefix, head[:-1] + bytes([head[-1] + 1])


def bounded(value: int, largest: int, what: str) -> int:
    """Return a number; ValueError unless it is from 0 to `largest`."""
    if not 0 <= value <= largest:
        raise ValueError(f"{what} is between 0 and {largest}, not {value}")
    return value


def sequence_number(seq: int) -> int:
    """Return a sequence number; ValueError when it is none."""
    return bounded(seq, MAX_U64, "a sequence number")


def text_bytes(value: str, what: str) -> bytes:
    """Return a text in UTF-8; ValueError unless that has 1 to 255 bytes."""
    encoded = value.encode()
    if not 1 <= len(encoded) <= _MAX_TEXT_BYTES:
        raise ValueError(
            f"{what} has 1 to {_MAX_TEXT_BYTES} bytes in UTF-8, {value[:40]!r} has {len(encoded)}"
        )
    return encoded


def uuid_bytes(segment: str) -> bytes:
    """Return the 16 bytes of a segment's uuid; ValueError unless it is written as uuids are."""
    parsed = UUID(segment)
    if str(parsed) != segment:
        raise ValueError(f"a segment's uuid is written {parsed}, not {segment!r}")
    return parsed.bytes


def point_id_bytes(point_id: int | str) -> bytes:
    """Return a point id, numbers before texts: 0 and a u64, or 1 and the text."""
    if isinstance(point_id, str):
        return _TEXT + text_bytes(point_id, "a point id")
    return _NUMBER + bounded(point_id, MAX_U64, "a point id").to_bytes(8, "big")


def point_id_of(part: bytes) -> int | str:
    """Return the point id that :func:`point_id_bytes` made; ValueError where it made none."""
    if part[:1] == _TEXT:
        return part[1:].decode()
    if part[:1] != _NUMBER or len(part) != 9:
        raise ValueError(f"{part.hex()} is no point id")
    return int.from_bytes(part[1:], "big")
