"""Dot products and squared distances in float32 of a query and four stored rows at a time.

Sums run in a fixed order over sixteen lanes without contraction to fused operations, so that a score has the
same bits on every CPU, in a batch or alone, whichever rows stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .target import HAS_HALF_CONVERSION
from .vectors import (
    BYTE,
    I16,
    I32,
    I64,
    accumulate,
    load,
    prefetch_behind,
    splat,
    store,
    sums_of_four,
    vector,
)

FLOAT32_DOT, FLOAT32_SQUARE, FLOAT16_DOT, FLOAT16_SQUARE, INT8_DOT, INT8_SQUARE, BITS = range(7)

# Exponents of e4m3 are biased by 7, those of the half floats that are made of it by 15.
FLOAT8_UNIT = 2.0**-8

LANES = 16
_FLOATS = vector(ir.FloatType(), LANES)


def load_float(builder: Any, address: Any) -> Any:
    return load(builder, _FLOATS, address)


def load_half(builder: Any, address: Any) -> Any:
    return _widened(builder, load(builder, vector(I16, LANES), address))


def _widened(builder: Any, halves: Any) -> Any:
    if HAS_HALF_CONVERSION:
        return builder.fpext(builder.bitcast(halves, vector(ir.HalfType(), LANES)), _FLOATS)
    words = vector(I32, LANES)
    bits = builder.zext(halves, words)
    magnitude = builder.shl(builder.and_(bits, splat(words, 0x7FFF)), splat(words, 13))
    # Exponents of half floats are biased by 15, those of floats by 127: the product is exact.
    value = builder.fmul(builder.bitcast(magnitude, _FLOATS), splat(_FLOATS, 2.0**112))
    sign = builder.shl(builder.and_(bits, splat(words, 0x8000)), splat(words, 16))
    return builder.bitcast(builder.or_(builder.bitcast(value, words), sign), _FLOATS)


def _load_bfloat(builder: Any, address: Any) -> Any:
    words = vector(I32, LANES)
    bits = builder.zext(load(builder, vector(I16, LANES), address), words)
    return builder.bitcast(builder.shl(bits, splat(words, 16)), _FLOATS)


def _load_float8(builder: Any, address: Any) -> Any:
    # Exponents of half floats have a bit more, which the shifted sign fills and the mask clears.
    halves = vector(I16, LANES)
    bits = builder.sext(load(builder, vector(BYTE, LANES), address), halves)
    return _widened(builder, builder.and_(builder.shl(bits, splat(halves, 7)), splat(halves, 0xBFFF)))


def load_int8(builder: Any, address: Any) -> Any:
    return builder.sitofp(load(builder, vector(BYTE, LANES), address), _FLOATS)


def add_product(builder: Any, total: Any, x: Any, q: Any) -> Any:
    return builder.fadd(total, builder.fmul(x, q))


def add_square(builder: Any, total: Any, x: Any, q: Any) -> Any:
    difference = builder.fsub(x, q)
    return builder.fadd(total, builder.fmul(difference, difference))


def _emit_sums(
    builder: Any, args: Any, item_bytes: int, load_row: Callable[..., Any], add: Any, ahead: Any = None
) -> list[Any]:
    *rows, query, chunks = args
    chunk_bytes = LANES * item_bytes

    def body(chunk: Any, sums: list[Any]) -> list[Any]:
        if ahead is not None:
            prefetch_behind(builder, ahead, chunk, chunk_bytes)
        q = load_float(builder, builder.add(query, builder.mul(chunk, ir.Constant(I64, LANES * 4))))
        offset = builder.mul(chunk, ir.Constant(I64, chunk_bytes))
        places = [builder.add(row, offset) for row in rows]
        return [add(builder, acc, load_row(builder, x), q) for acc, x in zip(sums, places, strict=True)]

    return accumulate(builder, splat(_FLOATS, 0.0), len(rows), chunks, body)


def _four(item_bytes: int, load_row: Callable[..., Any], add: Callable[..., Any]) -> Any:
    @intrinsic
    def four(typingctx: Any, a: Any, b: Any, c: Any, d: Any, query: Any, chunks: Any, out: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            sums = _emit_sums(builder, args[:-1], item_bytes, load_row, add)
            store(builder, sums_of_four(builder, builder.fadd, sums), args[-1])
            return context.get_dummy_value()

        return types.void(*[types.uint64] * 7), emit

    return four


def _streamed(item_bytes: int, load_row: Callable[..., Any], add: Callable[..., Any]) -> Any:
    """Return the same that reads one row after another, as they lie in memory.

    As many lines behind ``ahead`` are sent for meanwhile, but of float32: the processor foresees those.
    """

    @intrinsic
    def four(
        typingctx: Any, a: Any, b: Any, c: Any, d: Any, query: Any, chunks: Any, out: Any, ahead: Any
    ) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            *rows, query, chunks, out, later = args
            sums = []
            for row in rows:
                foreseen = None if item_bytes == 4 else later
                sums += _emit_sums(builder, (row, query, chunks), item_bytes, load_row, add, foreseen)
                row_bytes = builder.mul(chunks, ir.Constant(I64, LANES * item_bytes))
                later = builder.add(later, row_bytes)
            store(builder, sums_of_four(builder, builder.fadd, sums), out)
            return context.get_dummy_value()

        return types.void(*[types.uint64] * 8), emit

    return four


float32_dots = _four(4, load_float, add_product)
float16_dots = _four(2, load_half, add_product)
bfloat16_dots = _four(2, _load_bfloat, add_product)
# Of rows times FLOAT8_UNIT.
float8_dots = _four(1, _load_float8, add_product)
streamed_float32_dots = _streamed(4, load_float, add_product)
streamed_float32_squares = _streamed(4, load_float, add_square)
streamed_float16_dots = _streamed(2, load_half, add_product)
streamed_float16_squares = _streamed(2, load_half, add_square)
streamed_int8_dots = _streamed(1, load_int8, add_product)
streamed_int8_squares = _streamed(1, load_int8, add_square)
