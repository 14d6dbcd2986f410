"""What reading memory costs one thread: at random places, prefetched far ahead, and in order."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...indexes.kernels.memory import prefetch_lines, view_u64
from .loaded import LINE
from .timing import timed

AHEAD = 8
PASSES = 5
STREAMED_BYTES = 512 << 20


@njit(nogil=True, error_model="numpy")
def read_rows(base, stride, order):  # type: ignore[no-untyped-def]
    lines, words = stride // LINE, stride // 8
    total = np.uint64(0)
    for place in range(len(order)):
        if place + AHEAD < len(order):
            prefetch_lines(np.uint64(base + order[place + AHEAD] * stride), lines)
        row = view_u64(np.uint64(base + order[place] * stride), words)
        for word in range(words):
            total += row[word]
    return total


@njit(nogil=True, error_model="numpy")
def read_in_order(words):  # type: ignore[no-untyped-def]
    total = np.uint64(0)
    for place in range(len(words)):
        total += words[place]
    return total


def random_read_ns(rows: int, row_bytes: int) -> float:
    """Nanoseconds to read one row of so many bytes, of so many rows in no order."""
    block = np.ones(rows * row_bytes + LINE, dtype=np.uint8)
    base = block.ctypes.data + -block.ctypes.data % LINE
    order: NDArray[np.int64] = np.random.default_rng(0).permutation(rows)
    read_rows(base, row_bytes, order)
    return min(timed(lambda: read_rows(base, row_bytes, order)) for _ in range(PASSES)) / rows * 1e9


def bytes_per_second() -> float:
    """Speed of reading memory in order."""
    read_in_order(np.ones(64, dtype=np.uint64))
    words = np.ones(STREAMED_BYTES // 8, dtype=np.uint64)
    return words.nbytes / min(timed(lambda: read_in_order(words)) for _ in range(PASSES))
