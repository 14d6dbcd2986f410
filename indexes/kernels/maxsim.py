"""Exact MaxSim: for each query token the best of a row's tokens, summed."""

from __future__ import annotations

import math

import numpy as np

from .kernel import entry_point, inner
from .maxsim_queries import BINARY, CHUNK, CODES, FLOAT16, INT8, chunks_of, lanes_of, prepare, view_multi
from .memory import LINE, prefetch_lines, view_f32, view_i32, view_i64, view_u8, view_u32, view_u64
from .rows import COSINE, L2
from .scan import write_result
from .token_codes import compare_codes, meet_centroids, tables_of, weigh_codes
from .token_products import FLOAT_BLOCKS, INTEGER_BLOCKS, compare_integers, compare_products, compare_squares
from .token_rows import code_square, float_square, lift_codes, pair_product, pair_square, widen_halves
from .token_signs import SIGN_BLOCKS, compare_signs
from .top import clear_heap, key_of, replace_largest, sort_heap

_MOST = np.int32(2**31 - 1)
_NO_ROW = np.uint32(0xFFFFFFFF)
# By how many vectors of query tokens.
_FLOAT_ONE, _FLOAT_TWO = FLOAT_BLOCKS[1], FLOAT_BLOCKS[2]
_INTEGER_ONE, _INTEGER_TWO = INTEGER_BLOCKS[1], INTEGER_BLOCKS[2]
_SIGN_ONE, _SIGN_TWO = SIGN_BLOCKS[1], SIGN_BLOCKS[2]
_products_one, _products_two = compare_products[1], compare_products[2]
_squares_one, _squares_two = compare_squares[1], compare_squares[2]
_integers_one, _integers_two = compare_integers[1], compare_integers[2]
_codes_one, _codes_two = compare_codes[1], compare_codes[2]
_signs_one, _signs_two = compare_signs[1], compare_signs[2]


@inner
def _copy(source, target, size):
    given, copied = view_u8(source, size), view_u8(target, size)
    for i in range(size):
        copied[i] = given[i]


@inner
def _whole_token(multi, number):
    """Return where a token can be read in whole lines, zeros behind it."""
    source = multi.tokens + np.uint64(number * multi.token_bytes)
    if multi.token_bytes == multi.padded_bytes:
        return source
    _copy(source, multi.token, multi.token_bytes)
    return multi.token


@inner
def _make_ready(multi, first, count):
    """Return where some tokens can be compared, and how far from each other they are."""
    size = np.uint64(multi.padded_bytes)
    if multi.kind == FLOAT16:
        size = np.uint64(2) * size
        for i in range(count):
            target = multi.ready + np.uint64(i) * size
            widen_halves(_whole_token(multi, first + i), target, np.uint64(multi.padded_bytes // 32))
        return multi.ready, size
    if multi.kind == INT8:
        for i in range(count):
            lift_codes(_whole_token(multi, first + i), multi.ready + np.uint64(i) * size, size)
        return multi.ready, size
    if multi.token_bytes == multi.padded_bytes:
        # Those of codes too.
        return multi.tokens + np.uint64(first) * size, size
    for i in range(count):
        _copy(_whole_token(multi, first + i), multi.ready + np.uint64(i) * size, multi.padded_bytes)
    return multi.ready, size


@inner
def _weigh_tokens(multi, ready, size, first, count):
    """Fill in what the sums of each token of a strip are multiplied with, and what is taken off then."""
    factors, bias = view_f32(multi.factors, count), view_f32(multi.bias, count)
    if multi.kind == CODES:
        weigh_codes(multi, ready, count, multi.metric == L2)
    elif multi.kind == INT8:
        scales = view_f32(multi.scales + np.uint64(4 * first), count)
        for i in range(count):
            factors[i] = scales[i]
            if multi.metric == COSINE:
                factors[i] = _inverse_root(np.float32(code_square(_whole_token(multi, first + i), size)))
            elif multi.metric == L2:
                square = np.float32(code_square(_whole_token(multi, first + i), size))
                factors[i] = np.float32(2) * scales[i]
                bias[i] = scales[i] * scales[i] * square
    elif multi.metric == COSINE and multi.kind != BINARY:
        for i in range(count):
            square = float_square(ready + np.uint64(i) * size, size // np.uint64(LINE))
            factors[i] = _inverse_root(square)


@inner
def _inverse_root(square):
    return np.float32(np.float32(1) / np.float32(math.sqrt(square))) if square > 0 else np.float32(0)


@inner
def _compare_block(multi, block, size, count, at, first_lane, is_wide, number):
    """Compare some tokens of a strip, from place ``at`` on, with one or two vectors of query tokens."""
    lane = np.uint64(4 * first_lane)
    scales, best = multi.lane_scales + lane, multi.best + lane
    place, some = np.uint64(4 * at), np.uint64(count)
    factors, bias = multi.factors + place, multi.bias + place
    if multi.kind == BINARY:
        words = np.uint64(multi.padded_bytes // 8)
        table = multi.table + lane * np.uint64(16 * multi.padded_bytes)
        if is_wide:
            _signs_two(block, size, some, words, table, best)
        else:
            _signs_one(block, size, some, words, table, best)
    elif multi.kind == INT8:
        turns, shifts, numbers = np.uint64((multi.dim + 3) // 4), multi.shifts + lane, multi.numbers + lane
        table, first = multi.table + lane * turns, np.uint64(number)
        if is_wide:
            _integers_two(
                block, size, some, turns, table, scales, best, factors, bias, shifts, numbers, first
            )
        else:
            _integers_one(
                block, size, some, turns, table, scales, best, factors, bias, shifts, numbers, first
            )
    elif multi.kind == CODES:
        parts, known, table = (
            np.uint64(multi.parts),
            np.uint64(multi.n_centroids),
            tables_of(multi, first_lane),
        )
        if is_wide:
            _codes_two(block, size, some, parts, table, known, scales, best, factors, bias)
        else:
            _codes_one(block, size, some, parts, table, known, scales, best, factors, bias)
    else:
        turns = np.uint64(multi.dim)
        table = multi.table + lane * turns
        if multi.metric == L2:
            if is_wide:
                _squares_two(block, size, some, turns, table, scales, best, factors, bias)
            else:
                _squares_one(block, size, some, turns, table, scales, best, factors, bias)
        elif is_wide:
            _products_two(block, size, some, turns, table, scales, best, factors, bias)
        else:
            _products_one(block, size, some, turns, table, scales, best, factors, bias)


@inner
def _together(kind, is_wide):
    """Return how many tokens a block has."""
    if kind == BINARY:
        return _SIGN_TWO if is_wide else _SIGN_ONE
    if kind == INT8:
        return _INTEGER_TWO if is_wide else _INTEGER_ONE
    return _FLOAT_TWO if is_wide else _FLOAT_ONE


@inner
def _raise_all(multi, n_query, start, stop, behind):
    """Raise the best of each query token by tokens ``start`` to ``stop``, and send for those ``behind``."""
    lanes = lanes_of(multi.kind)
    for first in range(start, stop, multi.strip):
        count = min(multi.strip, stop - first)
        ready, size = _make_ready(multi, first, count)
        _weigh_tokens(multi, ready, size, first, count)
        if multi.kind == CODES:
            meet_centroids(multi, n_query, ready, count)
        together = _together(multi.kind, n_query > lanes)
        turns = (n_query + 2 * lanes - 1) // (2 * lanes) * ((count + together - 1) // together)
        # What is read next is sent for evenly: memory that waits now and then is slower.
        following = first + count if first + count < stop else behind
        later = multi.tokens + np.uint64(following * multi.token_bytes)
        lines = count * multi.token_bytes // LINE // turns + 1
        for lane in range(0, n_query, 2 * lanes):
            is_wide = n_query - lane > lanes
            together = _together(multi.kind, is_wide)
            for at in range(0, count, together):
                prefetch_lines(later, lines)
                later += np.uint64(lines * LINE)
                block, some = ready + np.uint64(at) * size, min(together, count - at)
                _compare_block(multi, block, size, some, at, lane, is_wide, first + at)


@inner
def _exact_score(multi, n_query):
    """Return the score of the best tokens, which were found by a query in steps, by the query itself."""
    chunks, size = np.uint64(chunks_of(multi.dim)), np.uint64(multi.padded_bytes)
    numbers, squares = view_i32(multi.numbers, n_query), view_f32(multi.lane_squares, n_query)
    total = np.float32(0)
    for t in range(n_query):
        number = np.int64(numbers[t])
        scale = view_f32(multi.scales + np.uint64(4 * number), 1)[0]
        code, query = _whole_token(multi, number), multi.asked + np.uint64(4 * CHUNK * t) * chunks
        if multi.metric == L2:
            total += pair_square(query, code, scale, chunks)
            continue
        product = pair_product(query, code, chunks)
        if multi.metric == COSINE:
            lengths = _inverse_root(np.float32(code_square(code, size))) * _inverse_root(squares[t])
            total += product * lengths
        else:
            total += product * scale
    return total


@inner
def _sign_score(multi, n_query):
    """Return the score of the largest sums of steps."""
    best, scales = view_i32(multi.best, n_query), view_f32(multi.lane_scales, n_query)
    squares, dim, total = view_f32(multi.lane_squares, n_query), np.float32(multi.dim), np.float32(0)
    for t in range(n_query):
        product = np.float32(best[t]) * scales[t]
        if multi.metric == L2:
            # All tokens are as long.
            total += max(np.float32(0), squares[t] + dim - np.float32(2) * product)
        else:
            total += product
    return total * _inverse_root(dim) if multi.metric == COSINE else total


@inner
def row_score(multi, n_query, start, stop, behind):
    """Return the score of the row of tokens ``start`` to ``stop``, one at least; ``behind`` comes next."""
    lanes = lanes_of(multi.kind)
    padded = (n_query + lanes - 1) // lanes * lanes
    if multi.kind == BINARY:
        sums = view_i32(multi.best, padded)
        for t in range(padded):
            sums[t] = -_MOST
    else:
        best, numbers = view_f32(multi.best, padded), view_i32(multi.numbers, padded)
        for t in range(padded):
            # Where sums overflow no token is better than another.
            best[t], numbers[t] = -np.inf, start
    _raise_all(multi, n_query, start, stop, behind)
    total = np.float32(0)
    if multi.kind == BINARY:
        total = _sign_score(multi, n_query)
    elif multi.kind == INT8:
        total = _exact_score(multi, n_query)
    else:
        best, squares = view_f32(multi.best, n_query), view_f32(multi.lane_squares, n_query)
        for t in range(n_query):
            if multi.metric != L2:
                total += best[t]
            elif multi.kind == CODES:
                total += max(np.float32(0), squares[t] - best[t])
            else:
                total -= best[t]
    return np.float32(math.sqrt(total)) if multi.metric == L2 else total


@entry_point("maxsim")
def find_maxsim(
    multi_address, query_offsets, query_tokens, n_queries, k, lo, hi, listed, each, found, scores
):
    """Find the ``k`` nearest of rows ``lo`` to ``hi``, or of ``listed[lo:hi]``, for each query.

    The list of a query begins ``each`` entries behind that of the one before; ``_NO_ROW`` in it is none.
    A row without tokens is not found.
    """
    multi = view_multi(multi_address)
    starts, query_starts = view_i64(multi.offsets, multi.n + 1), view_i64(query_offsets, n_queries + 1)
    higher_is_nearer = multi.metric != L2
    worst = np.float32(-np.inf) if higher_is_nearer else np.float32(np.inf)
    heap = view_u64(multi.heap, k)
    for q in range(n_queries):
        n_query = query_starts[q + 1] - query_starts[q]
        prepare(multi, query_tokens + np.uint64(4 * query_starts[q] * multi.dim), n_query)
        clear_heap(heap, k)
        rows = view_u32(listed + np.uint64(4 * q * each), hi)
        for i in range(lo, hi):
            row = np.uint32(rows[i]) if listed else np.uint32(i)
            if row == _NO_ROW or starts[row] == starts[row + 1]:
                continue
            is_followed = listed and i + 1 < hi and rows[i + 1] != _NO_ROW
            behind = starts[rows[i + 1]] if is_followed else starts[row + 1]
            stop = min(starts[row + 1], starts[row] + multi.most)
            score = row_score(multi, n_query, starts[row], stop, behind)
            key = key_of(score, np.uint64(row), higher_is_nearer)
            if key < heap[0]:
                replace_largest(heap, k, key)
        sort_heap(heap, k)
        write_result(heap, k, higher_is_nearer, worst, found[q], scores[q])


@entry_point("maxsim scores")
def score_maxsim(multi_address, query_offsets, query_tokens, n_queries, listed, count, scores):
    """Fill in the scores of ``count`` rows that are listed, NaN where a row has no token."""
    multi = view_multi(multi_address)
    starts, query_starts = view_i64(multi.offsets, multi.n + 1), view_i64(query_offsets, n_queries + 1)
    rows = view_u32(listed, count)
    for q in range(n_queries):
        n_query = query_starts[q + 1] - query_starts[q]
        prepare(multi, query_tokens + np.uint64(4 * query_starts[q] * multi.dim), n_query)
        for i in range(count):
            start = starts[rows[i]]
            stop = min(starts[rows[i] + 1], start + multi.most)
            behind = starts[rows[min(i + 1, count - 1)]]
            score = row_score(multi, n_query, start, stop, behind) if start < stop else np.float32(np.nan)
            scores[q, i] = score
