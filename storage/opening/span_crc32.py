"""The checksums of many short spans of bytes at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = np.uint32(0xEDB88320)
_ONES = np.uint32(0xFFFFFFFF)


def span_crc32(
    memory: NDArray[np.uint8],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    crc: NDArray[np.uint32] | None = None,
) -> NDArray[np.uint32]:
    """Return what ``zlib.crc32`` does of each span, (n,) uint32, going on from ``crc`` where it is given.

    It goes through all spans a byte at a time, so the longest one should be short.
    """
    order = np.argsort(-sizes, kind="stable")
    starts, ordered = starts[order], -sizes[order]
    # How many have a byte at each offset; they stand in front.
    ends = np.searchsorted(ordered, -np.arange(1, int(sizes.max(initial=0)) + 1), side="right")
    state = np.full(len(order), _ONES) if crc is None else crc[order] ^ _ONES
    for offset, n in enumerate(ends.tolist()):
        byte = memory[starts[:n] + offset]
        state[:n] = _TABLE[(state[:n] ^ byte) & np.uint32(0xFF)] ^ (state[:n] >> np.uint32(8))
    found = np.empty_like(state)
    found[order] = state ^ _ONES
    return found


def _table() -> NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & np.uint32(1), (table >> np.uint32(1)) ^ _POLYNOMIAL, table >> np.uint32(1))
    return table


_TABLE = _table()
