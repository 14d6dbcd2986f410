"""How near centroids are to a query, by codes of their own."""

from __future__ import annotations

import numpy as np

from .codes import encode_query, four_products, nearness
from .kernel import inner
from .memory import view_f32, view_i32


@inner
def near_centroids(codes, n, query, target, out):
    """Store at ``out`` how near each of ``n`` coded centroids is, float32, smaller ones nearer.

    Their codes are of 8 bits a dimension; ``target`` is where the query is written as they are compared with
    it. ``out`` has room for three more.
    """
    near, products = view_f32(out, n), view_i32(out, n)
    last = np.uint64(n - 1)
    scale = encode_query(codes, query, target)[1:]
    for first in range(0, n, 4):
        a = np.uint64(first)
        b, c, d = min(a + np.uint64(1), last), min(a + np.uint64(2), last), min(a + np.uint64(3), last)
        four_products(codes, codes.codes, a, b, c, d, target, out + np.uint64(4 * first))
    # All at once, and not as soon as four are there: these are whole vectors.
    for i in range(n):
        near[i] = nearness(codes, np.float32(products[i]), i, *scale)
