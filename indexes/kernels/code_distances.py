"""Integer distances between a query's codes and four rows of codes at a time.

All arithmetic is exact, so every form gives the same numbers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .target import HAS_AVX2, HAS_VNNI, LLVM_MAJOR
from .vectors import (
    BYTE,
    I32,
    I64,
    accumulate,
    call,
    load,
    prefetch_behind,
    shuffle,
    splat,
    store,
    sums_of_four,
    vector,
)

_I16 = ir.IntType(16)
_FOUR_ADDRESSES = types.void(*[types.uint64] * 7)


def _vnni_turn(builder: Any, rows: list[Any], query: Any, sums: list[Any]) -> list[Any]:
    total = vector(I32, 16)
    # LLVM 22 changed the operands from sixteen 32-bit lanes to the 64 bytes they are.
    operand = vector(BYTE, 64) if LLVM_MAJOR >= 22 else total
    q = load(builder, operand, query)
    return [
        call(builder, "llvm.x86.avx512.vpdpbusd.512", total, [acc, load(builder, operand, row), q])
        for acc, row in zip(sums, rows, strict=True)
    ]


def _avx2_turn(builder: Any, rows: list[Any], query: Any, sums: list[Any]) -> list[Any]:
    narrow, wide, total = vector(BYTE, 16), vector(_I16, 16), vector(I32, 8)
    for offset in range(0, 64, 16):
        q = builder.sext(load(builder, narrow, query, offset), wide)
        for i, row in enumerate(rows):
            x = builder.zext(load(builder, narrow, row, offset), wide)
            sums[i] = builder.add(sums[i], call(builder, "llvm.x86.avx2.pmadd.wd", total, [x, q]))
    return sums


def _plain_turn(builder: Any, rows: list[Any], query: Any, sums: list[Any]) -> list[Any]:
    narrow, total = vector(BYTE, 8), vector(I32, 8)
    for offset in range(0, 64, 8):
        q = builder.sext(load(builder, narrow, query, offset), total)
        for i, row in enumerate(rows):
            x = builder.zext(load(builder, narrow, row, offset), total)
            sums[i] = builder.add(sums[i], builder.mul(x, q))
    return sums


def _accumulate_rows(
    builder: Any, args: Any, zero: Any, turn: Any, query_line: int = 64, ahead: Any = None
) -> list[Any]:
    *rows, query, lines, _out = args

    def body(line: Any, sums: list[Any]) -> list[Any]:
        if ahead is not None:
            prefetch_behind(builder, ahead, line, 4 * 64)
        offset = builder.shl(line, ir.Constant(I64, 6))
        places = [builder.add(row, offset) for row in rows]
        at = builder.add(query, builder.mul(line, ir.Constant(I64, query_line)))
        return turn(builder, places, at, sums)  # type: ignore[no-any-return]

    return accumulate(builder, zero, 4, lines, body)


def _emit_four(builder: Any, args: Any, zero: Any, turn: Any, query_line: int = 64) -> Any:
    return sums_of_four(builder, builder.add, _accumulate_rows(builder, args, zero, turn, query_line))


@intrinsic
def four_dots(typingctx: Any, a: Any, b: Any, c: Any, d: Any, query: Any, lines: Any, out: Any) -> Any:
    """Store the dot products of four u8 rows and an s8 query, ``lines`` * 64 long, as four i32."""
    lanes, turn = (16, _vnni_turn) if HAS_VNNI else (8, _avx2_turn if HAS_AVX2 else _plain_turn)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        store(builder, _emit_four(builder, args, splat(vector(I32, lanes), 0), turn), args[-1])
        return context.get_dummy_value()

    return _FOUR_ADDRESSES, emit


def _nibbles(builder: Any, line: Any) -> tuple[Any, Any]:
    kind = line.type
    low = builder.and_(line, splat(kind, 15))
    return low, builder.and_(builder.lshr(line, splat(kind, 4)), splat(kind, 15))


def _vnni_nibble_turn(builder: Any, rows: list[Any], query: Any, sums: list[Any]) -> list[Any]:
    total, octets = vector(I32, 16), vector(BYTE, 64)
    operand = octets if LLVM_MAJOR >= 22 else total
    q_low, q_high = load(builder, operand, query), load(builder, operand, query, 64)
    for i, row in enumerate(rows):
        low, high = (builder.bitcast(x, operand) for x in _nibbles(builder, load(builder, octets, row)))
        first = call(builder, "llvm.x86.avx512.vpdpbusd.512", total, [sums[i], low, q_low])
        sums[i] = call(builder, "llvm.x86.avx512.vpdpbusd.512", total, [first, high, q_high])
    return sums


def _avx2_nibble_turn(builder: Any, rows: list[Any], query: Any, sums: list[Any]) -> list[Any]:
    octets, pairs, total = vector(BYTE, 32), vector(_I16, 16), vector(I32, 8)
    for offset in (0, 32):
        q_low, q_high = load(builder, octets, query, offset), load(builder, octets, query, 64 + offset)
        for i, row in enumerate(rows):
            low, high = _nibbles(builder, load(builder, octets, row, offset))
            # Four products of at most 15 * 127 fit 16 bits.
            both = builder.add(
                call(builder, "llvm.x86.avx2.pmadd.ub.sw", pairs, [low, q_low]),
                call(builder, "llvm.x86.avx2.pmadd.ub.sw", pairs, [high, q_high]),
            )
            part = call(builder, "llvm.x86.avx2.pmadd.wd", total, [both, splat(pairs, 1)])
            sums[i] = builder.add(sums[i], part)
    return sums


def _plain_nibble_turn(builder: Any, rows: list[Any], query: Any, sums: list[Any]) -> list[Any]:
    narrow, total = vector(BYTE, 8), vector(I32, 8)
    for offset in range(0, 64, 8):
        q_low = builder.sext(load(builder, narrow, query, offset), total)
        q_high = builder.sext(load(builder, narrow, query, 64 + offset), total)
        for i, row in enumerate(rows):
            low, high = _nibbles(builder, load(builder, narrow, row, offset))
            part = builder.add(
                builder.mul(builder.zext(low, total), q_low), builder.mul(builder.zext(high, total), q_high)
            )
            sums[i] = builder.add(sums[i], part)
    return sums


@intrinsic
def four_nibble_dots(typingctx: Any, a: Any, b: Any, c: Any, d: Any, query: Any, lines: Any, out: Any) -> Any:
    """Store the dot products of four rows of 4-bit codes and an s8 query as four i32.

    A line of 64 bytes holds 128 dimensions: the first 64 in the lower halves of its bytes, the others above.
    """
    narrow_turn = _avx2_nibble_turn if HAS_AVX2 else _plain_nibble_turn
    lanes, turn = (16, _vnni_nibble_turn) if HAS_VNNI else (8, narrow_turn)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        store(builder, _emit_four(builder, args, splat(vector(I32, lanes), 0), turn, 128), args[-1])
        return context.get_dummy_value()

    return _FOUR_ADDRESSES, emit


def _differing_bits_turn(builder: Any, rows: list[Any], query: Any, sums: list[Any]) -> list[Any]:
    words = vector(I64, 8)
    q = load(builder, words, query)
    for i, row in enumerate(rows):
        differing = builder.xor(load(builder, words, row), q)
        sums[i] = builder.add(sums[i], call(builder, "llvm.ctpop.v8i64", words, [differing]))
    return sums


def _counts_of_four(builder: Any, args: Any, ahead: Any = None) -> Any:
    """Return how many bits of four rows differ from the query, as four i32."""
    words, pairs = vector(I64, 4), vector(I32, 8)
    sums = _accumulate_rows(builder, args, splat(vector(I64, 8), 0), _differing_bits_turn, ahead=ahead)
    halves = [
        builder.add(shuffle(builder, s, s, range(4)), shuffle(builder, s, s, range(4, 8))) for s in sums
    ]
    # Counts fit 32 bits: two rows share the lanes of one vector.
    a, b, c, d = halves
    ab = builder.bitcast(builder.or_(a, builder.shl(b, splat(words, 32))), pairs)
    cd = builder.bitcast(builder.or_(c, builder.shl(d, splat(words, 32))), pairs)
    ab, cd = (
        builder.add(shuffle(builder, s, s, range(4)), shuffle(builder, s, s, range(4, 8))) for s in (ab, cd)
    )
    return builder.add(shuffle(builder, ab, cd, (0, 1, 4, 5)), shuffle(builder, ab, cd, (2, 3, 6, 7)))


@intrinsic
def four_hammings(typingctx: Any, a: Any, b: Any, c: Any, d: Any, query: Any, lines: Any, out: Any) -> Any:
    """Store how many bits of four rows differ from a query, ``lines`` * 64 bytes long, as four i32."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        store(builder, _counts_of_four(builder, args), args[-1])
        return context.get_dummy_value()

    return _FOUR_ADDRESSES, emit


@intrinsic
def streamed_bits(
    typingctx: Any, a: Any, b: Any, c: Any, d: Any, query: Any, lines: Any, out: Any, ahead: Any
) -> Any:
    """Store the same as four float32, and send for as many lines behind ``ahead`` as the four rows have."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        counts = _counts_of_four(builder, args[:-1], args[-1])
        store(builder, builder.sitofp(counts, vector(ir.FloatType(), 4)), args[-2])
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 8), emit
