"""Which of the rows near another it is linked to: near ones that lie in different directions."""

from __future__ import annotations

import numpy as np

from .code_distances import four_dots, four_hammings
from .codes import BITS
from .kernel import inner
from .memory import LINE, prefetch_lines, record_at, view_f32, view_i8, view_i32, view_u32, view_u64
from .top import NO_KEY, ascending, replace_largest, score_of, sort_heap

GROWTH = np.dtype(
    [
        ("graph", np.uint64),  # address of a graph.GRAPH record, whose links grow
        ("walk", np.uint64),  # address of a graph.WALK record
        ("steps", np.float64),  # of a unit, as the codes have it
        ("most", np.int64),  # links of a row
        (
            "spread",
            np.float64,
        ),  # a candidate so many times nearer to a chosen one than to the row is left out
        ("candidates", np.uint64),  # address: uint32 rows that are chosen from
        ("distances", np.uint64),  # address: float32, from the row to each of them
        ("ranked", np.uint64),  # address: uint64 keys of them
    ]
)
view_growth = record_at(GROWTH)
NO_LINK = np.uint32(0xFFFFFFFF)
# Of the steps of a row, which turns them into those of a query: the middle of the one is 128, of the other 0.
_SIGN_BITS = np.uint64(0x8080808080808080)
_MIDDLE = np.float64(128.0)
_MOST_LINES_AHEAD = 64


@inner
def as_query(codes, row, steps, query):
    """Write the codes of a row as those of a query; return what a distance is besides product and bias."""
    words = codes.row_bytes // 8
    given = view_u64(codes.codes + np.uint64(row) * np.uint64(codes.row_bytes), words)
    target = view_u64(query, words)
    if codes.form == BITS:
        for i in range(words):
            target[i] = given[i]
        return np.float64(0.0)
    for i in range(words):
        target[i] = given[i] ^ _SIGN_BITS
    own, total = view_i8(query, codes.dim), np.int64(0)
    for i in range(codes.dim):
        total += own[i]
    return bias_of(codes, row, steps) + _MIDDLE * total


@inner
def bias_of(codes, row, steps):
    # In float32, as a walk rounds it.
    return np.float64(np.rint(view_f32(codes.bias, np.int64(row) + 1)[row] * np.float32(steps)))


@inner
def four_distances(codes, listed, first, count, steps, shift, walk, out):
    """Store the distances of a query and the next four of ``count`` listed rows, if there are so many."""
    size, lines, last = np.uint64(codes.row_bytes), codes.row_bytes // LINE, count - 1
    a = codes.codes + np.uint64(listed[first]) * size
    b = codes.codes + np.uint64(listed[min(first + 1, last)]) * size
    c = codes.codes + np.uint64(listed[min(first + 2, last)]) * size
    d = codes.codes + np.uint64(listed[min(first + 3, last)]) * size
    whole = view_i32(walk.products, 4)
    if codes.form == BITS:
        four_hammings(a, b, c, d, walk.query_codes, lines, walk.products)
        for i in range(4):
            out[i] = np.float32(whole[i])
    else:
        four_dots(a, b, c, d, walk.query_codes, lines, walk.products)
        for i in range(4):
            bias = bias_of(codes, listed[min(first + i, last)], steps)
            out[i] = np.float32(bias + shift - np.float64(whole[i]))


@inner
def rank_candidates(growth, count):
    """Sort candidates by their distances, nearest first, ties by row."""
    candidates, distances = view_u32(growth.candidates, count), view_f32(growth.distances, count)
    ranked = view_u64(growth.ranked, count)
    ranked[:count] = NO_KEY
    for i in range(count):
        key = np.uint64(ascending(distances[i])) << np.uint64(32) | np.uint64(candidates[i])
        replace_largest(ranked, count, key)
    sort_heap(ranked, count)
    for i in range(count):
        candidates[i] = np.uint32(ranked[i] & np.uint64(0xFFFFFFFF))
        distances[i] = score_of(ranked[i], False)


@inner
def choose_links(codes, walk, growth, count, chosen, n_chosen):
    """Choose candidates, given nearest first, beside those chosen already, up to ``most``; mark places left.

    One is left out that is nearer to one already chosen than to the row: a walk comes by it from there.
    """
    candidates, distances = view_u32(growth.candidates, count), view_f32(growth.distances, count)
    near = view_f32(walk.keys, 4)
    spread = np.float32(growth.spread)
    size, lines = np.uint64(codes.row_bytes), min(codes.lines, _MOST_LINES_AHEAD)
    for i in range(count):
        if n_chosen == growth.most:
            break
        if i + 1 < count:
            prefetch_lines(codes.codes + np.uint64(candidates[i + 1]) * size, lines)
        row, bound = candidates[i], distances[i]
        shift = as_query(codes, row, growth.steps, walk.query_codes)
        is_apart, first = True, 0
        while is_apart and first < n_chosen:
            four_distances(codes, chosen, first, n_chosen, growth.steps, shift, walk, near)
            for j in range(4):
                if near[j] * spread < bound:
                    is_apart = False
            first += 4
        if is_apart:
            chosen[n_chosen] = row
            n_chosen += 1
    chosen[n_chosen:] = NO_LINK
