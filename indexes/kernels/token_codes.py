"""Products of coded tokens with many query tokens, summed out of tables of what each code adds to them."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .kernel import inner
from .memory import view_f32, view_i64, view_u8, view_u64
from .token_products import (
    FLOAT_BLOCKS,
    LANES,
    add_products,
    at_offset,
    block_sums,
    places_of,
    raise_best,
)
from .vectors import BYTE, I16, I32, I64, accumulate, load, procedure, splat, store, vector

WIDTH = 256
"""Codes of a part."""
_FLOATS = vector(ir.FloatType(), LANES)


def _products_of(width: int) -> Any:
    """Return a function that stores the products of rows of floats with ``width`` vectors of query tokens.

    It is given ``sources, targets, count, turns, table``: where the addresses of rows and of what is written
    for each are listed, how many there are, and the query as it is compared with floats.
    """

    def emit(builder: Any, args: Any) -> None:
        sources, targets, count, turns, table = args
        most, word = FLOAT_BLOCKS[width], ir.Constant(I64, 8)
        rows, written = (
            [load(builder, I64, place) for place in places_of(builder, listed, word, count, most)]
            for listed in (sources, targets)
        )
        sums = block_sums(builder, rows, turns, table, width, splat(_FLOATS, 0.0), add_products)
        for i, total in enumerate(sums):
            store(builder, total, at_offset(builder, written[i // width], 4 * LANES * (i % width)))

    return procedure(5, emit)


def _compare_codes(width: int) -> Any:
    """Return a function that raises the best of ``width`` vectors of query tokens by a block of tokens.

    It is given ``tokens, size, count, parts, tables, centroids, scales, best, factors, bias``: tables of the
    products of each centroid, and behind so many those of each code of each part.
    """
    entry = 4 * LANES * width

    def emit(builder: Any, args: Any) -> None:
        tokens, size, count, parts, tables, centroids, scales, best, *weights = args
        most, word = FLOAT_BLOCKS[width], ir.Constant(I64, 4)
        places = places_of(builder, tokens, size, count, most)
        bytes_of = ir.Constant(I64, entry)

        def added(total: list[Any], at: Any, number: Any) -> list[Any]:
            row = builder.add(at, builder.mul(builder.zext(number, I64), bytes_of))
            return [
                builder.fadd(one, load(builder, _FLOATS, row, 4 * LANES * v)) for v, one in enumerate(total)
            ]

        coded = builder.add(tables, builder.mul(centroids, bytes_of))

        def body(part: Any, sums: list[Any]) -> list[Any]:
            at = builder.add(coded, builder.mul(part, ir.Constant(I64, WIDTH * entry)))
            found = []
            for i, place in enumerate(places):
                code = load(builder, BYTE, builder.add(place, part))
                found += added(sums[i * width : (i + 1) * width], at, code)
            return found

        sums = accumulate(builder, splat(_FLOATS, 0.0), most * width, parts, body)
        total = []
        for i, place in enumerate(places):
            number = load(builder, I16, builder.add(place, parts))
            total += added(sums[i * width : (i + 1) * width], tables, number)
        raise_best(
            builder,
            total,
            width,
            scales,
            best,
            *(places_of(builder, part, word, count, most) for part in weights),
        )

    return procedure(10, emit)


products_of = {width: _products_of(width) for width in FLOAT_BLOCKS}
compare_codes = {width: _compare_codes(width) for width in FLOAT_BLOCKS}
_BLOCK_ONE, _BLOCK_TWO = FLOAT_BLOCKS[1], FLOAT_BLOCKS[2]
_products_one, _products_two = products_of[1], products_of[2]


@intrinsic
def _float_at(typingctx: Any, address: Any) -> Any:
    """Return the float32 at an address that need not be aligned."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return load(builder, ir.FloatType(), args[0])

    return types.float32(types.uint64), emit


@intrinsic
def _half_at(typingctx: Any, address: Any) -> Any:
    """Return the float32 whose upper half is at an address."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.shl(builder.zext(load(builder, I16, args[0]), I32), ir.Constant(I32, 16))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.uint64), emit


@inner
def tables_of(multi, first):
    """Return where the tables of the query tokens from ``first`` on are."""
    return multi.code_tables + np.uint64(4 * first * (multi.n_centroids + WIDTH * multi.parts))


@inner
def _multiply(multi, count, turns, query, group):
    if group > LANES:
        _products_two(multi.sources, multi.targets, np.uint64(count), np.uint64(turns), query)
    else:
        _products_one(multi.sources, multi.targets, np.uint64(count), np.uint64(turns), query)


@inner
def prepare_codes(multi, first, group):
    """Fill in what codes add to the products of a group of query tokens, which are there as floats are."""
    sources, targets = view_u64(multi.sources, _BLOCK_ONE), view_u64(multi.targets, _BLOCK_ONE)
    together = _BLOCK_TWO if group > LANES else _BLOCK_ONE
    starts = view_i64(multi.starts, multi.parts + 1)
    target = tables_of(multi, first) + np.uint64(4 * group * multi.n_centroids)
    for part in range(multi.parts):
        width = starts[part + 1] - starts[part]
        source = multi.codebooks + np.uint64(4 * WIDTH * starts[part])
        query = multi.table + np.uint64(4 * (first * multi.dim + starts[part] * group))
        for code in range(0, WIDTH, together):
            count = min(together, WIDTH - code)
            for i in range(count):
                sources[i] = source + np.uint64(4 * width * (code + i))
                targets[i] = target + np.uint64(4 * group * (code + i))
            _multiply(multi, count, width, query, group)
        target += np.uint64(4 * group * WIDTH)


@inner
def forget_centroids(multi):
    """Have no product of a centroid with the query known."""
    known = view_u8(multi.known, multi.n_centroids)
    for c in range(multi.n_centroids):
        known[c] = 0


@inner
def meet_centroids(multi, n_query, tokens, count):
    """Fill in the products of the centroids that ``count`` tokens are of, where they are not known yet."""
    known, waiting = view_u8(multi.known, multi.n_centroids), view_i64(multi.waiting, count)
    found = 0
    for i in range(count):
        number = view_u8(tokens + np.uint64(i * multi.token_bytes + multi.parts), 2)
        centroid = np.int64(number[0]) | np.int64(number[1]) << 8
        if not known[centroid]:
            known[centroid] = 1
            waiting[found] = centroid
            found += 1
    if not found:
        return
    sources, targets = view_u64(multi.sources, _BLOCK_ONE), view_u64(multi.targets, _BLOCK_ONE)
    for first in range(0, n_query, 2 * LANES):
        group = (min(n_query - first, 2 * LANES) + LANES - 1) // LANES * LANES
        together = _BLOCK_TWO if group > LANES else _BLOCK_ONE
        tables, query = tables_of(multi, first), multi.table + np.uint64(4 * first * multi.dim)
        for at in range(0, found, together):
            some = min(together, found - at)
            for i in range(some):
                sources[i] = multi.centroids + np.uint64(4 * multi.dim * waiting[at + i])
                targets[i] = tables + np.uint64(4 * group * waiting[at + i])
            _multiply(multi, some, multi.dim, query, group)


@inner
def weigh_codes(multi, tokens, count, is_l2):
    """Fill in what the sums of each token are multiplied with, and what is taken off then."""
    factors, bias = view_f32(multi.factors, count), view_f32(multi.bias, count)
    behind = multi.token_bytes - multi.parts - 2
    for i in range(count):
        at = tokens + np.uint64(i * multi.token_bytes + multi.parts + 2)
        factors[i] = _half_at(at)
        if behind == 2:
            continue
        length = _float_at(at + np.uint64(2))
        if is_l2:
            factors[i] *= np.float32(2)
            bias[i] = length
        else:
            factors[i] *= length
