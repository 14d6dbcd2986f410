"""Posting lists of sparse rows cut into blocks of similar rows, each with a summary of what its rows hold."""

from __future__ import annotations

import numpy as np

from .clustering import cut_list
from .forward import prefetch_heavy, unpack_heavy, view_forward
from .kernel import entry_point, inner
from .memory import view_f32, view_i64, view_u32
from .records import code_of
from .sorting import sort_by_bytes

# Blocks of a list are summarized in parts of so many, so that a pair of block and code is 16 bits.
PART_BLOCKS = 512
MOST_SUMMARY, MOST_SUMMARY_CODE = 16384, 63
# An entry of a table is the low half of a slot above where its pairs start, or above its only pair: one of
# code 0, which no slot has, is none.
SINGLE = np.uint32(0x8000)
NO_ENTRY = SINGLE
_MOST_PAIRS = 32767
_BINS = 256
_ROWS_AHEAD = 4
_TOO_LITTLE_ROOM = np.int64(-1)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@inner
def home_of(slot, size):
    """Return where in a table of ``size`` places a slot is looked for first."""
    return ((slot * _SPREAD) >> np.uint64(32)) * size >> np.uint64(32)


@entry_point("sparse postings")
def choose_postings(
    indptr,
    indices,
    values,
    n,
    nnz,
    slots_address,
    n_slots,
    steps_address,
    n_terms,
    least,
    quota,
    places,
    rows_address,
):
    """Put each row into the lists of its heaviest terms.

    An entry is kept when its code is above its slot's ``least``, or equal to it for the first ``quota``
    times. ``places`` says where each list goes on.
    """
    pointers, terms, weights = view_i64(indptr, n + 1), view_u32(indices, nnz), view_f32(values, nnz)
    slots, steps = view_u32(slots_address, n_slots), view_f32(steps_address, n_terms)
    rows = view_u32(rows_address, places[len(places) - 1])
    for row in range(n):
        for i in range(np.uint64(pointers[row]), np.uint64(pointers[row + 1])):
            if weights[i] == 0:
                continue
            slot = np.uint64(slots[np.uint64(terms[i])])
            code = code_of(weights[i], steps[slot])
            if code < least[slot]:
                continue
            if code == least[slot]:
                if quota[slot] == 0:
                    continue
                quota[slot] -= 1
            rows[np.uint64(places[slot])] = row
            places[slot] += 1


@inner
def _summarize(forward, rows, steps, energy, most, touched, weights, slots, codes, out, place):
    """Append the heaviest coordinates of a block's maximum as slot and code; return the new end, or -1."""
    n_touched = 0
    for i in range(min(len(rows), _ROWS_AHEAD)):
        prefetch_heavy(forward, np.uint64(rows[i]))
    for i in range(len(rows)):
        if i + _ROWS_AHEAD < len(rows):
            prefetch_heavy(forward, np.uint64(rows[i + _ROWS_AHEAD]))
        count = unpack_heavy(forward, rows[i], slots, codes)
        for j in range(count):
            slot, code = np.uint64(slots[j]), codes[j]
            touched[n_touched] = slot
            n_touched += most[slot] == 0
            most[slot] = max(most[slot], code)
    total, largest = np.float64(0), np.float32(0)
    for i in range(n_touched):
        slot = np.uint64(touched[i])
        weights[i] = np.float32(most[slot]) * steps[slot]
        total, largest = total + weights[i], max(largest, weights[i])
    mass, counts = np.zeros(_BINS, np.float64), np.zeros(_BINS, np.int64)
    scale = np.float32(_BINS - 1) / largest if largest > 0 else np.float32(0)
    for i in range(n_touched):
        place_of = np.uint64(weights[i] * scale)
        mass[place_of] += weights[i]
        counts[place_of] += 1
    least = _BINS - 1
    kept, held = mass[least], counts[least]
    while least > 0 and kept < energy * total and held + counts[least - 1] <= MOST_SUMMARY:
        least -= 1
        kept += mass[least]
        held += counts[least]
    room = place + held <= len(out)
    for i in range(n_touched):
        slot = np.uint64(touched[i])
        if room and np.int64(weights[i] * scale) >= least:
            code = min((np.int64(most[slot]) + 3) >> 2, MOST_SUMMARY_CODE)
            out[place] = slot << np.uint64(32) | np.uint64(code)
            place += 1
        most[slot] = 0
    return place if room else _TOO_LITTLE_ROOM


@inner
def _flush(keys, spare, count, digits, tables, table_place, pairs, pair_place):
    """Write the summaries of a part by term, and the table that finds them; return where both end, or -1."""
    sort_by_bytes(keys, spare, count, 4, digits)
    distinct = 0
    for i in range(count):
        if i == 0 or keys[i] >> np.uint64(32) != keys[i - 1] >> np.uint64(32):
            distinct += 1
    size = distinct + distinct // 4 + 1
    if table_place + size > len(tables) or pair_place + count > len(pairs):
        return _TOO_LITTLE_ROOM, _TOO_LITTLE_ROOM
    table = tables[table_place : table_place + size]
    table[:] = NO_ENTRY
    first = pair_place
    for i in range(count):
        slot = keys[i] >> np.uint64(32)
        block, code = (keys[i] >> np.uint64(8)) & np.uint64(0xFFFFFF), keys[i] & np.uint64(0xFF)
        begins = i == 0 or keys[i - 1] >> np.uint64(32) != slot
        ends = i + 1 == count or keys[i + 1] >> np.uint64(32) != slot
        if begins:
            place = home_of(slot, np.uint64(size))
            while table[place] != NO_ENTRY:
                place += np.uint64(1)
                if place == np.uint64(size):
                    place = np.uint64(0)
            value = np.uint64(pair_place - first)
            if ends:
                value = np.uint64(SINGLE) | block << np.uint64(6) | code
            table[place] = (slot & np.uint64(0xFFFF)) << np.uint64(16) | value
        if not (begins and ends):
            pairs[pair_place] = block << np.uint64(7) | np.uint64(64 if ends else 0) | code
            pair_place += 1
    return table_place + size, pair_place


@entry_point("sparse blocks")
def build_blocks(
    forward_address,
    steps_address,
    heaviest,
    starts,
    rows_address,
    first,
    last,
    centroid_fraction,
    least_size,
    most_size,
    energy,
    seed,
    longest,
    list_parts,
    block_ends,
    part_blocks,
    part_tables,
    part_pairs,
    tables,
    pairs,
    keys,
    spare,
):
    """Cut lists ``first`` to ``last`` into blocks, reordering their rows, and summarize each block.

    Fills in how many parts each list has, where each block ends, and how many blocks, table entries and pairs
    come before the end of each part. Returns how many blocks and parts there are; -1 when there was too
    little room.
    """
    forward = view_forward(forward_address)
    steps = view_f32(steps_address, forward.n_terms)
    rows = view_u32(rows_address, starts[len(starts) - 1])
    spans = np.zeros((forward.n_terms, 2), np.int32)
    most, touched = np.zeros(forward.n_terms, np.uint8), np.empty(forward.n_terms + 1, np.uint32)
    weights = np.empty(forward.n_terms, np.float32)
    slots, codes = np.empty(longest, np.uint32), np.empty(longest, np.uint8)
    digits = 2 if forward.n_terms <= 1 << 16 else 4
    ends = np.empty(max(1, np.diff(starts).max()), np.int64)
    n_blocks, n_parts, table_place, pair_place = 0, 0, 0, 0
    for number in range(first, last):
        own = rows[starts[number] : starts[number + 1]]
        parts_before = n_parts
        # Each list is drawn by itself, so that it does not matter which thread cuts it.
        state = (np.uint64(seed) << np.uint64(32)) + np.uint64(number + 1) * _SPREAD
        n_own = cut_list(
            forward,
            own,
            number,
            centroid_fraction,
            least_size,
            most_size,
            state,
            steps,
            heaviest,
            spans,
            slots,
            codes,
            ends,
        )
        count, blocks = 0, 0
        for i in range(n_own):
            before = count
            count = _summarize(
                forward,
                own[ends[i - 1] if i else 0 : ends[i]],
                steps,
                energy,
                most,
                touched,
                weights,
                slots,
                codes,
                keys,
                count,
            )
            if count < 0:
                return _TOO_LITTLE_ROOM, n_parts
            for j in range(before, count):
                keys[j] |= np.uint64(blocks) << np.uint64(8)
            block_ends[n_blocks] = starts[number] + ends[i]
            n_blocks += 1
            blocks += 1
            if blocks == PART_BLOCKS or count > _MOST_PAIRS - MOST_SUMMARY:
                table_place, pair_place = _flush(
                    keys, spare, count, digits, tables, table_place, pairs, pair_place
                )
                if table_place < 0:
                    return _TOO_LITTLE_ROOM, n_parts
                part_blocks[n_parts], part_tables[n_parts], part_pairs[n_parts] = (
                    n_blocks,
                    table_place,
                    pair_place,
                )
                n_parts += 1
                count, blocks = 0, 0
        if blocks:
            table_place, pair_place = _flush(
                keys, spare, count, digits, tables, table_place, pairs, pair_place
            )
            if table_place < 0:
                return _TOO_LITTLE_ROOM, n_parts
            part_blocks[n_parts], part_tables[n_parts], part_pairs[n_parts] = (
                n_blocks,
                table_place,
                pair_place,
            )
            n_parts += 1
        list_parts[number - first] = n_parts - parts_before
    return n_blocks, n_parts
