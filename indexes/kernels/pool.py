"""The pool of a walk: the nearest rows seen so far, in ascending order of 64-bit keys.

A key holds a distance in its upper half and a row above its lowest bit, which says that the row was expanded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .kernel import inner
from .top import NO_KEY
from .vectors import I32, I64, call, load, shuffle, store, vector

# Words that are inserted into at once. A pool has as many before it and behind it.
BLOCK = 8
EXPANDED = np.uint64(1)
# Up to here it is faster to pass over the whole pool than to look for the place first.
_BLOCKS_PASSED_WHOLE = 16


@intrinsic
def insert_sorted(typingctx: Any, address: Any, blocks: Any, key: Any) -> Any:
    """Insert a key into ``blocks * 8`` ascending words; the last word falls out.

    The word before ``address`` must not exceed the key. Every word becomes the middle one of itself, its
    predecessor and the key, which takes no branch.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        start, count, key = args
        words = vector(I64, BLOCK)
        keys = builder.insert_element(ir.Constant(words, ir.Undefined), key, ir.Constant(I32, 0))
        keys = shuffle(builder, keys, keys, [0] * BLOCK)
        with cgutils.for_range(builder, count, intp=I64) as loop:
            block = builder.sub(builder.sub(count, loop.index), ir.Constant(I64, 1))
            here = builder.add(start, builder.shl(block, ir.Constant(I64, 6)))
            words_here = load(builder, words, here)
            # Whole blocks, because a load across two fresh stores would have to wait for both.
            block_before = load(builder, words, here, -64)
            words_before = shuffle(builder, block_before, words_here, range(BLOCK - 1, 2 * BLOCK - 1))
            moved = call(builder, "llvm.umax.v8i64", words, [words_before, keys])
            store(builder, call(builder, "llvm.umin.v8i64", words, [words_here, moved]), here)
        return context.get_dummy_value()

    return types.void(types.uint64, types.uint64, types.uint64), emit


@inner
def row_of(key):
    return (key & np.uint64(0xFFFFFFFF)) >> np.uint64(1)


@inner
def clear_pool(pool, width):
    """Empty a pool of up to ``width`` keys and the block behind it."""
    for i in range(width + BLOCK):
        pool[i] = NO_KEY


@inner
def first_block(pool, blocks, key):
    """Return a block that the key belongs into or behind, near the place."""
    low, high = 0, blocks
    while low + 1 < high:
        middle = (low + high) // 2
        if pool[middle * BLOCK - 1] < key:
            low = middle
        else:
            high = middle
    return low


@inner
def offer(address, pool, width, keys, count, sifted):
    """Put those keys into the pool that belong there; return the least of them, NO_KEY if none does.

    They are gathered in ``sifted``, which may be ``keys`` itself.
    """
    # Most keys are refused and which ones cannot be foreseen: first they are sifted without a branch.
    accepted, worst, least = 0, pool[width - 1], NO_KEY
    for i in range(count):
        key = keys[i]
        sifted[accepted] = key
        accepted += key < worst
    blocks = (width + BLOCK - 1) // BLOCK
    for i in range(accepted):
        key = sifted[i]
        least = min(least, key)
        first = 0 if blocks <= _BLOCKS_PASSED_WHOLE else first_block(pool, blocks, key)
        insert_sorted(address + np.uint64(first * BLOCK * 8), blocks - first, key)
    return least


@inner
def pool_size(pool, width):
    size = width
    while size > 0 and pool[size - 1] == NO_KEY:
        size -= 1
    return size
