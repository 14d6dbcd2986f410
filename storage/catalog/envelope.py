"""A checksum around every catalog value.

LMDB returns flipped bits without complaint. The checksum covers the key too, so a sound value found under
another key is refused.
"""

import struct
import zlib

from ..errors import CorruptionError

_CRC = struct.Struct("<I")
OVERHEAD = _CRC.size


def seal(key: bytes, payload: bytes) -> bytes:
    """Return the crc32 of `key` and `payload` (4 bytes, little endian) followed by `payload`."""
    return _CRC.pack(zlib.crc32(payload, zlib.crc32(key))) + payload


def unseal(key: bytes, value: bytes | memoryview, *, path: str = "") -> memoryview:
    """Return the payload inside `value` without copying it.

    Raises
    ------
    CorruptionError
        When the value was not made by `seal` with this key; `path` says where it was read.
    """
    view = memoryview(value)
    if len(view) < OVERHEAD:
        raise CorruptionError(
            path, f"the value of key {key.hex()} has {len(view)} bytes, fewer than a checksum"
        )
    payload = view[OVERHEAD:]
    (expected,) = _CRC.unpack_from(view)
    actual = zlib.crc32(payload, zlib.crc32(key))
    if actual != expected:
        raise CorruptionError(
            path, f"the value of key {key.hex()} has checksum {actual:08x}, {expected:08x} was stored"
        )
    return payload
