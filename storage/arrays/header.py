"""The 48 bytes in front of every stored array.

====== ==== ==================================================================
offset size what
====== ==== ==================================================================
0      4    magic ``VARR``
4      1    version of this header, 1
5      1    dtype code, see `DTYPES`
6      1    number of dimensions, 0 to 3
7      1    zero
8      24   shape, three u64; unused dimensions are zero
32     8    u64 number of data bytes
40     4    crc32 of the data
44     4    crc32 of the array's key followed by the 44 bytes before
====== ==== ==================================================================

All numbers are little endian, also those of the data. LMDB puts a big value 16 bytes into a page, so these 48
bytes make the data start at a multiple of 64.
"""

import struct
import zlib
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptionError

HEADER_BYTES = 48
MAX_DIMENSIONS = 3
# The largest value of LMDB 0.9.
MAX_VALUE_BYTES = 2**32 - 1
DTYPES: dict[int, np.dtype[np.generic]] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f2"),
    3: np.dtype("<f8"),
    4: np.dtype("i1"),
    5: np.dtype("u1"),
    6: np.dtype("<i4"),
    7: np.dtype("<u4"),
    8: np.dtype("<i8"),
    9: np.dtype("<u8"),
    10: np.dtype("<u2"),
    11: np.dtype("<i2"),
    12: np.dtype("?"),
}

_CODES = {dtype: code for code, dtype in DTYPES.items()}
_MAGIC = b"VARR"
_VERSION = 1
_FIELDS = struct.Struct("<4sBBBx3QQI")
_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class ArrayHeader:
    """What the header says about the data behind it."""

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    data_crc: int

    @property
    def data_bytes(self) -> int:
        """The number of bytes of the data."""
        return prod(self.shape) * self.dtype.itemsize


def storable(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return `array` C-contiguous and little endian, copied only when it was not.

    Raises
    ------
    TypeError
        When its dtype has no code.
    ValueError
        When it has more than 3 dimensions or does not fit into one value.
    """
    dtype = array.dtype.newbyteorder("<")
    if dtype not in _CODES:
        known = ", ".join(str(dtype) for dtype in _CODES)
        raise TypeError(f"an array of {array.dtype} cannot be stored: convert it to one of {known}")
    if array.ndim > MAX_DIMENSIONS:
        raise ValueError(f"an array has at most {MAX_DIMENSIONS} dimensions, this one has {array.ndim}")
    if array.nbytes + HEADER_BYTES > MAX_VALUE_BYTES:
        raise ValueError(f"an array of {array.nbytes} bytes is 4 GiB or more: make smaller segments")
    # Unlike ascontiguousarray, this keeps an array without dimensions as it is.
    return np.asarray(array, dtype=dtype, order="C")


def encode(key: bytes, array: NDArray[np.generic]) -> bytes:
    """Return the header of an array as `storable` returns it, to be stored under `key`."""
    shape = array.shape + (0,) * (MAX_DIMENSIONS - array.ndim)
    data_crc = zlib.crc32(data_of(array))
    fields = _FIELDS.pack(_MAGIC, _VERSION, _CODES[array.dtype], array.ndim, *shape, array.nbytes, data_crc)
    return fields + _CRC.pack(zlib.crc32(fields, zlib.crc32(key)))


def decode(key: bytes, value: bytes | memoryview, *, path: str = "") -> ArrayHeader:
    """Return the header at the start of `value`, checked against its own checksum and the value's length.

    Raises
    ------
    CorruptionError
        When `value` cannot be what was stored under `key`. The data is not looked at.
    """
    if len(value) < HEADER_BYTES:
        raise CorruptionError(path, f"array {key!r} has {len(value)} bytes, fewer than a header")
    fields = bytes(value[: _FIELDS.size])
    (header_crc,) = _CRC.unpack_from(value, _FIELDS.size)
    if zlib.crc32(fields, zlib.crc32(key)) != header_crc:
        raise CorruptionError(path, f"the header of array {key!r} fails its checksum")
    magic, version, code, ndim, *shape, data_bytes, data_crc = _FIELDS.unpack(fields)
    if magic != _MAGIC or version != _VERSION or code not in DTYPES or ndim > MAX_DIMENSIONS:
        raise CorruptionError(
            path,
            f"array {key!r} has magic {magic!r}, version {version}, dtype code {code}, {ndim} dimensions",
        )
    header = ArrayHeader(DTYPES[code], tuple(shape[:ndim]), data_crc)
    if not header.data_bytes == data_bytes == len(value) - HEADER_BYTES:
        raise CorruptionError(
            path,
            f"array {key!r} of shape {header.shape} and {header.dtype} needs {header.data_bytes} bytes, "
            f"it states {data_bytes} and has {len(value) - HEADER_BYTES}",
        )
    return header


def check_data(key: bytes, header: ArrayHeader, data: memoryview, *, path: str = "") -> None:
    """Raise CorruptionError when the data fails its checksum."""
    check_crc(key, header, zlib.crc32(data), path=path)


def check_crc(key: bytes, header: ArrayHeader, actual: int, *, path: str = "") -> None:
    """Raise CorruptionError when the crc32 of the data is not the one stored."""
    if actual != header.data_crc:
        raise CorruptionError(
            path, f"the data of array {key!r} has checksum {actual:08x}, {header.data_crc:08x} was stored"
        )


def data_of(array: NDArray[np.generic]) -> memoryview:
    """Return the bytes of a C-contiguous array without copying them."""
    return array.reshape(-1).view(np.uint8).data
