"""Writes the records of a compressed forward index."""

from __future__ import annotations

import numpy as np

from .forward import HEADER, HEAVIEST_BITS, HEAVIEST_SLOT, MOST_CODE, MOST_GAP, TOGETHER, UNIT, part_bytes
from .kernel import entry_point, inner
from .memory import view_f32, view_i64, view_u8, view_u16, view_u32
from .sorting import sort_by_bytes

_BINS = 64


@inner
def code_of(weight, step):
    """Return a positive weight in steps, rounded, at least 1."""
    return min(max(np.int64(weight / step + np.float32(0.5)), 1), MOST_CODE)


@inner
def _keys_of(indices, values, start, stop, slots, steps, share, keys, spare, digits):
    """Fill in slots above codes, each part ascending, the heavy one first; return how many of it and in all.

    The heavy part is the heaviest entries that hold ``share`` of the row's mass.
    """
    count, largest, mass = 0, np.float32(0), np.float64(0)
    for i in range(start, stop):
        if values[i] != 0:
            slot = np.uint64(slots[np.uint64(indices[i])])
            keys[count] = slot << np.uint64(8) | np.uint64(code_of(values[i], steps[slot]))
            largest, mass = max(largest, values[i]), mass + values[i]
            count += 1
    bins = np.zeros(_BINS, np.float64)
    scale = np.float32(_BINS - 1) / largest if largest > 0 else np.float32(0)
    for i in range(start, stop):
        bins[np.int64(values[i] * scale)] += values[i]
    least, kept = _BINS - 1, bins[_BINS - 1]
    while least > 0 and kept < share * mass:
        least -= 1
        kept += bins[least]
    sort_by_bytes(keys, spare, count, 1, digits)
    heavy, rest = 0, 0
    for i in range(count):
        slot = keys[i] >> np.uint64(8)
        # Of the code, as the weight is not at hand in this order.
        weight = np.float32(keys[i] & np.uint64(255)) * steps[slot]
        if np.int64(weight * scale) >= least:
            keys[heavy] = keys[i]
            heavy += 1
        else:
            spare[rest] = keys[i]
            rest += 1
    for i in range(rest):
        keys[heavy + i] = spare[i]
    return heavy, count


@inner
def _near_entries(keys, begin, end, near):
    """Return how many slots lie below ``near``, and how many entries those take."""
    held, entries, before = 0, 0, np.int64(0)
    for i in range(begin, end):
        slot = np.int64(keys[i] >> np.uint64(8))
        if slot >= near:
            break
        held += 1
        entries += 1 + max(slot - before - 1, 0) // MOST_GAP
        before = slot
    together = np.int64(TOGETHER)
    return held, (entries + together - 1) // together * together


@inner
def _bytes_of(keys, begin, end, near, wide):
    held, entries = _near_entries(keys, begin, end, near)
    return np.int64(part_bytes(np.uint64(entries), np.uint64(end - begin - held), wide))


@entry_point("sparse record sizes")
def size_records(
    indptr,
    indices,
    values,
    begin,
    end,
    nnz,
    slots_address,
    n_slots,
    steps_address,
    n_terms,
    heavy_share,
    nears,
    sizes,
    histogram,
    longest,
):
    """Fill in the units of each row's record for each of ``nears``, and count the codes of each slot."""
    pointers, terms, weights = view_i64(indptr, end + 1), view_u32(indices, nnz), view_f32(values, nnz)
    slots, steps = view_u32(slots_address, n_slots), view_f32(steps_address, n_terms)
    keys, spare = np.empty(longest, np.uint64), np.empty(longest, np.uint64)
    wide = n_terms > 1 << 16
    digits = 4 if wide else 2
    for row in range(begin, end):
        heavy, count = _keys_of(
            terms, weights, pointers[row], pointers[row + 1], slots, steps, heavy_share, keys, spare, digits
        )
        for i in range(count):
            slot = keys[i] >> np.uint64(8)
            if slot < np.uint64(len(histogram)):
                histogram[slot, keys[i] & np.uint64(255)] += 1
        for i in range(len(nears)):
            parts = _bytes_of(keys, 0, heavy, nears[i], wide) + _bytes_of(keys, heavy, count, nears[i], wide)
            sizes[i, row - begin] = (HEADER + parts + UNIT - 1) // UNIT


@inner
def _write_part(start, keys, begin, end, near, wide, counts, place):
    """Write a part and how much of it there is; return where it ends."""
    held, entries = _near_entries(keys, begin, end, near)
    far = end - begin - held
    counts[place], counts[place + 1] = entries, far
    gaps, codes = view_u8(start, entries), view_u8(start + np.uint64(entries), entries)
    gaps[:] = 0
    codes[:] = 0
    entry, before = 0, np.int64(0)
    for i in range(begin, begin + held):
        gap = np.int64(keys[i] >> np.uint64(8)) - before
        before += gap
        while gap > MOST_GAP:
            gaps[entry] = MOST_GAP
            gap -= MOST_GAP
            entry += 1
        gaps[entry], codes[entry] = gap, keys[i] & np.uint64(255)
        entry += 1
    begin_far = start + np.uint64(2 * entries)
    narrow, whole = view_u16(begin_far, far), view_u32(begin_far, far)
    far_codes = view_u8(begin_far + np.uint64((4 if wide else 2) * far), far)
    for i in range(far):
        key = keys[begin + held + i]
        if wide:
            whole[i] = key >> np.uint64(8)
        else:
            narrow[i] = key >> np.uint64(8)
        far_codes[i] = key & np.uint64(255)
    return start + part_bytes(np.uint64(entries), np.uint64(far), wide)


@entry_point("sparse records")
def write_records(
    indptr,
    indices,
    values,
    begin,
    end,
    nnz,
    slots_address,
    n_slots,
    steps_address,
    n_terms,
    heavy_share,
    near,
    records,
    offsets_address,
    heaviest,
    longest,
):
    """Write the records of rows ``begin`` to ``end``, and list the heaviest entries of each."""
    pointers, terms, weights = view_i64(indptr, end + 1), view_u32(indices, nnz), view_f32(values, nnz)
    slots, steps = view_u32(slots_address, n_slots), view_f32(steps_address, n_terms)
    offsets = view_u32(offsets_address, end + 1)
    keys, spare = np.empty(longest, np.uint64), np.empty(longest, np.uint64)
    wide = n_terms > 1 << 16
    digits = 4 if wide else 2
    kept = np.empty(heaviest.shape[1], np.float32)
    for row in range(begin, end):
        heavy, count = _keys_of(
            terms, weights, pointers[row], pointers[row + 1], slots, steps, heavy_share, keys, spare, digits
        )
        start = records + np.uint64(offsets[row]) * np.uint64(UNIT)
        counts = view_u16(start, 4)
        start = _write_part(start + np.uint64(HEADER), keys, 0, heavy, near, wide, counts, 0)
        _write_part(start, keys, heavy, count, near, wide, counts, 2)
        _keep_heaviest(keys, count, steps, kept, heaviest[row])


@inner
def _keep_heaviest(keys, count, steps, weights, entries):
    """Fill in the entries of the largest weights, a code above its slot; the unused places are 0.

    Of a vocabulary of more slots than there is room for, the rarest are left out: no rows are alike by those.
    """
    kept = 0
    entries[:] = 0
    for i in range(count):
        slot, code = np.uint64(keys[i] >> np.uint64(8)), keys[i] & np.uint64(255)
        if slot > HEAVIEST_SLOT:
            continue
        weight = np.float32(code) * steps[slot]
        if kept == len(weights) and weight <= weights[kept - 1]:
            continue
        place = min(kept, len(weights) - 1)
        while place > 0 and weights[place - 1] < weight:
            weights[place], entries[place] = weights[place - 1], entries[place - 1]
            place -= 1
        weights[place], entries[place] = weight, code << HEAVIEST_BITS | slot
        kept = min(kept + 1, len(weights))
