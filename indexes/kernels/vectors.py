"""Pieces of LLVM code that work on whole vectors; used while emitting, never called by kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

BYTE = ir.IntType(8)
I16 = ir.IntType(16)
I32 = ir.IntType(32)
I64 = ir.IntType(64)


def vector(element: Any, lanes: int) -> ir.VectorType:
    """Return a vector type."""
    return ir.VectorType(element, lanes)


def splat(kind: ir.VectorType, value: float) -> ir.Constant:
    """Return a constant with ``value`` in every lane."""
    return ir.Constant(kind, [value] * kind.count)


def repeated(builder: Any, kind: ir.VectorType, value: Any) -> Any:
    """Return a vector with ``value``, not a constant, in every lane."""
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(I32, 0))
    return builder.shuffle_vector(single, single, splat(vector(I32, kind.count), 0))


def load(builder: Any, kind: Any, address: Any, offset: int = 0) -> Any:
    """Load a vector that need not be aligned, ``offset`` bytes behind ``address``."""
    if offset:
        address = builder.add(address, ir.Constant(I64, offset))
    value = builder.load(builder.inttoptr(address, kind.as_pointer()))
    value.align = 1
    return value


def store(builder: Any, value: Any, address: Any) -> None:
    """Store a vector to an address that need not be aligned."""
    place = builder.inttoptr(address, value.type.as_pointer())
    builder.store(value, place).align = 1


def shuffle(builder: Any, a: Any, b: Any, lanes: Sequence[int]) -> Any:
    """Pick ``lanes`` out of ``a`` followed by ``b``."""
    return builder.shuffle_vector(a, b, ir.Constant(vector(I32, len(lanes)), list(lanes)))


def call(builder: Any, name: str, result: Any, args: Sequence[Any]) -> Any:
    """Call an LLVM intrinsic."""
    kind = ir.FunctionType(result, [value.type for value in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), list(args))


def accumulate(
    builder: Any, zero: ir.Constant, count: int, steps: Any, body: Callable[[Any, list[Any]], list[Any]]
) -> list[Any]:
    """Emit a loop of ``steps`` turns over ``count`` accumulators and return what they hold at the end."""
    cells = []
    for _ in range(count):
        cell = cgutils.alloca_once(builder, zero.type)
        builder.store(zero, cell)
        cells.append(cell)
    with cgutils.for_range(builder, steps, intp=I64) as loop:
        for cell, value in zip(cells, body(loop.index, [builder.load(c) for c in cells]), strict=True):
            builder.store(value, cell)
    return [builder.load(cell) for cell in cells]


def procedure(count: int, emit: Callable[[Any, Any], None]) -> Any:
    """Return what kernels call with ``count`` addresses and sizes, uint64 all: ``emit`` emits its code."""

    @intrinsic
    def call_emitted(typingctx: Any, *given: Any) -> Any:
        def emitted(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            # Arguments behind a star come as one tuple.
            emit(builder, cgutils.unpack_tuple(builder, args[0], count))
            return context.get_dummy_value()

        return types.void(types.StarArgUniTuple(types.uint64, count)), emitted

    return call_emitted


def emit_prefetch(builder: Any, address: Any) -> None:
    """Ask for the cache line at an address."""
    kind = ir.FunctionType(ir.VoidType(), [BYTE.as_pointer(), I32, I32, I32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    read, keep, data = (ir.Constant(I32, value) for value in (0, 3, 1))
    builder.call(function, [builder.inttoptr(address, BYTE.as_pointer()), read, keep, data])


def prefetch_behind(builder: Any, ahead: Any, turn: Any, turn_bytes: int) -> None:
    """Ask for the ``turn_bytes`` that lie as far behind ``ahead`` as turn ``turn`` of a loop has come."""
    first = builder.add(ahead, builder.mul(turn, ir.Constant(I64, turn_bytes)))
    for offset in range(0, turn_bytes, 64):
        emit_prefetch(builder, builder.add(first, ir.Constant(I64, offset)))


def sums_of_four(builder: Any, add: Callable[[Any, Any], Any], rows: Sequence[Any]) -> Any:
    """Sum the lanes of four vectors into one vector of four.

    Halves are added until 4 lanes remain, then the four are transposed and added as ``(0 + 1) + (2 + 3)``: an
    order that depends on nothing but the number of lanes, so that float sums are the same on every CPU.
    """
    lanes = rows[0].type.count
    while lanes > 4:
        half = lanes // 2
        rows = [
            add(shuffle(builder, r, r, range(half)), shuffle(builder, r, r, range(half, lanes))) for r in rows
        ]
        lanes = half
    a, b, c, d = rows
    ab_low, ab_high = shuffle(builder, a, b, (0, 4, 1, 5)), shuffle(builder, a, b, (2, 6, 3, 7))
    cd_low, cd_high = shuffle(builder, c, d, (0, 4, 1, 5)), shuffle(builder, c, d, (2, 6, 3, 7))
    front, back = (0, 1, 4, 5), (2, 3, 6, 7)
    first, second = shuffle(builder, ab_low, cd_low, front), shuffle(builder, ab_low, cd_low, back)
    third, fourth = shuffle(builder, ab_high, cd_high, front), shuffle(builder, ab_high, cd_high, back)
    return add(add(first, second), add(third, fourth))
