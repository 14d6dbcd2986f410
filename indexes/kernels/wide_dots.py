"""Integer dot products of rows of signed bytes and a query of 16-bit steps, four rows at a time.

All arithmetic is exact, so every form gives the same numbers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .target import HAS_AVX2, HAS_VNNI
from .vectors import (
    BYTE,
    I16,
    I32,
    I64,
    accumulate,
    call,
    load,
    prefetch_behind,
    splat,
    store,
    sums_of_four,
    vector,
)

_LINE = 64


def _pairs(builder: Any, instruction: str, lanes: int, x: Any, y: Any) -> Any:
    return call(builder, instruction, vector(I32, lanes), [x, y])


def _products(builder: Any, x: Any, y: Any) -> Any:
    return builder.mul(x, y)


def _form() -> tuple[int, Any, Any]:
    """Return how many items are taken at once, what they are widened to, and the sums of their products."""
    if HAS_VNNI:
        return 32, I16, lambda builder, x, y: _pairs(builder, "llvm.x86.avx512.pmaddw.d.512", 16, x, y)
    if HAS_AVX2:
        return 16, I16, lambda builder, x, y: _pairs(builder, "llvm.x86.avx2.pmadd.wd", 8, x, y)
    return 8, I32, _products


def _emit(builder: Any, args: Any, squares: bool) -> list[Any]:
    *rows, query, lines, ahead = args
    items, wide, products = _form()
    lanes = vector(wide, items)
    zero = splat(vector(I32, items if wide is I32 else items // 2), 0)

    def sums_of(row: Any, ahead: Any) -> list[Any]:
        def body(line: Any, sums: list[Any]) -> list[Any]:
            prefetch_behind(builder, ahead, line, _LINE)
            at = builder.add(row, builder.mul(line, ir.Constant(I64, _LINE)))
            asked = builder.add(query, builder.mul(line, ir.Constant(I64, 2 * _LINE)))
            for first in range(0, _LINE, items):
                x = builder.sext(load(builder, vector(BYTE, items), at, first), lanes)
                q = load(builder, vector(I16, items), asked, 2 * first)
                q = q if wide is I16 else builder.sext(q, lanes)
                sums[0] = builder.add(sums[0], products(builder, x, q))
                if squares:
                    sums[1] = builder.add(sums[1], products(builder, x, x))
            return sums

        return accumulate(builder, zero, 2 if squares else 1, lines, body)

    found = []
    for row in rows:
        found.append(sums_of(row, ahead))
        ahead = builder.add(ahead, builder.mul(lines, ir.Constant(I64, _LINE)))
    return [sums_of_four(builder, builder.add, sums) for sums in zip(*found, strict=True)]


@intrinsic
def streamed_wide_dots(
    typingctx: Any, a: Any, b: Any, c: Any, d: Any, query: Any, lines: Any, out: Any, ahead: Any
) -> Any:
    """Store the dot products of four rows of ``lines`` * 64 bytes as four i32.

    As many lines behind ``ahead`` as the four rows have are sent for meanwhile.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        (dots,) = _emit(builder, (*args[:6], args[7]), squares=False)
        store(builder, dots, args[6])
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 8), emit


@intrinsic
def streamed_wide_squares(
    typingctx: Any, a: Any, b: Any, c: Any, d: Any, query: Any, lines: Any, out: Any, ahead: Any
) -> Any:
    """Store the same, and 256 bytes behind them the squared lengths of the rows as four i32."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        dots, squares = _emit(builder, (*args[:6], args[7]), squares=True)
        store(builder, dots, args[6])
        store(builder, squares, builder.add(args[6], ir.Constant(I64, 256)))
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 8), emit
