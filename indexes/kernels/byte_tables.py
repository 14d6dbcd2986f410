"""Tables of 16 float32 rounded to bytes, all by one unit, for rows whose nibbles are looked up in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .fast_scan import GROUP_BYTES
from .kernel import inner
from .memory import view_u8
from .vectors import BYTE, I32, load, repeated, shuffle, splat, store, vector

_MOST_SUM = np.float32(65535.0)
# Of two bytes the sum is one.
_MOST_BYTE = np.float32(127.0)
_TABLE = vector(ir.FloatType(), GROUP_BYTES)
_TABLE_BYTES = np.uint64(4 * GROUP_BYTES)


def _outermost(builder: Any, order: str, values: Any) -> Any:
    """Return what stands first of all lanes by an order."""
    while values.type.count > 1:
        half = values.type.count // 2
        low = shuffle(builder, values, values, range(half))
        high = shuffle(builder, values, values, range(half, 2 * half))
        values = builder.select(builder.fcmp_ordered(order, low, high), low, high)
    return builder.extract_element(values, ir.Constant(I32, 0))


@intrinsic
def _least_most(typingctx: Any, table: Any) -> Any:
    """Return the least and the largest entry of the table at an address."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values = load(builder, _TABLE, args[0])
        bounds = [_outermost(builder, order, values) for order in ("<", ">")]
        return context.make_tuple(builder, signature.return_type, bounds)

    return types.UniTuple(types.float32, 2)(types.uint64), emit


@intrinsic
def _round_table(typingctx: Any, table: Any, least: Any, steps: Any, target: Any) -> Any:
    """Store the bytes of a table, ``(entry - least) * steps`` to the nearest."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        table, least, steps, target = args
        above = builder.fsub(load(builder, _TABLE, table), repeated(builder, _TABLE, least))
        rounded = builder.fadd(builder.fmul(above, repeated(builder, _TABLE, steps)), splat(_TABLE, 0.5))
        whole = builder.fptosi(rounded, vector(I32, GROUP_BYTES))
        store(builder, builder.trunc(whole, vector(BYTE, GROUP_BYTES)), target)
        return context.get_dummy_value()

    return types.void(types.uint64, types.float32, types.float32, types.uint64), emit


@inner
def round_tables(exact, groups, tables):
    """Round tables of float32 to bytes; return ``(unit, shift)``: what a sum means is ``sum * unit + shift``.

    Of each table its least is taken off. All share one unit, as fine as bytes and 16-bit sums allow.
    """
    shift, widest, total = np.float32(0), np.float32(0), np.float32(0)
    for group in range(groups):
        least, most = _least_most(exact + np.uint64(group) * _TABLE_BYTES)
        shift += least
        widest, total = max(widest, most - least), total + (most - least)
    if not widest > 0:
        view_u8(tables, groups * GROUP_BYTES)[:] = 0
        return np.float32(0), shift
    # Each entry may be rounded up by a half.
    steps = min(_MOST_BYTE / widest, (_MOST_SUM - np.float32(groups)) / total)
    for group in range(groups):
        at = exact + np.uint64(group) * _TABLE_BYTES
        _round_table(at, _least_most(at)[0], steps, tables + np.uint64(group * GROUP_BYTES))
    return np.float32(1) / steps, shift
