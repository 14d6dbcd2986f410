"""The smallest of many 64-bit keys, kept in a heap.

A key holds the score's order in its upper and the row in its lower half, so that ascending keys are nearest
first and ties fall by row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .kernel import inner
from .vectors import I32

NO_KEY = np.uint64(0xFFFFFFFFFFFFFFFF)


@intrinsic
def float_bits(typingctx: Any, value: Any) -> Any:
    """Return the bits of a float32."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], I32)

    return types.uint32(types.float32), emit


@intrinsic
def bits_float(typingctx: Any, bits: Any) -> Any:
    """Return the float32 made of ``bits``."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.uint32), emit


@inner
def ascending(score):
    """Return 32 bits that are ordered as scores are."""
    # Adding zero turns -0 into +0, which would otherwise sort as a different score.
    bits = np.uint32(float_bits(np.float32(score + np.float32(0.0))))
    return np.uint32(~bits) if bits >> np.uint32(31) else np.uint32(bits | np.uint32(0x80000000))


@inner
def key_of(score, row, higher_is_nearer):
    order = ascending(score)
    if higher_is_nearer:
        order = np.uint32(~order)
    return np.uint64(order) << np.uint64(32) | np.uint64(row)


@inner
def score_of(key, higher_is_nearer):
    order = np.uint32(key >> np.uint64(32))
    if higher_is_nearer:
        order = np.uint32(~order)
    bits = order & np.uint32(0x7FFFFFFF) if order >> np.uint32(31) else np.uint32(~order)
    return bits_float(np.uint32(bits))


@inner
def _sink(heap, place, size, key):
    while True:
        child = np.uint64(2) * place + np.uint64(1)
        if child >= size:
            break
        if child + np.uint64(1) < size and heap[child + np.uint64(1)] > heap[child]:
            child += np.uint64(1)
        if heap[child] <= key:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = key


@inner
def clear_heap(heap, k):
    """Fill a heap of ``k`` with keys that anything beats."""
    for i in range(k):
        heap[i] = NO_KEY


@inner
def replace_largest(heap, k, key):
    """Put ``key``, which is below the largest key ``heap[0]``, in its place."""
    _sink(heap, np.uint64(0), np.uint64(k), key)


@inner
def sort_heap(heap, k):
    """Turn the heap into ascending order."""
    size = np.uint64(k)
    while size > np.uint64(1):
        size -= np.uint64(1)
        largest = heap[0]
        _sink(heap, np.uint64(0), size, heap[size])
        heap[size] = largest
