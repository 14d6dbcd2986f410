"""The highest of a window's sums, found block by block and kept in a pool."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .kernel import inner
from .memory import view_i16
from .top import replace_largest
from .vectors import I16, I32, I64, call, load, shuffle, splat, store, vector

BLOCK = 64
LOWEST, _HIGHEST = np.int64(-(1 << 15)), np.int64(0x7FFFFFFF)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
# A threshold is searched for until it lets through at most so many fourths of what is wanted.
_ENOUGH = 5


@inner
def bound_key(bound, row):
    """Return a key that is the smaller the higher the bound."""
    return np.uint64(_HIGHEST - np.int64(bound)) << np.uint64(32) | np.uint64(row)


@inner
def bound_of(key):
    return _HIGHEST - np.int64(key >> np.uint64(32))


@intrinsic
def block_maximum(typingctx: Any, address: Any, chosen: Any) -> Any:
    """Return the largest of those of 64 int16 at an address whose bits are set; the lowest if none is."""
    kind = vector(I16, 32)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.bitcast(args[1], vector(ir.IntType(1), BLOCK))
        lowest, parts = splat(kind, int(LOWEST)), []
        for lane in range(0, BLOCK, 32):
            mask = shuffle(builder, bits, bits, range(lane, lane + 32))
            parts.append(builder.select(mask, load(builder, kind, args[0], 2 * lane), lowest))
        larger = builder.select(builder.icmp_signed(">", *parts), *parts)
        return call(builder, "llvm.vector.reduce.smax.v32i16", I16, [larger])

    return types.int16(types.uint64, types.uint64), emit


@intrinsic
def above(typingctx: Any, address: Any, bound: Any) -> Any:
    """Return which of 64 int16 at an address are above a bound, a bit for each."""
    kind = vector(I16, BLOCK)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bounds = ir.Constant(kind, ir.Undefined)
        bounds = builder.insert_element(bounds, args[1], ir.Constant(I32, 0))
        bounds = builder.shuffle_vector(bounds, bounds, splat(vector(I32, BLOCK), 0))
        return builder.bitcast(builder.icmp_signed(">", load(builder, kind, args[0]), bounds), I64)

    return types.uint64(types.uint64, types.int16), emit


@intrinsic
def first_bit(typingctx: Any, bits: Any) -> Any:
    """Return the place of the lowest bit set, 64 if none is."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), emit


@intrinsic
def count_bits(typingctx: Any, bits: Any) -> Any:
    """Return how many bits are set."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), emit


@intrinsic
def clear_block(typingctx: Any, address: Any, chosen: Any) -> Any:
    """Write 64 int16 to an address: 0 where a bit is set, the lowest where none is."""
    kind = vector(I16, 32)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = builder.bitcast(args[1], vector(ir.IntType(1), BLOCK))
        for lane in range(0, BLOCK, 32):
            mask = shuffle(builder, bits, bits, range(lane, lane + 32))
            cleared = builder.select(mask, splat(kind, 0), splat(kind, int(LOWEST)))
            store(builder, cleared, builder.add(args[0], ir.Constant(I64, 2 * lane)))
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64), emit


@inner
def block_rows(base, size, lo, hi, allowed, words):
    """Return a bit for each of up to 64 rows from ``base`` on that may be found."""
    rows = ~np.uint64(0)
    if lo >= base + size or hi <= base:
        return np.uint64(0)
    if lo > base:
        rows <<= np.uint64(lo - base)
    if hi < base + size:
        size = hi - base
    if size < BLOCK:
        rows &= (np.uint64(1) << np.uint64(size)) - np.uint64(1)
    if allowed:
        place, shift = base >> 6, np.uint64(base & 63)
        chosen = words[place] >> shift
        if shift and place + 1 < len(words):
            chosen |= words[place + 1] << (np.uint64(64) - shift)
        rows &= chosen
    return rows


@inner
def clear_sums(summing, base, size, lo, hi, allowed, words):
    """Make the sums of a window 0; of rows that may not be found so low that they stay below, if that can be.

    Whoever looks for the highest needs no set of rows then.
    """
    hides = allowed and summing.floor > LOWEST
    blocks, begin = (size + BLOCK - 1) // BLOCK if hides else 0, 0
    if hides and base % BLOCK == 0 and lo <= base and hi >= base + size:
        begin, place = size // BLOCK, base // BLOCK
        for block in range(begin):
            clear_block(summing.sums + np.uint64(2 * BLOCK * block), words[place + block])
    for block in range(begin, blocks):
        first = block * BLOCK
        rows = block_rows(base + first, min(BLOCK, size - first), lo, hi, allowed, words)
        clear_block(summing.sums + np.uint64(2 * first), rows)
    if not hides:
        sums = view_i16(summing.sums, size)
        for i in range(size):
            sums[i] = 0


@inner
def reached_by(maxima, groups, wanted, lowest, highest):
    """Return a bound, ``lowest`` or more, that ``wanted`` of the maxima are above if so many are above it."""
    lo, hi = lowest, highest
    while hi - lo > 1:
        middle, count = (lo + hi) >> 1, np.uint64(0)
        for group in range(groups):
            count += count_bits(above(maxima + np.uint64(2 * BLOCK * group), np.int16(middle)))
        if count < wanted:
            hi = middle
        else:
            lo = middle
            if 4 * np.int64(count) <= _ENOUGH * wanted:
                break
    return lo


@inner
def count_groups(size):
    """Return how many times 64 blocks there are in a window of so many rows, the last made up."""
    return (size + BLOCK * BLOCK - 1) // (BLOCK * BLOCK)


@inner
def find_maxima(summing, base, size, lo, hi, allowed, words):
    """Write the largest sum of each block, of the rows that may be found; return the largest of all."""
    blocks, groups = (size + BLOCK - 1) // BLOCK, count_groups(size)
    maxima, sums = view_i16(summing.maxima, groups * BLOCK), summing.sums
    begin, end = blocks, blocks
    if not allowed or summing.floor > LOWEST:
        begin = min(blocks, max(0, lo - base + BLOCK - 1) // BLOCK)
        end = max(begin, max(0, min(size, hi - base)) // BLOCK)
    for block in range(begin, end):
        maxima[block] = block_maximum(sums + np.uint64(2 * BLOCK * block), _ALL)
    for block in range(blocks):
        if begin <= block < end:
            continue
        first = block * BLOCK
        rows = block_rows(base + first, min(BLOCK, size - first), lo, hi, allowed, words)
        maxima[block] = block_maximum(sums + np.uint64(2 * first), rows)
    for block in range(blocks, groups * BLOCK):
        maxima[block] = LOWEST
    highest = LOWEST
    for group in range(groups):
        highest = max(highest, np.int64(block_maximum(summing.maxima + np.uint64(2 * BLOCK * group), _ALL)))
    return highest


@inner
def collect(summing, base, size, lo, hi, allowed, words, pool):
    """Keep the rows of a window whose sums are among the highest, as many as the pool has room for."""
    highest, groups = find_maxima(summing, base, size, lo, hi, allowed, words), count_groups(size)
    lowest = max(summing.floor, bound_of(pool[0]))
    if highest <= lowest:
        return
    lowest = reached_by(summing.maxima, groups, len(pool), lowest, highest)
    sums = view_i16(summing.sums, size)
    for group in range(groups):
        blocks = above(summing.maxima + np.uint64(2 * BLOCK * group), np.int16(lowest))
        while blocks:
            first = (group * BLOCK + np.int64(first_bit(blocks))) * BLOCK
            blocks &= blocks - np.uint64(1)
            rows = block_rows(base + first, min(BLOCK, size - first), lo, hi, allowed, words)
            rows &= above(summing.sums + np.uint64(2 * first), np.int16(lowest))
            while rows:
                place = first + np.int64(first_bit(rows))
                rows &= rows - np.uint64(1)
                key = bound_key(sums[place], base + place)
                if key < pool[0]:
                    replace_largest(pool, len(pool), key)
                    lowest = max(lowest, bound_of(pool[0]))
