"""How near codes say that rows are, of every row to every query."""

from __future__ import annotations

import numpy as np

from .codes import encode_query, four_nearnesses, view_codes
from .kernel import entry_point
from .memory import LINE, view_f32


@entry_point("estimates by codes")
def estimate(codes_address, prepared, n_queries, n, scratch, near):
    """Fill in ``near``, ``(n_queries, n)``; ``scratch`` is a line and the bytes of a query behind it."""
    codes, last = view_codes(codes_address), np.uint64(n - 1)
    query, four = scratch + np.uint64(LINE), view_f32(scratch, 4)
    for q in range(n_queries):
        scale = encode_query(codes, prepared + np.uint64(q * codes.given_bytes), query)[1:]
        for first in range(0, n, 4):
            a = np.uint64(first)
            b, c, d = min(a + np.uint64(1), last), min(a + np.uint64(2), last), min(a + np.uint64(3), last)
            four_nearnesses(codes, codes.codes, a, b, c, d, query, *scale, scratch)
            for i in range(min(4, n - first)):
                near[q, first + i] = four[i]
