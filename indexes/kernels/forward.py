"""A compressed forward index of sparse rows: what each row holds, in about 2.7 bytes a weight.

Terms are numbered by falling document frequency; such a number is a slot, and a code is a weight in steps of
its term. A row is one record of two parts, its heaviest entries and the rest, so that most rows are known to
be of no use before the rest is read. A part holds the near slots as gaps of a byte, their codes, the far
slots whole, and theirs. A gap beyond 255 is made of several entries of code 0, so reading has no branches.
"""

from __future__ import annotations

import numpy as np

from .kernel import entry_point, inner
from .memory import LINE, prefetch, record_at, view_f32, view_i64, view_u8, view_u16, view_u32

FORWARD = np.dtype(
    [
        ("n", np.int64),
        ("n_terms", np.int64),
        ("records", np.uint64),  # address of uint8
        ("offsets", np.uint64),  # address: (n + 1,) uint32, where each record starts, in units of 4 bytes
        ("wide", np.int64),  # whether far slots are uint32, not uint16
    ]
)
UNIT = 4
view_forward = record_at(FORWARD)
# Near and far entries of the heavy part, then of the rest: four uint16.
HEADER = 8
MOST_GAP = 255
MOST_CODE = 255
# Near entries come in so many, those that are left over of code 0.
TOGETHER = np.uint64(4)
# The heaviest entries of each row, which decide its place among the blocks of a list (doc_cut): one line of
# the cache, a code above the bits of its slot.
HEAVIEST = 16
HEAVIEST_BITS = np.uint64(24)
HEAVIEST_SLOT = (np.uint64(1) << HEAVIEST_BITS) - np.uint64(1)


@inner
def prefetch_heavy(forward, row):
    """Ask for the heavy part of a row's record, as long as it usually is."""
    offsets = view_u32(forward.offsets, forward.n + 1)
    begin = forward.records + np.uint64(offsets[row]) * np.uint64(UNIT)
    prefetch(begin)
    prefetch(begin + np.uint64(LINE))
    prefetch(begin + np.uint64(2 * LINE))


@inner
def part_sum(start, near, far, wide, table):
    """Return the sum of a part's codes times the whole weights in ``table``, which is by slot."""
    gaps, codes = view_u8(start, near), view_u8(start + near, near)
    total, slot = np.int32(0), np.uint64(0)
    i = np.uint64(0)
    while i < near:
        # Written out, as the compiler leaves it a loop.
        first = slot + np.uint64(gaps[i])
        second = first + np.uint64(gaps[i + np.uint64(1)])
        third = second + np.uint64(gaps[i + np.uint64(2)])
        slot = third + np.uint64(gaps[i + np.uint64(3)])
        total += np.int32(table[first]) * np.int32(codes[i])
        total += np.int32(table[second]) * np.int32(codes[i + np.uint64(1)])
        total += np.int32(table[third]) * np.int32(codes[i + np.uint64(2)])
        total += np.int32(table[slot]) * np.int32(codes[i + np.uint64(3)])
        i += TOGETHER
    start += near + near
    if wide:
        wide_slots, codes = view_u32(start, far), view_u8(start + np.uint64(4) * far, far)
        for i in range(far):
            total += np.int32(table[np.uint64(wide_slots[i])]) * np.int32(codes[i])
    else:
        slots, codes = view_u16(start, far), view_u8(start + np.uint64(2) * far, far)
        for i in range(far):
            total += np.int32(table[np.uint64(slots[i])]) * np.int32(codes[i])
    return total


@inner
def part_bytes(near, far, wide):
    """Return how many bytes a part takes, filled up so that the next begins where a number may."""
    return (near + near + (np.uint64(5) if wide else np.uint64(3)) * far + np.uint64(3)) & ~np.uint64(3)


@inner
def estimate(forward, row, table, least):
    """Return the sum of a row's codes times the whole weights in ``table``.

    Where its heavy part comes to less than ``least``, that is all that is read.
    """
    start = forward.records + np.uint64(view_u32(forward.offsets, forward.n + 1)[row]) * np.uint64(UNIT)
    counts = view_u16(start, 4)
    near, far = np.uint64(counts[0]), np.uint64(counts[1])
    start += np.uint64(HEADER)
    total = part_sum(start, near, far, forward.wide, table)
    if total >= least:
        start += part_bytes(near, far, forward.wide)
        total += part_sum(start, np.uint64(counts[2]), np.uint64(counts[3]), forward.wide, table)
    return total


@inner
def heavy_entries(forward, row):
    """Return how many entries :func:`unpack_heavy` writes at most."""
    start = forward.records + np.uint64(view_u32(forward.offsets, forward.n + 1)[row]) * np.uint64(UNIT)
    counts = view_u16(start, 2)
    return np.int64(counts[0]) + np.int64(counts[1])


@inner
def unpack_heavy(forward, row, slots, codes):
    """Fill in the slots and codes of a row's heavy part; return how many."""
    start = forward.records + np.uint64(view_u32(forward.offsets, forward.n + 1)[row]) * np.uint64(UNIT)
    counts = view_u16(start, 4)
    near, far = np.int64(counts[0]), np.int64(counts[1])
    start += np.uint64(HEADER)
    gaps, near_codes = view_u8(start, near), view_u8(start + np.uint64(near), near)
    count, slot = 0, np.uint32(0)
    for i in range(near):
        slot += np.uint32(gaps[i])
        slots[count], codes[count] = slot, near_codes[i]
        # What only lengthens a gap is written over by the next.
        count += near_codes[i] != 0
    start += np.uint64(2 * near)
    narrow, whole = view_u16(start, far), view_u32(start, far)
    far_codes = view_u8(start + np.uint64((4 if forward.wide else 2) * far), far)
    for i in range(far):
        slots[count] = whole[i] if forward.wide else np.uint32(narrow[i])
        codes[count] = far_codes[i]
        count += 1
    return count


@entry_point("sparse terms")
def count_terms(indices, nnz, counts, n_counts, largest, values):
    """Count how many rows hold each term below ``n_counts``, and find its largest weight."""
    terms, weights = view_u32(indices, nnz), view_f32(values, nnz)
    df, most = view_i64(counts, n_counts), view_f32(largest, n_counts)
    for i in range(np.uint64(nnz)):
        if weights[i] != 0:
            term = np.uint64(terms[i])
            df[term] += 1
            most[term] = max(most[term], weights[i])
