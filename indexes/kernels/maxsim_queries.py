"""Queries of MaxSim as token kernels read them: transposed, in the numbers of the stored element."""

from __future__ import annotations

import math

import numpy as np

from .kernel import inner
from .memory import LINE, record_at, view_f32, view_i16, view_u8
from .rows import COSINE, L2
from .token_products import LANES
from .token_signs import SIGN_LANES

FLOAT32, FLOAT16, INT8, BINARY = range(4)
# Steps of a query token to either side: with those of INT8, moved above zero, products of two fit 16 bits.
INT8_STEPS, SIGN_STEPS = 63, 127
SHIFT = 64
# Tokens that are made ready together; blocks of 8, 6 and 4 divide it.
STRIP = 24
# Bytes of them that stay in the first-level cache beside the query.
_READY_BYTES = 1 << 14

MULTI = np.dtype(
    [
        ("tokens", np.uint64),  # address
        ("scales", np.uint64),  # address of (t,) float32; of INT8
        ("offsets", np.uint64),  # address of (n + 1,) int64
        ("n", np.int64),
        ("dim", np.int64),
        ("kind", np.int64),
        ("metric", np.int64),
        ("token_bytes", np.int64),
        ("padded_bytes", np.int64),  # of a token as kernels read it: whole lines, or words of signs
        ("strip", np.int64),  # tokens that are made ready together
        # Room, as addresses: of a query
        ("table", np.uint64),
        ("asked", np.uint64),  # INT8: the query tokens, padded with zeros
        ("lane_scales", np.uint64),
        ("lane_squares", np.uint64),  # squared lengths
        ("best", np.uint64),
        ("numbers", np.uint64),  # INT8: which token was best
        # and of a strip
        ("ready", np.uint64),
        ("token", np.uint64),  # one, padded with zeros
        ("factors", np.uint64),
        ("bias", np.uint64),
        ("shifts", np.uint64),  # INT8
        # and of all.
        ("heap", np.uint64),
    ]
)
view_multi = record_at(MULTI)


def strip_of(kind: int, padded_bytes: int) -> int:
    """Return how many tokens are made ready together."""
    ready = padded_bytes * (2 if kind == FLOAT16 else 1)
    return STRIP if STRIP * ready <= _READY_BYTES else STRIP // 2


def room_bytes(rows: tuple[int, ...], longest: int, k: int) -> list[int]:
    """Return what each part of the room takes, in whole lines, for rows described as in ``MULTI``."""
    _, _, _, _, dim, kind, _, _, padded, strip = rows
    lanes = 2 * (SIGN_LANES if kind == BINARY else LANES)
    lanes *= max(1, -(-longest // lanes))
    table = {INT8: dim + 3, BINARY: 64 * padded}.get(kind, 4 * dim) * lanes
    asked = 4 * padded * lanes if kind == INT8 else 0
    ready = strip * padded * (2 if kind == FLOAT16 else 1)
    sizes = table, asked, *[4 * lanes] * 4, ready, padded + LINE, *[4 * STRIP] * 3, 8 * k
    return [-(-size // LINE) * LINE for size in sizes]


@inner
def lanes_of(kind):
    """Return how many query tokens a vector has."""
    return SIGN_LANES if kind == BINARY else LANES


@inner
def _prepare_floats(multi, query, base, first, count, group):
    table = view_f32(multi.table + np.uint64(4 * base * multi.dim), group * multi.dim)
    for t in range(group):
        if t < count:
            token = view_f32(query + np.uint64(4 * (first + t) * multi.dim), multi.dim)
            for j in range(multi.dim):
                table[j * group + t] = token[j]
        else:
            for j in range(multi.dim):
                table[j * group + t] = np.float32(0)


@inner
def _step_of(token, dim, steps):
    largest = np.float32(0)
    for j in range(dim):
        largest = max(largest, abs(token[j]))
    return np.float32(largest / np.float32(steps))


@inner
def _in_steps(value, step):
    return np.int64(math.floor(value / step + np.float32(0.5))) if step > 0 else np.int64(0)


@inner
def _prepare_integers(multi, query, base, first, count, group):
    """Fill in the query in steps above zero, and as it is; scale lanes by their step."""
    turns, padded = (multi.dim + 3) // 4, multi.padded_bytes
    table = view_u8(multi.table + np.uint64(4 * base * turns), 4 * group * turns)
    scales = view_f32(multi.lane_scales, first + count)
    for t in range(group):
        if t < count:
            token = view_f32(query + np.uint64(4 * (first + t) * multi.dim), multi.dim)
            whole = view_f32(multi.asked + np.uint64(4 * (first + t) * padded), padded)
            step = _step_of(token, multi.dim, INT8_STEPS)
            scales[first + t] = step
            for j in range(multi.dim):
                table[(j // 4 * group + t) * 4 + j % 4] = SHIFT + _in_steps(token[j], step)
                whole[j] = token[j]
            for j in range(multi.dim, padded):
                whole[j] = np.float32(0)
        else:
            for j in range(multi.dim):
                table[(j // 4 * group + t) * 4 + j % 4] = 0


@inner
def _prepare_signs(multi, query, base, first, count, group):
    """Fill in what each four signs add up to with the query in steps; scale lanes by their step."""
    fours, wide = 2 * multi.padded_bytes, np.uint64(group)
    table = view_i16(multi.table + np.uint64(32 * base * fours), 16 * group * fours)
    # Of each four the values themselves wait where the sums of its last codes will be.
    scales = view_f32(multi.lane_scales, first + count)
    for t in range(group):
        step = np.float32(0)
        if t < count:
            token = view_f32(query + np.uint64(4 * (first + t) * multi.dim), multi.dim)
            step = _step_of(token, multi.dim, SIGN_STEPS)
            scales[first + t] = step
            for j in range(multi.dim):
                table[(16 * (j // 4) + (8 >> j % 4)) * group + t] = _in_steps(token[j], step)
        for j in range(multi.dim if t < count else 0, 4 * fours):
            table[(16 * (j // 4) + (8 >> j % 4)) * group + t] = 0
    for four in range(fours):
        at = np.uint64(16 * four) * wide
        for t in range(wide):
            total = np.int16(0)
            for bit in range(4):
                total += table[at + (wide << np.uint64(bit)) + t]
            table[at + t] = -total
        for code in range(1, 16):
            # A code with one bit has the value in its place.
            less = np.uint64(code & (code - 1))
            lowest = np.uint64(code) ^ less
            mine, from_less = at + np.uint64(code) * wide, at + less * wide
            if less:
                value = at + lowest * wide
                for t in range(wide):
                    # By now that of the lowest bit is the sum with it alone.
                    table[mine + t] = table[from_less + t] + table[value + t] - table[at + t]
            else:
                for t in range(wide):
                    table[mine + t] = table[at + t] + np.int16(2) * table[mine + t]


@inner
def prepare(multi, query, n_query):
    """Make a query of ``n_query`` tokens ready at the room of ``multi``."""
    lanes, squares = lanes_of(multi.kind), view_f32(multi.lane_squares, n_query)
    scales = view_f32(multi.lane_scales, n_query)
    for t in range(n_query):
        token, square = view_f32(query + np.uint64(4 * t * multi.dim), multi.dim), 0.0
        for j in range(multi.dim):
            square += np.float64(token[j]) * np.float64(token[j])
        squares[t], scales[t] = square, 1
    for first in range(0, n_query, 2 * lanes):
        count = min(n_query - first, 2 * lanes)
        group = (count + lanes - 1) // lanes * lanes
        if multi.kind == BINARY:
            _prepare_signs(multi, query, first, first, count, group)
        elif multi.kind == INT8:
            _prepare_integers(multi, query, first, first, count, group)
        else:
            _prepare_floats(multi, query, first, first, count, group)
    if multi.metric == COSINE and multi.kind != INT8:
        for t in range(n_query):
            length = np.float32(math.sqrt(squares[t]))
            scales[t] = scales[t] / length if length > 0 else np.float32(0)
    _fill_factors(multi)
    spare = view_u8(multi.token, multi.padded_bytes)
    for i in range(multi.padded_bytes):
        spare[i] = 0


@inner
def _fill_factors(multi):
    """Fill in what all tokens have in common, where they have."""
    factors, bias = view_f32(multi.factors, STRIP), view_f32(multi.bias, STRIP)
    factor, less = np.float32(1), np.float32(0)
    if multi.kind == BINARY:
        if multi.metric == COSINE:
            factor = np.float32(1 / math.sqrt(np.float64(multi.dim)))
        elif multi.metric == L2:
            factor, less = np.float32(2), np.float32(multi.dim)
    elif multi.metric == L2:
        factor = np.float32(-1)
    for i in range(STRIP):
        factors[i], bias[i] = factor, less
