"""Tables of what each code of a product quantizer adds to a query's product, and sums out of them.

Sums are of float32 in the order of the parts, so they are the same on every CPU.
"""

from __future__ import annotations

import numpy as np

from .kernel import inner
from .memory import view_f32, view_i64, view_u8


@inner
def fill_tables(codes, query, tables, width):
    """Write ``(parts, width)`` float32 at ``tables``: for l2 less half the centroid's squared length."""
    dim, parts = codes.dim, codes.parts
    given, starts = view_f32(query, dim), view_i64(codes.starts, parts + 1)
    for part in range(parts):
        target = view_f32(tables + np.uint64(part * width * 4), width)
        offsets = view_f32(codes.centroids + np.uint64((dim + part) * width * 4), width)
        for code in range(width):
            target[code] = offsets[code]
        for d in range(starts[part], starts[part + 1]):
            x, centroids = given[d], view_f32(codes.centroids + np.uint64(d * width * 4), width)
            for code in range(width):
                target[code] += x * centroids[code]


@inner
def pair_tables(tables, parts, target):
    """Write a table of 256 for each two tables of 16, the first of them in the lower half of a code."""
    for first in range(0, parts, 2):
        low = view_f32(tables + np.uint64(first * 64), 16)
        pairs = view_f32(target + np.uint64(first * 512), 256)
        for high in range(16):
            other = (
                view_f32(tables + np.uint64(first * 64 + 64), 16)[high]
                if first + 1 < parts
                else np.float32(0)
            )
            for code in range(16):
                pairs[16 * high + code] = low[code] + other


@inner
def four_sums(a, b, c, d, row_bytes, tables, out):
    """Store the sums of four rows of bytes, each looked up in a table of its own of 256 float32."""
    entries, sums = view_f32(tables, 256 * row_bytes), view_f32(out, 4)
    row_a, row_b = view_u8(a, row_bytes), view_u8(b, row_bytes)
    row_c, row_d = view_u8(c, row_bytes), view_u8(d, row_bytes)
    sum_a, sum_b, sum_c, sum_d = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    table = np.uint64(0)
    for i in range(np.uint64(row_bytes)):
        sum_a += entries[table + np.uint64(row_a[i])]
        sum_b += entries[table + np.uint64(row_b[i])]
        sum_c += entries[table + np.uint64(row_c[i])]
        sum_d += entries[table + np.uint64(row_d[i])]
        table += np.uint64(256)
    sums[0], sums[1], sums[2], sums[3] = sum_a, sum_b, sum_c, sum_d
