"""Between roaring bitmaps and numpy, without a Python object per element."""

from __future__ import annotations

from array import array
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
