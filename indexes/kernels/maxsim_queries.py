"""Queries of MaxSim as token kernels read them: transposed, in the numbers of the stored element."""

from __future__ import annotations

import math

import numpy as np

from .kernel import inner
from .memory import LINE, record_at, view_f32, view_i8, view_i16, view_i32, view_u8
from .rows import COSINE, DOT, L2
from .token_codes import WIDTH, forget_centroids, prepare_codes
from .token_products import LANES
from .token_rows import float_square, largest_of, steps_of
from .token_signs import SIGN_LANES, sum_signs

FLOAT32, FLOAT16, INT8, BINARY, CODES = range(5)
# Steps of a query token to either side: with codes of INT8, lifted above zero, two products fit 16 bits.
INT8_STEPS, SIGN_STEPS = 63, 127
LIFT = 128
CHUNK = 16
_SMALLEST = np.float32(1e-35)
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
        ("most", np.int64),  # tokens of a row that count, its first
        ("dim", np.int64),
        ("kind", np.int64),
        ("metric", np.int64),
        ("token_bytes", np.int64),
        ("padded_bytes", np.int64),  # of a token as kernels read it: whole lines, or words of signs
        ("strip", np.int64),  # tokens that are made ready together
        # Of CODES: how many there are, and addresses of (k, dim) float32, of what codes add part by part, and
        # of where parts begin
        ("parts", np.int64),
        ("n_centroids", np.int64),
        ("centroids", np.uint64),
        ("codebooks", np.uint64),
        ("starts", np.uint64),
        # Room, as addresses: of a query
        ("table", np.uint64),
        ("asked", np.uint64),  # tokens with zeros behind them: of INT8 all, else one
        ("steps", np.uint64),  # one in whole numbers
        ("lane_scales", np.uint64),
        ("lane_squares", np.uint64),  # squared lengths
        ("best", np.uint64),
        ("numbers", np.uint64),  # INT8: which token was best
        ("shifts", np.uint64),  # INT8: what the lift of codes adds to each sum
        ("code_tables", np.uint64),  # CODES: products with centroids, then with what each code adds
        ("known", np.uint64),  # CODES: of which centroids there are products
        # and of a strip
        ("ready", np.uint64),
        ("token", np.uint64),  # one, padded with zeros
        ("factors", np.uint64),
        ("bias", np.uint64),
        ("waiting", np.uint64),  # CODES: centroids whose products are not known
        ("sources", np.uint64),  # CODES: addresses of what is multiplied
        ("targets", np.uint64),  # and of where the products are written
        # and of all.
        ("heap", np.uint64),
    ]
)
view_multi = record_at(MULTI)


def strip_of(kind: int, padded_bytes: int) -> int:
    """Return how many tokens are made ready together."""
    ready = padded_bytes * (2 if kind == FLOAT16 else 1)
    return STRIP if STRIP * ready <= _READY_BYTES else STRIP // 2


def room_bytes(
    dim: int, kind: int, padded: int, strip: int, parts: int, n_centroids: int, longest: int, k: int
) -> list[int]:
    """Return what each part of the room takes, in whole lines, for queries of up to ``longest`` tokens."""
    lanes = 2 * (SIGN_LANES if kind == BINARY else LANES)
    lanes *= max(1, -(-longest // lanes))
    table = {INT8: dim + 3, BINARY: 64 * padded}.get(kind, 4 * dim) * lanes
    token = chunks_of.py_func(dim) * CHUNK
    asked = 4 * token * (lanes if kind == INT8 else 1)
    ready = strip * padded * (2 if kind == FLOAT16 else 1)
    coded, listed = 4 * lanes * (n_centroids + WIDTH * parts), 8 * STRIP if kind == CODES else 0
    of_query = table, asked, 2 * token, *[4 * lanes] * 5, coded, n_centroids
    sizes = *of_query, ready, padded, *[4 * STRIP] * 2, *[listed] * 3, 8 * k
    return [-(-size // LINE) * LINE for size in sizes]


@inner
def chunks_of(dim):
    return (dim + CHUNK - 1) // CHUNK


@inner
def lanes_of(kind):
    """Return how many query tokens a vector has."""
    return SIGN_LANES if kind == BINARY else LANES


@inner
def _pad_token(multi, query, number, row):
    """Return where a token of the query is with zeros behind it."""
    padded = chunks_of(multi.dim) * CHUNK
    source = view_f32(query + np.uint64(4 * number * multi.dim), multi.dim)
    address = multi.asked + np.uint64(4 * row * padded)
    target = view_f32(address, padded)
    for j in range(multi.dim):
        target[j] = source[j]
    for j in range(multi.dim, padded):
        target[j] = np.float32(0)
    return address


@inner
def _step_token(multi, token, steps):
    """Store a token in so many steps to either side, and return how long a step is."""
    chunks = np.uint64(chunks_of(multi.dim))
    largest = largest_of(token, chunks)
    # The inverse of a smaller one is infinite.
    per_unit = np.float32(steps) / largest if largest > _SMALLEST else np.float32(0)
    steps_of(token, per_unit, chunks, multi.steps)
    return np.float32(largest / np.float32(steps))


@inner
def _prepare_floats(multi, query, first, count, group):
    table = view_f32(multi.table + np.uint64(4 * first * multi.dim), group * multi.dim)
    for t in range(count):
        token = view_f32(query + np.uint64(4 * (first + t) * multi.dim), multi.dim)
        for j in range(multi.dim):
            table[j * group + t] = token[j]
    for t in range(count, group):
        for j in range(multi.dim):
            table[j * group + t] = np.float32(0)


@inner
def _prepare_integers(multi, query, first, count, group):
    """Fill in the query in steps, and as it is; scale lanes by their step."""
    turns = (multi.dim + 3) // 4
    table = view_i8(multi.table + np.uint64(4 * first * turns), 4 * group * turns)
    scales, shifts = view_f32(multi.lane_scales, first + group), view_i32(multi.shifts, first + group)
    steps = view_i16(multi.steps, 4 * turns)
    for t in range(group):
        total = np.int32(0)
        if t < count:
            token = _pad_token(multi, query, first + t, first + t)
            scales[first + t] = _step_token(multi, token, INT8_STEPS)
            for j in range(4 * turns):
                table[(j // 4 * group + t) * 4 + j % 4] = steps[j]
                total += steps[j]
        else:
            for j in range(4 * turns):
                table[(j // 4 * group + t) * 4 + j % 4] = 0
        shifts[first + t] = LIFT * total


@inner
def _prepare_signs(multi, query, first, count, group):
    """Fill in what each four signs add up to with the query in steps; scale lanes by their step."""
    fours, wide = 2 * multi.padded_bytes, np.uint64(group)
    table = view_i16(multi.table + np.uint64(32 * first * fours), 16 * group * fours)
    scales, steps = view_f32(multi.lane_scales, first + group), view_i16(multi.steps, multi.dim)
    # Of each four the steps themselves wait where the sums of the codes with one bit will be.
    for t in range(group):
        known = multi.dim if t < count else 0
        if t < count:
            token = _pad_token(multi, query, first + t, 0)
            scales[first + t] = _step_token(multi, token, SIGN_STEPS)
        for j in range(known):
            table[(16 * (j // 4) + (8 >> j % 4)) * group + t] = steps[j]
        for j in range(known, 4 * fours):
            table[(16 * (j // 4) + (8 >> j % 4)) * group + t] = 0
    for four in range(fours):
        sum_signs(multi.table + np.uint64(32 * (first * fours + four * group)), wide)


@inner
def prepare(multi, query, n_query):
    """Make a query of ``n_query`` tokens ready at the room of ``multi``."""
    lanes, squares = lanes_of(multi.kind), view_f32(multi.lane_squares, n_query)
    scales = view_f32(multi.lane_scales, n_query)
    for t in range(n_query):
        scales[t] = 1
        if multi.metric != DOT:
            token = _pad_token(multi, query, t, 0)
            squares[t] = float_square(token, np.uint64(chunks_of(multi.dim)))
    for first in range(0, n_query, 2 * lanes):
        count = min(n_query - first, 2 * lanes)
        group = (count + lanes - 1) // lanes * lanes
        if multi.kind == BINARY:
            _prepare_signs(multi, query, first, count, group)
        elif multi.kind == INT8:
            _prepare_integers(multi, query, first, count, group)
        else:
            _prepare_floats(multi, query, first, count, group)
            if multi.kind == CODES:
                prepare_codes(multi, first, group)
    if multi.kind == CODES:
        forget_centroids(multi)
    if multi.metric == COSINE and multi.kind != INT8:
        for t in range(n_query):
            length = np.float32(math.sqrt(squares[t]))
            scales[t] = scales[t] / length if length > 0 else np.float32(0)
    factors, bias = view_f32(multi.factors, STRIP), view_f32(multi.bias, STRIP)
    for i in range(STRIP):
        factors[i], bias[i] = -1 if multi.metric == L2 else 1, 0
    spare = view_u8(multi.token, multi.padded_bytes)
    for i in range(multi.padded_bytes):
        spare[i] = 0
