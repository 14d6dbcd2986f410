"""What is computed of single tokens: floats of halves, lengths, and exact products with a query token."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .float_scores import add_product, add_square, load_float, load_half, load_int8
from .token_products import LANES, add_integers, spread
from .vectors import BYTE, I32, I64, accumulate, load, shuffle, splat, store, sums_of_four, vector

_CHUNK = 16
_FLOATS = vector(ir.FloatType(), _CHUNK)


def _place(builder: Any, address: Any, turn: Any, size: int) -> Any:
    return builder.add(address, builder.mul(turn, ir.Constant(I64, size)))


@intrinsic
def widen_halves(typingctx: Any, source: Any, target: Any, chunks: Any) -> Any:
    """Store ``chunks`` * 16 half floats as floats."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, target, chunks = args

        def body(turn: Any, sums: list[Any]) -> list[Any]:
            value = load_half(builder, _place(builder, source, turn, 2 * _CHUNK))
            store(builder, value, _place(builder, target, turn, 4 * _CHUNK))
            return sums

        accumulate(builder, splat(_FLOATS, 0.0), 0, chunks, body)
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 3), emit


def _store_two(builder: Any, add: Any, sums: list[Any], out: Any) -> None:
    both = sums_of_four(builder, add, sums * 2)
    store(builder, shuffle(builder, both, both, (0, 1)), out)


@intrinsic
def float_square(typingctx: Any, token: Any, chunks: Any) -> Any:
    """Return the squared length of ``chunks`` * 16 floats."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        token, chunks = args

        def body(turn: Any, sums: list[Any]) -> list[Any]:
            x = load_float(builder, _place(builder, token, turn, 4 * _CHUNK))
            return [add_product(builder, sums[0], x, x)]

        sums = accumulate(builder, splat(_FLOATS, 0.0), 1, chunks, body)
        return builder.extract_element(sums_of_four(builder, builder.fadd, sums * 4), ir.Constant(I32, 0))

    return types.float32(types.uint64, types.uint64), emit


@intrinsic
def pair_products(typingctx: Any, query: Any, code: Any, chunks: Any, out: Any) -> Any:
    """Store the product of floats and as many signed bytes, and the squared length of the bytes."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        query, code, chunks, out = args

        def body(turn: Any, sums: list[Any]) -> list[Any]:
            q = load_float(builder, _place(builder, query, turn, 4 * _CHUNK))
            x = load_int8(builder, _place(builder, code, turn, _CHUNK))
            return [add_product(builder, sums[0], x, q), add_product(builder, sums[1], x, x)]

        sums = accumulate(builder, splat(_FLOATS, 0.0), 2, chunks, body)
        _store_two(builder, builder.fadd, sums, out)
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 4), emit


@intrinsic
def pair_square(typingctx: Any, query: Any, code: Any, scale: Any, chunks: Any) -> Any:
    """Return the squared distance of floats and as many signed bytes times ``scale``."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        query, code, scale, chunks = args
        scales = spread(builder, scale, _CHUNK)

        def body(turn: Any, sums: list[Any]) -> list[Any]:
            q = load_float(builder, _place(builder, query, turn, 4 * _CHUNK))
            x = load_int8(builder, _place(builder, code, turn, _CHUNK))
            return [add_square(builder, sums[0], builder.fmul(x, scales), q)]

        sums = accumulate(builder, splat(_FLOATS, 0.0), 1, chunks, body)
        return builder.extract_element(sums_of_four(builder, builder.fadd, sums * 4), ir.Constant(I32, 0))

    return types.float32(types.uint64, types.uint64, types.float32, types.uint64), emit


@intrinsic
def code_sums(typingctx: Any, code: Any, size: Any, out: Any) -> Any:
    """Store the sum and the sum of squares of ``size`` signed bytes, a multiple of 64, as two i32."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code, size, out = args
        kind, octets = vector(I32, LANES), vector(BYTE, 4 * LANES)

        def body(turn: Any, sums: list[Any]) -> list[Any]:
            at = builder.add(code, builder.mul(turn, ir.Constant(I64, 4 * LANES)))
            x = load(builder, octets, at)
            is_less = builder.icmp_signed("<", x, splat(octets, 0))
            magnitude = builder.select(is_less, builder.sub(splat(octets, 0), x), x)
            ones = splat(octets, 1)
            return [
                add_integers(builder, total, a, b)
                for total, a, b in zip(sums, (x, magnitude), (ones, magnitude), strict=True)
            ]

        turns = builder.udiv(size, ir.Constant(I64, 4 * LANES))
        found = accumulate(builder, splat(kind, 0), 2, turns, body)
        _store_two(builder, builder.add, found, out)
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 3), emit
