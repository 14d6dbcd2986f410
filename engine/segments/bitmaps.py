"""Between roaring bitmaps and numpy, without a Python object per element."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap, BitMap64


def bitmap(rows: NDArray[Any]) -> BitMap:
    """Return the set of the given row numbers."""
    values = array("I")
    values.frombytes(np.ascontiguousarray(rows, dtype=np.uint32).tobytes())
    return BitMap(values)


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
