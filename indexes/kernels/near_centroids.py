"""How near centroids are to a query, by codes of their own."""

from __future__ import annotations

import numpy as np

from .bounds import first_bit
from .codes import encode_query, four_products, nearness
from .kernel import inner
from .memory import view_f32, view_i32
from .strips import COMPARED, not_farther
from .top import ascending


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


@inner
def gather_near(near, n, first, bound, least, keys, count):
    """Put keys of near centroids behind the ``count`` that are there; return how many there are then.

    A key is a nearness, as :func:`near_centroids` stored it at ``near`` for ``n`` of them, and a number. Of
    ``COMPARED`` from ``first`` on it takes those not farther than ``bound`` whose key is ``least`` or more.
    """
    nearnesses = view_f32(near, n)
    # Not a number is kept: of extreme queries there may be no others.
    bits = np.uint64(not_farther(near + np.uint64(4 * first), bound, False))
    if n - first < COMPARED:
        bits &= (np.uint64(1) << np.uint64(n - first)) - np.uint64(1)
    while bits:
        one = np.uint64(first) + first_bit(bits)
        bits &= bits - np.uint64(1)
        key = np.uint64(ascending(nearnesses[one])) << np.uint64(32) | one
        if key >= least:
            keys[count] = key
            count += 1
    return count
