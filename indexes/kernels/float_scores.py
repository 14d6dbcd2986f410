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

from .code_distances import four_hammings
from .kernel import inner
from .memory import view_f32, view_u32
from .target import HAS_HALF_CONVERSION
from .vectors import BYTE, I32, I64, accumulate, load, splat, store, sums_of_four, vector

FLOAT32_DOT, FLOAT32_SQUARE, FLOAT16_DOT, FLOAT16_SQUARE, INT8_DOT, INT8_SQUARE, BITS = range(7)

_LANES = 16
_I16 = ir.IntType(16)
_FLOATS = vector(ir.FloatType(), _LANES)


def _load_float(builder: Any, address: Any) -> Any:
    return load(builder, _FLOATS, address)


def _load_half(builder: Any, address: Any) -> Any:
    if HAS_HALF_CONVERSION:
        return builder.fpext(load(builder, vector(ir.HalfType(), _LANES), address), _FLOATS)
    words = vector(I32, _LANES)
    bits = builder.zext(load(builder, vector(_I16, _LANES), address), words)
    magnitude = builder.shl(builder.and_(bits, splat(words, 0x7FFF)), splat(words, 13))
    # Exponents of half floats are biased by 15, those of floats by 127: the product is exact.
    value = builder.fmul(builder.bitcast(magnitude, _FLOATS), splat(_FLOATS, 2.0**112))
    sign = builder.shl(builder.and_(bits, splat(words, 0x8000)), splat(words, 16))
    return builder.bitcast(builder.or_(builder.bitcast(value, words), sign), _FLOATS)


def _load_int8(builder: Any, address: Any) -> Any:
    return builder.sitofp(load(builder, vector(BYTE, _LANES), address), _FLOATS)


def _add_product(builder: Any, total: Any, x: Any, q: Any) -> Any:
    return builder.fadd(total, builder.fmul(x, q))


def _add_square(builder: Any, total: Any, x: Any, q: Any) -> Any:
    difference = builder.fsub(x, q)
    return builder.fadd(total, builder.fmul(difference, difference))


def _emit_four(builder: Any, args: Any, item_bytes: int, load_row: Callable[..., Any], add: Any) -> None:
    *rows, query, chunks, out = args

    def body(chunk: Any, sums: list[Any]) -> list[Any]:
        q = _load_float(builder, builder.add(query, builder.mul(chunk, ir.Constant(I64, _LANES * 4))))
        offset = builder.mul(chunk, ir.Constant(I64, _LANES * item_bytes))
        places = [builder.add(row, offset) for row in rows]
        return [add(builder, acc, load_row(builder, x), q) for acc, x in zip(sums, places, strict=True)]

    sums = accumulate(builder, splat(_FLOATS, 0.0), 4, chunks, body)
    store(builder, sums_of_four(builder, builder.fadd, sums), out)


def _four(item_bytes: int, load_row: Callable[..., Any], add: Callable[..., Any]) -> Any:
    @intrinsic
    def four(typingctx: Any, a: Any, b: Any, c: Any, d: Any, query: Any, chunks: Any, out: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _emit_four(builder, args, item_bytes, load_row, add)
            return context.get_dummy_value()

        return types.void(*[types.uint64] * 7), emit

    return four


float32_dots = _four(4, _load_float, _add_product)
_float32_squares = _four(4, _load_float, _add_square)
_float16_dots = _four(2, _load_half, _add_product)
_float16_squares = _four(2, _load_half, _add_square)
_int8_dots = _four(1, _load_int8, _add_product)
_int8_squares = _four(1, _load_int8, _add_square)


@inner
def four_raw_scores(kind, a, b, c, d, query, chunks, out):
    """Store four raw scores: dot products, squared distances, or counts of differing bits, as float32."""
    if kind == FLOAT32_DOT:
        float32_dots(a, b, c, d, query, chunks, out)
    elif kind == FLOAT32_SQUARE:
        _float32_squares(a, b, c, d, query, chunks, out)
    elif kind == FLOAT16_DOT:
        _float16_dots(a, b, c, d, query, chunks, out)
    elif kind == FLOAT16_SQUARE:
        _float16_squares(a, b, c, d, query, chunks, out)
    elif kind == INT8_DOT:
        _int8_dots(a, b, c, d, query, chunks, out)
    elif kind == INT8_SQUARE:
        _int8_squares(a, b, c, d, query, chunks, out)
    else:
        four_hammings(a, b, c, d, query, chunks, out)
        counts, scores = view_u32(out, 4), view_f32(out, 4)
        for i in range(4):
            scores[i] = counts[i]
