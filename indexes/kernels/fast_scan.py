"""Nearnesses of 32 rows at once out of tables of 16 bytes that stay in registers.

A code is a nibble for each group of dimensions, a table says what each of its 16 values adds. Tables are
rounded to bytes, their sums are exact 16-bit numbers, and floats are multiplied and added one by one, so
that every form gives the same bits. After Andre, Kermarrec and Le Scouarnec, Quicker ADC (arXiv
1812.09162), in the layout of faiss.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .kernel import entry_point, inner
from .memory import view_i64, view_u8, view_u16
from .target import HAS_AVX2, HAS_VNNI
from .vectors import BYTE, I16, I32, I64, accumulate, call, load, repeated, shuffle, splat, store, vector

BLOCK_ROWS = 32
GROUP_BYTES = 16
"""Bytes of a block for each group of dimensions, and of a table."""
GROUPS_TOGETHER = 4
"""A block has a multiple of so many groups, unused ones behind the others."""

_HALF = BLOCK_ROWS // 2
_WIDTH = 64 if HAS_VNNI else 32
_FLOATS = vector(ir.FloatType(), BLOCK_ROWS)


def _lanes_summed(builder: Any, words: Any) -> Any:
    """Add the 128-bit lanes of a vector of 16-bit words."""
    while words.type.count > 8:
        half = words.type.count // 2
        low, high = range(half), range(half, 2 * half)
        words = builder.add(shuffle(builder, words, words, low), shuffle(builder, words, words, high))
    return words


def _looked_up(builder: Any, width: int, table: Any, nibbles: Any) -> Any:
    name = "llvm.x86.avx512.pshuf.b.512" if width == 64 else "llvm.x86.avx2.pshuf.b"
    return call(builder, name, vector(BYTE, width), [table, nibbles])


def _emit_sums(builder: Any, width: int, block: Any, tables: Any, groups: Any) -> Any:
    """Return the sums of a block's rows, 32 words of 16 bits."""
    octets, words = vector(BYTE, width), vector(I16, width // 2)
    steps = builder.udiv(groups, ir.Constant(I64, width // GROUP_BYTES))

    def found(step: Any) -> list[Any]:
        offset = builder.mul(step, ir.Constant(I64, width))
        codes = load(builder, octets, builder.add(block, offset))
        table = load(builder, octets, builder.add(tables, offset))
        upper = builder.bitcast(builder.lshr(builder.bitcast(codes, words), splat(words, 4)), octets)
        lows = (builder.and_(nibbles, splat(octets, 15)) for nibbles in (codes, upper))
        return [_looked_up(builder, width, table, nibbles) for nibbles in lows]

    def widened(both: list[Any], sums: list[Any]) -> list[Any]:
        made = []
        for place, bytes_found in enumerate(both):
            pairs = builder.bitcast(bytes_found, words)
            # Both bytes of a word are added; what the upper one is too much is taken off at the end.
            made.append(builder.add(sums[2 * place], pairs))
            made.append(builder.add(sums[2 * place + 1], builder.lshr(pairs, splat(words, 8))))
        return made

    def body(turn: Any, sums: list[Any]) -> list[Any]:
        step = builder.shl(turn, ir.Constant(I64, 1))
        first, second = found(step), found(builder.add(step, ir.Constant(I64, 1)))
        # Of two tables the entries are small enough to be added as bytes.
        return widened([builder.add(x, y) for x, y in zip(first, second, strict=True)], sums)

    def last(turn: Any, sums: list[Any]) -> list[Any]:
        return widened(found(builder.sub(steps, ir.Constant(I64, 1))), sums)

    parts = []
    zero, one = splat(words, 0), ir.Constant(I64, 1)
    sums = accumulate(builder, zero, 4, builder.lshr(steps, one), body)
    if 2 * width > GROUPS_TOGETHER * GROUP_BYTES:
        odd = accumulate(builder, zero, 4, builder.and_(steps, one), last)
        sums = [builder.add(x, y) for x, y in zip(sums, odd, strict=True)]
    for both, upper in zip(sums[::2], sums[1::2], strict=True):
        even = builder.sub(both, builder.shl(upper, splat(words, 8)))
        parts += [_lanes_summed(builder, even), _lanes_summed(builder, upper)]
    low, high = (shuffle(builder, a, b, range(16)) for a, b in (parts[:2], parts[2:]))
    return shuffle(builder, low, high, range(BLOCK_ROWS))


@intrinsic
def _sums_in_registers(typingctx: Any, block: Any, tables: Any, groups: Any, out: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        store(builder, _emit_sums(builder, _WIDTH, *args[:3]), args[3])
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 4), emit


@inner
def _sums_one_by_one(block, tables, groups, out):
    sums = view_u16(out, BLOCK_ROWS)
    sums[:] = 0
    for group in range(groups):
        at = np.uint64(GROUP_BYTES) * np.uint64(group)
        codes, table = view_u8(block + at, GROUP_BYTES), view_u8(tables + at, GROUP_BYTES)
        for j in range(GROUP_BYTES):
            row = (j >> 1) + (j & 1) * 8
            sums[row] += table[codes[j] & 15]
            sums[row + _HALF] += table[codes[j] >> 4]


@intrinsic
def _scale(
    typingctx: Any,
    sums: Any,
    unit: Any,
    shift: Any,
    weight: Any,
    term: Any,
    bias: Any,
    factors: Any,
    out: Any,
) -> Any:
    """Turn sums into nearnesses."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sums, unit, shift, weight, term, bias, factors, out = args
        whole = builder.zext(load(builder, vector(I16, BLOCK_ROWS), sums), vector(I32, BLOCK_ROWS))
        product = builder.fmul(builder.sitofp(whole, _FLOATS), repeated(builder, _FLOATS, unit))
        product = builder.fadd(product, repeated(builder, _FLOATS, shift))
        scaled = builder.fmul(product, load(builder, _FLOATS, factors))
        weighed = builder.fmul(load(builder, _FLOATS, bias), repeated(builder, _FLOATS, weight))
        near = builder.fadd(builder.fsub(weighed, scaled), repeated(builder, _FLOATS, term))
        store(builder, near, out)
        return context.get_dummy_value()

    f32, u64 = types.float32, types.uint64
    return types.void(u64, f32, f32, f32, f32, u64, u64, u64), emit


@intrinsic
def rows_below(typingctx: Any, near: Any, bound: Any) -> Any:
    """Return a bit for each of the 32 float32 at an address, the first one lowest: whether it is below."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        near, bound = load(builder, _FLOATS, args[0]), repeated(builder, _FLOATS, args[1])
        return builder.bitcast(builder.fcmp_ordered("<", near, bound), I32)

    return types.uint32(types.uint64, types.float32), emit


@inner
def near_rows(block, tables, groups, unit, shift, weight, term, bias, factors, out):
    """Store how near the 32 rows of a block are at ``out``.

    A row's nearness is ``weight * bias - factor * (sum * unit + shift) + term``. ``out`` is the address of 32
    float32 and as many 16-bit words behind them.
    """
    sums = out + np.uint64(4 * BLOCK_ROWS)
    if HAS_AVX2:
        _sums_in_registers(block, tables, np.uint64(groups), sums)
    else:
        _sums_one_by_one(block, tables, groups, sums)
    _scale(sums, unit, shift, weight, term, bias, factors, out)


@entry_point("blocks of nibbles")
def pack_blocks(nibbles, starts, n_lists, blocks, groups):
    """Pack ``nibbles``, ``(entries, groups)``, of lists one behind the other into blocks of 32 rows.

    Each list begins a block; what is behind its rows in the last one stays 0.
    """
    offsets = view_i64(starts, n_lists + 1)
    block_bytes, block = groups * GROUP_BYTES, 0
    for one in range(n_lists):
        for first in range(offsets[one], offsets[one + 1], BLOCK_ROWS):
            at = view_u8(blocks + np.uint64(block) * np.uint64(block_bytes), block_bytes)
            for row in range(min(BLOCK_ROWS, offsets[one + 1] - first)):
                place = 2 * (row & 7) + (row >> 3 & 1)
                for group in range(nibbles.shape[1]):
                    nibble = nibbles[first + row, group] & 15
                    at[group * GROUP_BYTES + place] |= nibble << (4 * (row >> 4))
            block += 1
