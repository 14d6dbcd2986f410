"""Integer products of a query's signed bytes and rows of codes stored as planes of their bits.

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
    I16,
    I32,
    I64,
    accumulate,
    call,
    load,
    shuffle,
    splat,
    store,
    sums_of_four,
    vector,
)

_WORDS = 8  # of the codes of 64 dimensions, a byte each


def _unpacked(builder: Any, width: int, plane: Any, words: range) -> Any:
    """Return some words of the codes of 64 dimensions out of the ``width`` words of a plane."""
    stored = load(builder, vector(I64, width), plane)
    kind = vector(I64, len(words))
    spread = shuffle(builder, stored, stored, [word % width for word in words])
    shifted = builder.lshr(spread, ir.Constant(kind, [word // width * width for word in words]))
    return builder.and_(shifted, splat(kind, 0x0101010101010101 * ((1 << width) - 1)))


def _vnni_turn(builder: Any, width: int, planes: list[Any], query: Any, sums: list[Any]) -> list[Any]:
    total = vector(I32, 16)
    operand = vector(BYTE, 64) if LLVM_MAJOR >= 22 else total
    q = load(builder, operand, query)
    for i, plane in enumerate(planes):
        codes = builder.bitcast(_unpacked(builder, width, plane, range(_WORDS)), operand)
        sums[i] = call(builder, "llvm.x86.avx512.vpdpbusd.512", total, [sums[i], codes, q])
    return sums


def _avx2_turn(builder: Any, width: int, planes: list[Any], query: Any, sums: list[Any]) -> list[Any]:
    octets, pairs, total = vector(BYTE, 32), vector(I16, 16), vector(I32, 8)
    halves = (range(4), range(4, _WORDS))
    queries = [load(builder, octets, query, 8 * half.start) for half in halves]
    for i, plane in enumerate(planes):
        products = [
            call(
                builder,
                "llvm.x86.avx2.pmadd.ub.sw",
                pairs,
                [builder.bitcast(_unpacked(builder, width, plane, half), octets), q],
            )
            for half, q in zip(halves, queries, strict=True)
        ]
        # Four products of at most 15 * 127 fit 16 bits.
        both = builder.add(*products)
        sums[i] = builder.add(
            sums[i], call(builder, "llvm.x86.avx2.pmadd.wd", total, [both, splat(pairs, 1)])
        )
    return sums


def _plain_turn(builder: Any, width: int, planes: list[Any], query: Any, sums: list[Any]) -> list[Any]:
    narrow, total = vector(BYTE, 8), vector(I32, 8)
    for word in range(_WORDS):
        q = builder.sext(load(builder, narrow, query, 8 * word), total)
        for i, plane in enumerate(planes):
            stored = load(builder, narrow, plane, 8 * (word % width))
            shifted = builder.lshr(stored, splat(narrow, word // width * width))
            codes = builder.zext(builder.and_(shifted, splat(narrow, (1 << width) - 1)), total)
            sums[i] = builder.add(sums[i], builder.mul(codes, q))
    return sums


def _four(width: int) -> Any:
    lanes, turn = (16, _vnni_turn) if HAS_VNNI else (8, _avx2_turn if HAS_AVX2 else _plain_turn)

    @intrinsic
    def four(typingctx: Any, a: Any, b: Any, c: Any, d: Any, query: Any, units: Any, out: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            *rows, query, units, out = args

            def body(unit: Any, sums: list[Any]) -> list[Any]:
                offset = builder.mul(unit, ir.Constant(I64, 8 * width))
                planes = [builder.add(row, offset) for row in rows]
                at = builder.add(query, builder.shl(unit, ir.Constant(I64, 6)))
                return turn(builder, width, planes, at, sums)

            sums = accumulate(builder, splat(vector(I32, lanes), 0), 4, units, body)
            above = builder.shl(load(builder, vector(I32, 4), out), splat(vector(I32, 4), width))
            store(builder, builder.add(above, sums_of_four(builder, builder.add, sums)), out)
            return context.get_dummy_value()

        return types.void(*[types.uint64] * 7), emit

    return four


# Each adds the products of one plane of four rows to ``out``, four i32 that are those of the bits above.
four_bit_dots, four_crumb_dots, four_nibble_plane_dots = _four(1), _four(2), _four(4)
