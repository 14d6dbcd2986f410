"""Sets of rows as bitsets, a bit for each row: made of roaring bitmaps, of lists and of columns, and listed.

The bytes of bitmaps are the portable serialization (https://github.com/RoaringBitmap/RoaringFormatSpec). A
set is cut into containers of 65,536 rows, each of which is a bitset, a list of places, or a list of runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from .bounds import count_bits, first_bit
from .kernel import entry_point, inner
from .memory import view_i64, view_u8, view_u32, view_u64
from .vectors import BYTE, I64, load, repeated, vector

_WITHOUT_RUNS = 12346
_WITH_RUNS = 12347
# Of fewer containers with runs it is not said where they begin.
_LEAST_WITH_OFFSETS = 4
_MOST_LISTED = 4096
_CONTAINER_BYTES = 8192
_MOST_CONTAINERS = 1 << 16
_WORD = 64


@intrinsic
def bits_between(typingctx: Any, codes: Any, least: Any, width: Any) -> Any:
    """Return a bit for each of 64 bytes at an address: whether it is one of ``width`` from ``least`` on."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = vector(BYTE, _WORD)
        address, *limits = args
        first, count = (repeated(builder, kind, builder.trunc(limit, BYTE)) for limit in limits)
        there = builder.icmp_unsigned("<", builder.sub(load(builder, kind, address), first), count)
        return builder.bitcast(there, I64)

    return types.uint64(types.uint64, types.uint64, types.uint64), emit


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


@inner
def _listed_below(source, at, size, left):
    """Whether all of a list of places are below ``left``."""
    most = np.int64(0)
    for i in range(size):
        most = max(most, _number(source, at + 2 * i))
    return most < left


@inner
def _bits_below(source, at, left):
    """Whether all places of a bitset are below ``left``."""
    first = left >> 3
    beyond = source[at + first] >> (left & 7)
    for i in range(first + 1, _CONTAINER_BYTES):
        beyond |= source[at + i]
    return beyond == 0


@inner
def _runs_below(source, at, runs, left):
    """Return how many places are in runs, -1 unless all of them are below ``left``."""
    total = 0
    for i in range(runs):
        length = _number(source, at + 4 * i + 2) + 1
        if _number(source, at + 4 * i) + length > left:
            return -1
        total += length
    return total


@entry_point("rows of a stored set")
def count_stored(serialized, n_bytes, n_rows):
    """Return how many rows a serialized bitmap has, -1 unless it is one of rows below ``n_rows``."""
    source = view_u8(serialized, n_bytes)
    if n_bytes < 8:
        return -1
    with_runs = _number(source, 0) == _WITH_RUNS
    if with_runs:
        count, flags = _number(source, 2) + 1, 4
        heads = flags + ((count + 7) >> 3)
    else:
        if _number(source, 0) != _WITHOUT_RUNS or _number(source, 2) != 0:
            return -1
        count, flags = _number(source, 4) | _number(source, 6) << 16, 0
        heads = 8
    if count > _MOST_CONTAINERS:
        return -1
    at = heads + 4 * count
    if not with_runs or count >= _LEAST_WITH_OFFSETS:
        at += 4 * count
    if at > n_bytes:
        return -1
    total, before = 0, -1
    for number in range(count):
        block = _number(source, heads + 4 * number)
        size = _number(source, heads + 4 * number + 2) + 1
        left = min(n_rows - (block << 16), 1 << 16)
        if block <= before or left < 1:
            return -1
        before = block
        if with_runs and source[flags + (number >> 3)] >> (number & 7) & 1:
            runs = _number(source, at) if at + 2 <= n_bytes else 0
            at += 2
            if at + 4 * runs > n_bytes or _runs_below(source, at, runs, left) != size:
                return -1
            at += 4 * runs
        elif size <= _MOST_LISTED:
            if at + 2 * size > n_bytes or (left < 1 << 16 and not _listed_below(source, at, size, left)):
                return -1
            at += 2 * size
        else:
            if at + _CONTAINER_BYTES > n_bytes or (left < 1 << 16 and not _bits_below(source, at, left)):
                return -1
            at += _CONTAINER_BYTES
        total += size
    return total if at == n_bytes else -1


@entry_point("rows of slices to bits")
def set_slices(rows, starts, stops, count, zeros, n):
    """Set the bits of the rows from each start to its stop; return whether all of them are below ``n``."""
    begins, ends, words = view_i64(starts, count), view_i64(stops, count), view_u64(zeros, (n + 63) // 64)
    for i in range(count):
        size = ends[i] - begins[i]
        listed = view_u32(rows + np.uint64(4 * begins[i]), size)
        for j in range(size):
            row = np.uint64(listed[j])
            if row >= np.uint64(n):
                return False
            words[row >> np.uint64(6)] |= np.uint64(1) << (row & np.uint64(63))
    return True


@entry_point("codes to bits")
def set_between(codes, n, least, width, target):
    """Write a bit for each of ``n`` rows: whether its code is one of ``width`` from ``least`` on."""
    words = view_u64(target, (n + _WORD - 1) // _WORD)
    full = n // _WORD
    for i in range(full):
        words[i] = bits_between(codes + np.uint64(_WORD * i), np.uint64(least), np.uint64(width))
    if full * _WORD < n:
        rest, last = view_u8(codes + np.uint64(_WORD * full), n - full * _WORD), np.uint64(0)
        for i in range(n - full * _WORD):
            code = np.int64(rest[i])
            if least <= code < least + width:
                last |= np.uint64(1) << np.uint64(i)
        words[full] = last


@entry_point("bits counted")
def count_rows(words, n_words):
    """Return how many bits are set, the first of them and behind the last; 0 of none."""
    bits = view_u64(words, n_words)
    total = 0
    for i in range(n_words):
        total += np.int64(count_bits(bits[i]))
    if not total:
        return 0, 0, 0
    first, last, behind = 0, n_words - 1, _WORD
    while not bits[first]:
        first += 1
    while not bits[last]:
        last -= 1
    while not bits[last] >> np.uint64(behind - 1):
        behind -= 1
    return total, first * _WORD + np.int64(first_bit(bits[first])), last * _WORD + behind


@entry_point("bits to rows")
def list_rows(words, n_words, target, count):
    """Write the rows of the ``count`` bits that are set, in ascending order."""
    bits, rows = view_u64(words, n_words), view_u32(target, count)
    at = 0
    for i in range(n_words):
        word = bits[i]
        while word:
            rows[at] = np.uint32(i * _WORD) + np.uint32(first_bit(word))
            word &= word - np.uint64(1)
            at += 1


@inner
def _is_before(texts, start, stop, wanted, begin, end):
    """Whether a text is before another in the order of their bytes."""
    size = min(stop - start, end - begin)
    for i in range(size):
        if texts[start + i] != wanted[begin + i]:
            return texts[start + i] < wanted[begin + i]
    return stop - start < end - begin


@entry_point("texts found")
def find_texts(data, n_bytes, ends, n, wanted, wanted_ends, count, numbers):
    """Write which of ``n`` ascending texts each of ``count`` others is, -1 for none.

    The others are sound. Returns whether the texts that were looked at lie within their bytes.
    """
    texts, text_ends = view_u8(data, n_bytes), view_i64(ends, n)
    asked_ends, found = view_i64(wanted_ends, count), view_i64(numbers, count)
    asked, begin = view_u8(wanted, asked_ends[count - 1] if count else 0), np.int64(0)
    for i in range(count):
        end = asked_ends[i]
        lo, hi = np.int64(0), np.int64(n)
        while lo < hi:
            middle = (lo + hi) >> 1
            start, stop = text_ends[middle - 1] if middle else np.int64(0), text_ends[middle]
            if start < 0 or stop < start or stop > n_bytes:
                return False
            if _is_before(texts, start, stop, asked, begin, end):
                lo = middle + 1
            else:
                hi = middle
        found[i] = -1
        if lo < n:
            start, stop = text_ends[lo - 1] if lo else np.int64(0), text_ends[lo]
            if start < 0 or stop < start or stop > n_bytes:
                return False
            if not _is_before(asked, begin, end, texts, start, stop):
                found[i] = lo
        begin = end
    return True
