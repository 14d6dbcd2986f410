"""Named arrays in one run of bytes.

Layout, little endian::

    magic 4 | version u16 | count u16 | total u64        total = length of the whole run
    count times: name length u8 | dtype u8 | ndim u8 | 0 | offset u64 | shape ndim * u64 | name UTF-8
    the arrays, C order, each at a multiple of 8 from the start
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptionError, FormatVersionError
from .header import DTYPES

_HEADER = struct.Struct("<4sHHQ")
_ENTRY = struct.Struct("<BBBBQ")
_ALIGNMENT = 8
_MAX_NDIM = 3

_CODE_OF_DTYPE = {dtype: code for code, dtype in DTYPES.items()}


def table_bytes(arrays: Mapping[str, NDArray[Any]]) -> int:
    """Return the number of bytes that :func:`encode_table` would write."""
    return _layout(arrays)[1]


def encode_table(magic: bytes, version: int, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return ``arrays`` as one run of bytes that begins with the four bytes ``magic``."""
    offsets, total = _layout(arrays)
    parts: list[Any] = [_HEADER.pack(magic, version, len(arrays), total)]
    for (name, array), offset in zip(arrays.items(), offsets, strict=True):
        encoded = name.encode()
        code = _CODE_OF_DTYPE[array.dtype.newbyteorder("<")]
        parts.append(_ENTRY.pack(len(encoded), code, array.ndim, 0, offset))
        parts.append(struct.pack(f"<{array.ndim}Q", *array.shape))
        parts.append(encoded)
    written = sum(map(len, parts))
    for array, offset in zip(arrays.values(), offsets, strict=True):
        parts.append(bytes(offset - written))
        contiguous = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        parts.append(contiguous.reshape(-1).view(np.uint8).data)
        written = offset + array.nbytes
    return b"".join(parts)


def decode_table(
    magic: bytes, version: int, data: bytes | memoryview, source: str
) -> dict[str, NDArray[Any]]:
    """Return the arrays of a run that :func:`encode_table` wrote.

    Arrays are read-only views of ``data``; one that the start of ``data`` leaves unaligned is a copy.

    Raises
    ------
    CorruptionError
        When the run is cut short, goes on after its end, or names bytes that it does not have.
    FormatVersionError
        When it was written by a newer version.
    """
    view = memoryview(data).cast("B")
    if len(view) < _HEADER.size:
        raise CorruptionError(source, f"{len(view)} bytes, a table of arrays has at least {_HEADER.size}")
    found_magic, found_version, count, total = _HEADER.unpack_from(view)
    if found_magic != magic:
        raise CorruptionError(source, f"begins with {found_magic!r}, expected {magic!r}")
    if found_version > version:
        raise FormatVersionError(found_version, version)
    if total != len(view):
        raise CorruptionError(source, f"{len(view)} bytes, its header says {total}")
    arrays: dict[str, NDArray[Any]] = {}
    at = _HEADER.size
    for _ in range(count):
        try:
            name, array, at = _decode_entry(view, at)
        except (struct.error, ValueError) as error:
            raise CorruptionError(source, f"entry {len(arrays)} of its table is damaged: {error}") from error
        if name in arrays:
            raise CorruptionError(source, f"two arrays are named {name!r}")
        arrays[name] = array
    return arrays


def _layout(arrays: Mapping[str, NDArray[Any]]) -> tuple[list[int], int]:
    end = _HEADER.size + sum(
        _ENTRY.size + 8 * array.ndim + len(name.encode()) for name, array in arrays.items()
    )
    offsets = []
    for array in arrays.values():
        offset = end + -end % _ALIGNMENT
        offsets.append(offset)
        end = offset + array.nbytes
    return offsets, end


def _decode_entry(view: memoryview, at: int) -> tuple[str, NDArray[Any], int]:
    name_length, code, ndim, zero, offset = _ENTRY.unpack_from(view, at)
    if code not in DTYPES or ndim > _MAX_NDIM or zero:
        raise ValueError(f"dtype code {code} with {ndim} dimensions")
    at += _ENTRY.size
    shape = struct.unpack_from(f"<{ndim}Q", view, at)
    at += 8 * ndim
    if at + name_length > len(view):
        raise ValueError("its name is cut short")
    name = str(view[at : at + name_length], "utf-8")
    dtype = DTYPES[code]
    # Python integers: a product of damaged lengths must not wrap round to one that fits.
    n_items = 1
    for length in shape:
        n_items *= length
    if offset + n_items * dtype.itemsize > len(view):
        raise ValueError(f"array {name!r} of shape {shape} reaches beyond the end")
    if n_items == 0:
        array = np.empty(shape, dtype)
    else:
        array = np.frombuffer(view, dtype, n_items, offset).reshape(shape)
    if not array.flags.aligned:
        array = array.copy()
    array.flags.writeable = False
    return name, array, at + name_length
