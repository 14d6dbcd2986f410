"""Between roaring bitmaps and numpy, without a Python object per element."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap, BitMap64

_BLOCK: Final = 1 << 16
_MOST_LISTED: Final = 4096
_WITHOUT_RUNS: Final = 12346


def bitmap(rows: NDArray[Any]) -> BitMap:
    """Return the set of the given row numbers."""
    values = array("I")
    values.frombytes(np.ascontiguousarray(rows, dtype=np.uint32).tobytes())
    return BitMap(values)


def bitmap_of_mask(mask: NDArray[np.bool_]) -> BitMap:
    """Return the numbers that a mask is true of: a bitmap takes bits more quickly than numbers.

    Its portable form (https://github.com/RoaringBitmap/RoaringFormatSpec) is made of blocks of 65,536.
    """
    packed = np.packbits(mask, bitorder="little")
    blocks = np.zeros((-(-len(mask) // _BLOCK), _BLOCK // 8), np.uint8)
    blocks.reshape(-1)[: len(packed)] = packed
    counts = np.bitwise_count(blocks.view(np.uint64)).sum(axis=1, dtype=np.int64)
    used = np.flatnonzero(counts)
    heads = np.stack([used, counts[used] - 1], axis=1).astype("<u2")
    contents = [
        blocks[block].tobytes()
        if count > _MOST_LISTED
        else np.flatnonzero(mask[block * _BLOCK : (block + 1) * _BLOCK]).astype("<u2").tobytes()
        for block, count in zip(used.tolist(), counts[used].tolist(), strict=True)
    ]
    sizes = np.fromiter(map(len, contents), np.uint32, len(contents))
    offsets = 8 + 8 * len(used) + np.cumsum(sizes) - sizes
    start = np.array([_WITHOUT_RUNS, len(used)], "<u4")
    return BitMap.deserialize(
        b"".join([start.tobytes(), heads.tobytes(), offsets.astype("<u4").tobytes(), *contents])
    )


def rows_of(rows: BitMap) -> NDArray[np.int64]:
    """Return the members in ascending order."""
    return np.frombuffer(rows.to_array(), np.uint32).astype(np.int64) if rows else np.empty(0, np.int64)


def joined(lists: Iterable[array[int]], stop: int) -> BitMap:
    """Return the numbers below ``stop`` of many short lists that are each ascending and may be growing."""
    found = array("I")
    for numbers in lists:
        # The slice is a copy made under the interpreter lock: no append can come between.
        found.extend(numbers[: bisect_left(numbers, stop)])
    return bitmap(np.sort(np.frombuffer(found, np.uint32))) if found else BitMap()


def bitmap64(numbers: NDArray[np.uint64]) -> BitMap64:
    """Return the set of the given sequence numbers."""
    values = array("Q")
    values.frombytes(np.ascontiguousarray(numbers, dtype=np.uint64).tobytes())
    return BitMap64(values)


def numbers_of(numbers: BitMap64) -> NDArray[np.uint64]:
    """Return the members in ascending order."""
    return np.frombuffer(numbers.to_array(), np.uint64) if numbers else np.empty(0, np.uint64)


def mask_of(rows: BitMap, n: int) -> NDArray[np.bool_]:
    """Return which of the numbers from 0 to ``n - 1`` are members."""
    mask = np.zeros(n, np.bool_)
    if rows:
        mask[np.frombuffer(rows.to_array(), np.uint32)] = True
    return mask
