"""Building postings of sparse rows: terms found and counted, then lists filled row after row."""

from __future__ import annotations

import numpy as np

from .kernel import entry_point, inner
from .memory import view_f32, view_i8, view_i64, view_u8, view_u32
from .postings import WINDOW, WINDOW_BITS
from .sparse import BINARY, COSINE, SATURATED, place_of


@inner
def divisor_of(values, start, stop, form, flat, slope):
    """Return what makes weights of a row's values: its length, or what is added to its term frequencies."""
    total = np.float64(0)
    if form != COSINE and form != SATURATED:
        return total
    for i in range(start, stop):
        value = np.float64(values[i])
        total += value * value if form == COSINE else max(value, np.float64(0))
    return np.sqrt(total) if form == COSINE else flat + slope * total


@inner
def weight_of(values, i, divisor, form):
    """Return what a query's weight is multiplied with."""
    if form == BINARY:
        return np.float64(1)
    value = np.float64(values[i])
    if form == COSINE:
        return value / divisor if divisor > 0 else np.float64(0)
    if form == SATURATED:
        return value / (value + divisor) if value > 0 else np.float64(0)
    return value


@inner
def number_of(table, numbers, term):
    """Return the number of a term that occurs; without a table numbers stand at the terms themselves."""
    if len(table) == 0:
        return np.int64(numbers[np.uint64(term)])
    return np.int64(numbers[place_of(table, np.uint64(len(table) - 1), term)])


@entry_point("sparse terms")
def find_terms(indices_address, count, table):
    """Put the terms that occur into an open-addressed table; return False once it is half full."""
    indices, mask, free = view_u32(indices_address, count), np.uint64(len(table) - 1), len(table) // 2
    for i in range(count):
        place = place_of(table, mask, indices[i])
        if table[place] < 0:
            if not free:
                return False
            free -= 1
            table[place] = np.int64(indices[i])
    return True


@entry_point("sparse term counts")
def count_postings(indptr, indices, values, n, form, flat, slope, table, numbers, counts, largest):
    """Count postings by term and window, and keep each term's largest weight; return if any is below 0."""
    pointers = view_i64(indptr, n + 1)
    row_terms, row_values = view_u32(indices, pointers[n]), view_f32(values, pointers[n])
    windows, signed = (n + WINDOW - 1) >> WINDOW_BITS, False
    for row in range(n):
        start, stop = pointers[row], pointers[row + 1]
        divisor = divisor_of(row_values, start, stop, form, flat, slope)
        for i in range(start, stop):
            weight = weight_of(row_values, i, divisor, form)
            if weight != 0:
                term = number_of(table, numbers, row_terms[i])
                counts[term * windows + (row >> WINDOW_BITS)] += 1
                largest[term] = max(largest[term], abs(weight))
                signed = signed or weight < 0
    return signed


@entry_point("sparse postings")
def fill_postings(
    indptr, indices, values, n, form, flat, slope, table, numbers, starts, steps, signed, ends, local, codes
):
    """Write each term's postings where they start; codes are weights in steps of the term, rounded up.

    ``ends`` (n_terms,) is written to, ``codes`` is an address, 0 where there are none.
    """
    pointers = view_i64(indptr, n + 1)
    row_terms, row_values = view_u32(indices, pointers[n]), view_f32(values, pointers[n])
    unsigned_codes, signed_codes = view_u8(codes, len(local)), view_i8(codes, len(local))
    windows = (n + WINDOW - 1) >> WINDOW_BITS
    most = np.float64(127 if signed else 255)
    for row in range(n):
        if row & (WINDOW - 1) == 0:
            for term in range(len(ends)):
                ends[term] = starts[term * windows + (row >> WINDOW_BITS)]
        start, stop = pointers[row], pointers[row + 1]
        divisor = divisor_of(row_values, start, stop, form, flat, slope)
        for i in range(start, stop):
            weight = weight_of(row_values, i, divisor, form)
            if weight != 0:
                term = number_of(table, numbers, row_terms[i])
                place = ends[term]
                ends[term] = place + 1
                local[place] = np.uint16(row & (WINDOW - 1))
                if not codes:
                    continue
                code = min(max(np.ceil(weight / np.float64(steps[term])), -most), most)
                if signed:
                    signed_codes[place] = np.int8(code)
                else:
                    unsigned_codes[place] = np.uint8(code)
