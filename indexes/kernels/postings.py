"""Postings of sparse rows in kernels: their records, the lists of a query, the sums of a window.

A window is 65,536 rows, so that a posting is a 16-bit row and an 8-bit code. Sums of codes are upper bounds
of scores.
"""

from __future__ import annotations

import numpy as np

from .kernel import inner
from .memory import (
    prefetch,
    prefetch_lines,
    record_at,
    view_f32,
    view_i8,
    view_i32,
    view_i64,
    view_u8,
    view_u16,
    view_u32,
)
from .sparse import BINARY, COSINE

POSTINGS = np.dtype(
    [
        ("n", np.int64),
        ("before", np.int64),  # rows of the indexes before it: its own are found under numbers behind those
        ("lo", np.int64),  # of its rows those may be found, and of the bitset if there is one
        ("hi", np.int64),
        ("allowed", np.uint64),  # address of uint64, or 0
        ("indptr", np.uint64),  # addresses of the stored rows
        ("indices", np.uint64),
        ("values", np.uint64),
        ("nnz", np.int64),
        ("form", np.int64),
        ("flat", np.float64),  # what is added to a term frequency whatever the length of its row
        ("parts", np.uint64),  # address: (n_parts,) of PART, one behind the other from row 0 on
        ("n_parts", np.int64),
        ("covered", np.int64),  # rows from here on are in no part
    ]
)
PART = np.dtype(
    [
        ("first", np.int64),  # its first row
        ("n", np.int64),  # may reach beyond the rows there are, which are not found
        ("n_postings", np.int64),
        ("terms", np.uint64),  # address: (n_terms,) uint32, ascending
        ("n_terms", np.int64),
        ("slots", np.uint64),  # address: (n_slots,) uint32, where each term stands or n_terms; or 0
        ("n_slots", np.int64),
        ("n_windows", np.int64),
        ("starts", np.uint64),  # address: (n_terms * n_windows + 1,) int64
        ("local", np.uint64),  # address: (n_postings,) uint16, the row within its window
        ("codes", np.uint64),  # address: (n_postings,) uint8, or int8 if signed; or 0, where each is 1
        ("steps", np.uint64),  # address: (n_terms,) float32, what codes are multiplied with; or 0
        ("signed", np.int64),
        ("average", np.float64),  # what codes of term frequencies were made with
    ]
)
SUMMING = np.dtype(
    [
        ("sums", np.uint64),  # address: (WINDOW,) int16
        ("maxima", np.uint64),  # address of int16: the largest of each block of 64
        ("lists", np.uint64),  # address of int64: by part, the terms of the query that have postings
        ("weights", np.uint64),  # address of int32, as many
        ("extras", np.uint64),  # address of int32, as many: what is added to each product of a code
        ("counts", np.uint64),  # address: (n_parts,) int64, how many
        ("terms", np.int64),  # room of a part in lists, weights and extras
        ("table_terms", np.uint64),
        ("table_weights", np.uint64),
        ("table_size", np.int64),
        ("pool", np.uint64),  # address of uint64
        ("pool_size", np.int64),
        ("heap", np.uint64),
        ("reached", np.uint64),  # address of uint64: bounds of as many rows as are wanted
        ("candidates", np.uint64),  # address of uint32: rows that are scored before others are summed
        ("floor", np.int64),  # what sums of rows that may be found are above: -1 unless some may be below 0
        ("unit", np.float64),  # what sums are multiplied with, and what is added, for bounds of scores
        ("rest", np.float64),
        ("stats", np.uint64),  # address of (2,) int64: postings summed, rows scored exactly
    ]
)
WINDOW_BITS = 16
WINDOW = 1 << WINDOW_BITS
_LINES_AHEAD = 2
# A sum holds products of codes and whole weights, each divided by 256 and rounded up, and stays in 16 bits:
# rounding adds less than three to what a list counts for.
_CODES, _SHIFT, _ROUND_UP = np.float64(256), np.int32(8), np.int32(255)
_HIGHEST_CODE = np.int32(255)
MOST_SUM, _ROUNDED = np.float64((1 << 15) - 1), np.float64(3)
# Of more terms the last are not summed.
_MOST_LISTS = 4096
_MOST_HALVINGS = 24
POSTINGS_BYTES = np.uint64(POSTINGS.itemsize)
_PART_BYTES = np.uint64(PART.itemsize)
view_postings = record_at(POSTINGS)
view_part = record_at(PART)
view_summing = record_at(SUMMING)


@inner
def find_term(part, terms, slots, term):
    """Return where ``term`` stands among the terms that have postings, ``n_terms`` if it does not."""
    if part.slots:
        return np.int64(slots[term]) if term < part.n_slots else part.n_terms
    lo, hi = 0, part.n_terms
    while lo < hi:
        middle = (lo + hi) >> 1
        if terms[middle] < term:
            lo = middle + 1
        else:
            hi = middle
    return lo if lo < part.n_terms and terms[lo] == term else part.n_terms


@inner
def bounds_of(part, steps, place, value, above, below, bend):
    """Return what the highest code of a term counts for, of a query's weight, and what any code does besides.

    Together they are bounds: the most of a weight above 0, the least of one below.
    """
    most = np.float64(steps[place]) * _CODES if part.steps else np.float64(1)
    if value <= 0:
        return np.float64(value) * below * most, np.float64(0)
    # The line that touches the curve where the term's largest weight is lies above it everywhere.
    fall = 1 + bend * most
    rise = np.float64(value) * above * most / (fall * fall)
    return rise, rise * bend * most


@inner
def find_lists(part, indices, values, start, stop, above, below, bend, lists):
    """List the query's terms that have postings.

    Returns how many are listed, what they add to scores at most, and what those do that are too many.
    """
    terms, steps = view_u32(part.terms, part.n_terms), view_f32(part.steps, part.n_terms)
    slots, starts = view_u32(part.slots, part.n_slots), part.starts
    count, total, rest = 0, np.float64(0), np.float64(0)
    for i in range(start, stop):
        place = find_term(part, terms, slots, indices[i])
        prefetch(starts + np.uint64(8 * place * part.n_windows))
        if place < part.n_terms:
            rise, base = bounds_of(part, steps, place, values[i], above, below, bend)
            most = abs(rise) + base
            if count < _MOST_LISTS:
                total += most
                lists[count] = place << 32 | i
                count += 1
            else:
                rest += most
    return count, total, rest


@inner
def weigh_lists(part, values, above, below, bend, unit, count, lists, weights, extras):
    """Make whole weights of the query's, what products get besides, and of ``lists`` the places of terms."""
    steps = view_f32(part.steps, part.n_terms)
    for j in range(count):
        i = lists[j] & 0xFFFFFFFF
        lists[j] = lists[j] >> 32
        rise, base = bounds_of(part, steps, lists[j], values[i], above, below, bend)
        weights[j] = np.int32(np.ceil(rise / unit)) if unit > 0 else np.int32(0)
        extras[j] = _ROUND_UP + (np.int32(np.ceil(base / unit * _CODES)) if unit > 0 else np.int32(0))
        if weights[j] < 0:
            # A code is the value rounded up; times a negative weight that is a lower bound, one step too low.
            extras[j] -= weights[j]
        if part.signed:
            # Weights are rounded up too, by less than one, which lowers the product with a code below zero.
            extras[j] += np.int32(128)
        first = view_i64(part.starts + np.uint64(8 * lists[j] * part.n_windows), 1)[0]
        prefetch_lines(part.local + np.uint64(2 * first), _LINES_AHEAD)
        if part.codes:
            prefetch_lines(part.codes + np.uint64(first), _LINES_AHEAD)


@inner
def part_at(postings, number):
    return view_part(postings.parts + np.uint64(number) * _PART_BYTES)


@inner
def lists_of(summing, number):
    """Return a part's lists, weights and extras, of which the first ``counts[number]`` are filled."""
    skipped = np.uint64(number * summing.terms)
    return (
        view_i64(summing.lists + np.uint64(8) * skipped, summing.terms),
        view_i32(summing.weights + np.uint64(4) * skipped, summing.terms),
        view_i32(summing.extras + np.uint64(4) * skipped, summing.terms),
    )


@inner
def changes(postings, part, average, slope, inverse):
    """Return the most and the least that weights are times those that codes were made of, and the bend.

    A weight w is now at most ``above * w / (1 + bend * w)``, and at least ``below * w``.
    """
    if postings.form == COSINE:
        return inverse, inverse, np.float64(0)
    if slope > 0:
        # Of a weight 1 / (1 + r), r changes by no more than the average does, the other way.
        change = average / part.average
        return max(np.float64(1), change), min(np.float64(1), change), max(np.float64(0), change - 1)
    return np.float64(1), np.float64(1), np.float64(0)


@inner
def whole_unit(values, start, stop):
    """Return what weights are whole multiples of, few enough for sums to be exact; 0 if there is nothing."""
    largest, equal = np.float64(0), True
    for i in range(start, stop):
        largest = max(largest, abs(np.float64(values[i])))
    for i in range(start, stop):
        equal = equal and abs(np.float64(values[i])) == largest
    if equal:
        return largest if largest > 0 else np.float64(1)
    unit = 2.0 ** np.floor(np.log2(largest))
    for _ in range(_MOST_HALVINGS):
        whole, total = True, np.float64(0)
        for i in range(start, stop):
            multiple = abs(np.float64(values[i])) / unit
            whole, total = whole and multiple == np.floor(multiple), total + multiple
        if total > MOST_SUM:
            break
        if whole:
            return unit
        unit /= 2
    return np.float64(0)


@inner
def choose_lists(postings, summing, indices, values, start, stop, average, slope, inverse):
    """Choose each part's lists and the weights of their terms, and what makes bounds of sums.

    Returns whether sums have the order of scores, with the same ties.
    """
    whole = whole_unit(values, start, stop) if postings.form == BINARY else np.float64(0)
    counts, unit, rest = view_i64(summing.counts, postings.n_parts), np.float64(0), np.float64(0)
    for number in range(postings.n_parts):
        part = part_at(postings, number)
        above, below, bend = changes(postings, part, average, slope, inverse)
        lists, _, _ = lists_of(summing, number)
        count, total, left = find_lists(part, indices, values, start, stop, above, below, bend, lists)
        counts[number] = count
        unit = max(unit, total / (MOST_SUM - _ROUNDED * np.float64(count)))
        rest = max(rest, left)
    ordered = whole > 0 and rest == 0
    if ordered:
        unit = whole
    summing.unit, summing.rest = unit, rest
    for number in range(postings.n_parts):
        part = part_at(postings, number)
        above, below, bend = changes(postings, part, average, slope, inverse)
        lists, weights, extras = lists_of(summing, number)
        weigh_lists(part, values, above, below, bend, unit, counts[number], lists, weights, extras)
    return ordered


@inner
def sum_lists(part, window, lists, weights, extras, begin_list, end_list, sums):
    """Add some lists' upper bounds of a window's scores to ``sums``; return how many postings were read."""
    starts = view_i64(part.starts, part.n_terms * part.n_windows + 1)
    local = view_u16(part.local, part.n_postings)
    codes, signed = view_u8(part.codes, part.n_postings), view_i8(part.codes, part.n_postings)
    read = 0
    for j in range(begin_list, end_list):
        first = lists[j] * part.n_windows + window
        weight, extra = weights[j], extras[j]
        # Of numbers without a sign numba does not ask whether they count from the end.
        begin, end = np.uint64(starts[first]), np.uint64(starts[first + 1])
        if not part.codes:
            for p in range(begin, end):
                sums[local[p]] += np.int16(weight)
        elif part.signed:
            for p in range(begin, end):
                sums[local[p]] += np.int16((weight * np.int32(signed[p]) + extra) >> _SHIFT)
        else:
            for p in range(begin, end):
                sums[local[p]] += np.int16((weight * np.int32(codes[p]) + extra) >> _SHIFT)
        read += starts[first + 1] - starts[first]
    return read


@inner
def most_added(part, weights, extras, begin_list, end_list):
    """Return what some lists, of codes above 0, add to a sum at most."""
    total = np.int64(0)
    for j in range(begin_list, end_list):
        added = (weights[j] * _HIGHEST_CODE + extras[j]) >> _SHIFT if part.codes else weights[j]
        total += max(np.int64(added), np.int64(0))
    return total
