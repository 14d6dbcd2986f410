"""Roaring bitmaps as bitsets: a bit for each row.

The bytes are the portable serialization (https://github.com/RoaringBitmap/RoaringFormatSpec). A set is cut
into containers of 65,536 rows, each of which is a bitset, a list of places, or a list of runs.
"""

from __future__ import annotations

import numpy as np

from .kernel import entry_point, inner
from .memory import view_u8, view_u64

_WITH_RUNS = 12347
# Of fewer containers with runs it is not said where they begin.
_LEAST_WITH_OFFSETS = 4
_MOST_LISTED = 4096
_CONTAINER_BYTES = 8192


@inner
def _number(source, at):
    """Read 16 bits, which may lie at any address."""
    return np.int64(source[at]) | np.int64(source[at + 1]) << 8


@inner
def _set_listed(listed, count, zeros, size):
    rows, words = view_u8(listed, 2 * count), view_u64(zeros, size)
    # Where the next word begins cannot be foreseen, so there is no branch.
    for i in range(count):
        row = np.uint64(rows[2 * i]) | np.uint64(rows[2 * i + 1]) << np.uint64(8)
        words[row >> np.uint64(6)] |= np.uint64(1) << (row & np.uint64(63))


@inner
def _set_run(words, first, last):
    ones = ~np.uint64(0)
    begin, end = ones << np.uint64(first & 63), ones >> np.uint64(63 - (last & 63))
    if first >> 6 == last >> 6:
        words[first >> 6] |= begin & end
        return
    words[first >> 6] |= begin
    for place in range((first >> 6) + 1, last >> 6):
        words[place] = ones
    words[last >> 6] |= end


@inner
def _copy(container, zeros, begin, end):
    size = min(_CONTAINER_BYTES, end - begin)
    source, target = view_u8(container, size), view_u8(zeros + np.uint64(begin), size)
    for i in range(size):
        target[i] = source[i]


@entry_point("rows to bits")
def set_rows(serialized, n_bytes, zeros, n_words):
    """Set the bits of the rows of a serialized bitmap, all of which lie in the words."""
    source, words = view_u8(serialized, n_bytes), view_u64(zeros, n_words)
    with_runs = _number(source, 0) == _WITH_RUNS
    if with_runs:
        count, flags = _number(source, 2) + 1, 4
        heads = flags + ((count + 7) >> 3)
    else:
        count, flags = _number(source, 4) | _number(source, 6) << 16, 0
        heads = 8
    at = heads + 4 * count
    if not with_runs or count >= _LEAST_WITH_OFFSETS:
        at += 4 * count
    for number in range(count):
        block = _number(source, heads + 4 * number)
        size = _number(source, heads + 4 * number + 2) + 1
        if with_runs and source[flags + (number >> 3)] >> (number & 7) & 1:
            runs = _number(source, at)
            at += 2
            for _ in range(runs):
                first = (block << 16) + _number(source, at)
                _set_run(words, first, first + _number(source, at + 2))
                at += 4
        elif size <= _MOST_LISTED:
            begin = zeros + np.uint64(block * _CONTAINER_BYTES)
            _set_listed(serialized + np.uint64(at), size, begin, n_words - (block << 10))
            at += 2 * size
        else:
            _copy(serialized + np.uint64(at), zeros, block * _CONTAINER_BYTES, n_words * 8)
            at += _CONTAINER_BYTES
