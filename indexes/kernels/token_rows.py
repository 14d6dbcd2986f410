"""What is computed of single tokens: other numbers of theirs, lengths, exact products with a query token."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .float_scores import add_product, add_square, load_float, load_half, load_int8
from .token_products import LANES, add_integers, spread
from .vectors import BYTE, I16, I32, I64, accumulate, call, load, splat, store, sums_of_four, vector

_CHUNK = 16
_LINE = 64
_FLOATS = vector(ir.FloatType(), _CHUNK)


def _place(builder: Any, address: Any, turn: Any, size: int) -> Any:
    return builder.add(address, builder.mul(turn, ir.Constant(I64, size)))


def _total(builder: Any, sums: list[Any]) -> Any:
    return builder.extract_element(sums_of_four(builder, builder.fadd, sums * 4), ir.Constant(I32, 0))


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


@intrinsic
def float_square(typingctx: Any, token: Any, chunks: Any) -> Any:
    """Return the squared length of ``chunks`` * 16 floats."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        token, chunks = args

        def body(turn: Any, sums: list[Any]) -> list[Any]:
            x = load_float(builder, _place(builder, token, turn, 4 * _CHUNK))
            return [add_product(builder, sums[0], x, x)]

        return _total(builder, accumulate(builder, splat(_FLOATS, 0.0), 1, chunks, body))

    return types.float32(types.uint64, types.uint64), emit


@intrinsic
def pair_product(typingctx: Any, query: Any, code: Any, chunks: Any) -> Any:
    """Return the product of ``chunks`` * 16 floats and as many signed bytes."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        query, code, chunks = args

        def body(turn: Any, sums: list[Any]) -> list[Any]:
            q = load_float(builder, _place(builder, query, turn, 4 * _CHUNK))
            x = load_int8(builder, _place(builder, code, turn, _CHUNK))
            return [add_product(builder, sums[0], x, q)]

        return _total(builder, accumulate(builder, splat(_FLOATS, 0.0), 1, chunks, body))

    return types.float32(types.uint64, types.uint64, types.uint64), emit


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

        return _total(builder, accumulate(builder, splat(_FLOATS, 0.0), 1, chunks, body))

    return types.float32(types.uint64, types.uint64, types.float32, types.uint64), emit


@intrinsic
def lift_codes(typingctx: Any, source: Any, target: Any, size: Any) -> Any:
    """Store ``size`` signed bytes, a multiple of 64, each 128 higher and so without a sign."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, target, size = args
        octets = vector(BYTE, _LINE)

        def body(turn: Any, sums: list[Any]) -> list[Any]:
            x = load(builder, octets, _place(builder, source, turn, _LINE))
            store(builder, builder.xor(x, splat(octets, 128)), _place(builder, target, turn, _LINE))
            return sums

        accumulate(builder, splat(octets, 0), 0, builder.udiv(size, ir.Constant(I64, _LINE)), body)
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 3), emit


@intrinsic
def code_square(typingctx: Any, code: Any, size: Any) -> Any:
    """Return the sum of the squares of ``size`` bytes from -127 to 127, a multiple of 64."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        code, size = args
        octets = vector(BYTE, 4 * LANES)

        def body(turn: Any, sums: list[Any]) -> list[Any]:
            x = load(builder, octets, _place(builder, code, turn, 4 * LANES))
            is_less = builder.icmp_signed("<", x, splat(octets, 0))
            magnitude = builder.select(is_less, builder.sub(splat(octets, 0), x), x)
            return [add_integers(builder, sums[0], magnitude, magnitude)]

        turns = builder.udiv(size, ir.Constant(I64, 4 * LANES))
        sums = accumulate(builder, splat(vector(I32, LANES), 0), 1, turns, body)
        return builder.extract_element(sums_of_four(builder, builder.add, sums * 4), ir.Constant(I32, 0))

    return types.int32(types.uint64, types.uint64), emit


@intrinsic
def largest_of(typingctx: Any, token: Any, chunks: Any) -> Any:
    """Return the largest of ``chunks`` * 16 floats without their signs."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        token, chunks = args

        def larger(a: Any, b: Any) -> Any:
            return builder.select(builder.fcmp_ordered(">", a, b), a, b)

        def body(turn: Any, sums: list[Any]) -> list[Any]:
            x = load_float(builder, _place(builder, token, turn, 4 * _CHUNK))
            return [larger(sums[0], larger(x, builder.fneg(x)))]

        found = accumulate(builder, splat(_FLOATS, 0.0), 1, chunks, body)
        return builder.extract_element(sums_of_four(builder, larger, found * 4), ir.Constant(I32, 0))

    return types.float32(types.uint64, types.uint64), emit


@intrinsic
def steps_of(typingctx: Any, token: Any, per_unit: Any, chunks: Any, out: Any) -> Any:
    """Store ``chunks`` * 16 floats times ``per_unit``, rounded, as i16."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        token, per_unit, chunks, out = args
        factor, half = spread(builder, per_unit, _CHUNK), splat(_FLOATS, 0.5)

        def body(turn: Any, sums: list[Any]) -> list[Any]:
            x = builder.fmul(load_float(builder, _place(builder, token, turn, 4 * _CHUNK)), factor)
            whole = call(builder, f"llvm.floor.v{_CHUNK}f32", _FLOATS, [builder.fadd(x, half)])
            narrow = builder.trunc(builder.fptosi(whole, vector(I32, _CHUNK)), vector(I16, _CHUNK))
            store(builder, narrow, _place(builder, out, turn, 2 * _CHUNK))
            return sums

        accumulate(builder, splat(_FLOATS, 0.0), 0, chunks, body)
        return context.get_dummy_value()

    return types.void(types.uint64, types.float32, types.uint64, types.uint64), emit
