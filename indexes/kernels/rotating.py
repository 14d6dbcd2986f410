"""Turns vectors at random in O(D log D): signs, fast Hadamard transforms and turns by 45 degrees.

Every sum has two terms and nothing is contracted, so that a vector turns into the same bits on every CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .kernel import entry_point, inner
from .memory import view_f32
from .vectors import I64, load, shuffle, store, vector

ROUNDS = 4
LANES = 16
_FLOATS = vector(ir.FloatType(), LANES)


def _loop(builder: Any, count: Any, body: Callable[[Any], None]) -> None:
    """Emit a loop over vectors that is handed how many bytes lie before each."""
    with cgutils.for_range(builder, count, intp=I64) as loop:
        body(builder.shl(loop.index, ir.Constant(I64, 6)))


@intrinsic
def _transform_lanes(typingctx: Any, address: Any, count: Any) -> Any:
    """Transform each of ``count`` vectors of sixteen floats by itself."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        start, count = args

        def body(offset: Any) -> None:
            here = builder.add(start, offset)
            words = load(builder, _FLOATS, here)
            for stride in (1, 2, 4, 8):
                other = shuffle(builder, words, words, [lane ^ stride for lane in range(LANES)])
                signs = ir.Constant(_FLOATS, [-1.0 if lane & stride else 1.0 for lane in range(LANES)])
                words = builder.fadd(builder.fmul(words, signs), other)
            store(builder, words, here)

        _loop(builder, count, body)
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64), emit


@intrinsic
def _add_and_subtract(typingctx: Any, first: Any, second: Any, count: Any) -> Any:
    """Replace ``count`` vectors of sixteen floats by sums, as many others by differences."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        first, second, count = args

        def body(offset: Any) -> None:
            here, there = builder.add(first, offset), builder.add(second, offset)
            a, b = load(builder, _FLOATS, here), load(builder, _FLOATS, there)
            store(builder, builder.fadd(a, b), here)
            store(builder, builder.fsub(a, b), there)

        _loop(builder, count, body)
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64, types.uint64), emit


@inner
def hadamard(address, length):
    """Transform ``length`` floats, a power of two; the lengths of vectors grow by its square root."""
    stride = min(length, LANES)
    if length >= LANES:
        _transform_lanes(address, np.uint64(length // LANES))
    else:
        stride = 1
    while stride < length:
        for start in range(0, length, 2 * stride):
            first = address + np.uint64(4 * start)
            combine(first, first + np.uint64(4 * stride), stride)
        stride *= 2


@inner
def combine(first, second, count):
    """Put sums in place of ``count`` floats, and differences in place of as many others."""
    whole = count // LANES
    _add_and_subtract(first, second, np.uint64(whole))
    a, b = view_f32(first, count), view_f32(second, count)
    for i in range(whole * LANES, count):
        total, difference = a[i] + b[i], a[i] - b[i]
        a[i], b[i] = total, difference


@inner
def scale_all(values, factors):
    for i in range(len(values)):
        values[i] *= factors[i]


@inner
def turn(address, dim, length, factors_address, back):
    """Rotate one vector where it stands, or rotate it back.

    ``factors`` are ``ROUNDS + 1`` rows of ``dim`` floats: the signs of each round, and what keeps the
    length of vectors. A round transforms the first or the last ``length`` coordinates, in turns, and
    combines the halves if those are not all.
    """
    values, half = view_f32(address, dim), dim // 2
    other_half = address + np.uint64(4 * (dim - half))
    row_bytes = np.uint64(4 * dim)
    for step in range(ROUNDS):
        if back:
            at = ROUNDS - step
            scale_all(values, view_f32(factors_address + np.uint64(at) * row_bytes, dim))
            if length < dim:
                combine(address, other_half, half)
            first = (dim - length) * ((at - 1) & 1)
            hadamard(address + np.uint64(4 * first), length)
        else:
            scale_all(values, view_f32(factors_address + np.uint64(step) * row_bytes, dim))
            first = (dim - length) * (step & 1)
            hadamard(address + np.uint64(4 * first), length)
            if length < dim:
                combine(address, other_half, half)
    at = 0 if back else ROUNDS
    scale_all(values, view_f32(factors_address + np.uint64(at) * row_bytes, dim))


@entry_point("rotation")
def rotate(address, n, dim, length, factors_address, back):
    """Rotate ``n`` vectors of ``dim`` floats where they stand, or rotate them back."""
    for i in range(n):
        turn(address + np.uint64(4 * dim * i), dim, length, factors_address, back)
