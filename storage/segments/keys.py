"""The keys inside a segment.

========== ============================================ ===========================================
first byte rest of the key                              value
========== ============================================ ===========================================
0          nothing                                      the directory: a JSON record in an envelope
a          name                                         48-byte header and the data of an array
b          name                                         bytes in an envelope
p          length of the field (1 byte), field, key     a posting in an envelope
r          name                                         a JSON object in an envelope
========== ============================================ ===========================================

Names and fields are UTF-8, 1 to 255 bytes. A key has at most 511 bytes.
"""

from ..catalog.key_value_store import MAX_KEY_BYTES

MAX_NAME_BYTES = 255
DIRECTORY = b"\0"
ARRAY = b"a"
BYTES = b"b"
POSTING = b"p"
RECORD = b"r"


def array(name: str) -> bytes:
    """Return the key of an array."""
    return ARRAY + _name(name)


def byte_string(name: str) -> bytes:
    """Return the key of a byte string."""
    return BYTES + _name(name)


def record(name: str) -> bytes:
    """Return the key of a record."""
    return RECORD + _name(name)


def posting(field: str, key: bytes) -> bytes:
    """Return the key of a posting."""
    whole = _postings_of(field) + key
    if len(whole) > MAX_KEY_BYTES:
        room = MAX_KEY_BYTES - len(_postings_of(field))
        raise ValueError(
            f"a posting key of field {field!r} has at most {room} bytes, this one has {len(key)}"
        )
    return whole


def after_postings(field: str, key: bytes) -> bytes:
    """Return what is above the keys of all postings of a field that begin with `key`, and below the next."""
    whole = _postings_of(field) + key
    return whole + b"\xff" * (MAX_KEY_BYTES + 1 - len(whole))


def name_of(key: bytes) -> str:
    """Return the name in the key of an array, byte string or record."""
    # It is told in errors about damage, which may be in the key itself.
    return key[1:].decode(errors="backslashreplace")


def _postings_of(field: str) -> bytes:
    encoded = _name(field)
    return POSTING + bytes([len(encoded)]) + encoded


def _name(name: str) -> bytes:
    encoded = name.encode()
    if not 1 <= len(encoded) <= MAX_NAME_BYTES:
        raise ValueError(f"a name has 1 to {MAX_NAME_BYTES} bytes in UTF-8, {name[:40]!r} has {len(encoded)}")
    return encoded
