"""Sorting of packed keys by some of their bytes."""

from __future__ import annotations

import numpy as np

from .kernel import inner


@inner
def sort_by_bytes(keys, spare, count, first, digits):
    """Sort ``count`` keys by ``digits`` bytes from byte ``first`` on, lowest first; equal ones keep order."""
    histogram = np.empty(256, np.int64)
    for digit in range(first, first + digits):
        shift = np.uint64(8 * digit)
        histogram[:] = 0
        for i in range(count):
            histogram[(keys[i] >> shift) & np.uint64(255)] += 1
        total = 0
        for bucket in range(256):
            held = histogram[bucket]
            histogram[bucket] = total
            total += held
        for i in range(count):
            bucket = (keys[i] >> shift) & np.uint64(255)
            spare[histogram[bucket]] = keys[i]
            histogram[bucket] += 1
        for i in range(count):
            keys[i] = spare[i]
