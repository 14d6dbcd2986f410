"""How many lists and subspaces the peers are built with, by the usual rules."""

from __future__ import annotations

import math

LEAST_LISTS = 16
# With fewer the lists are not trained well.
ROWS_A_LIST = 40


def number_of_lists(rows: int) -> int:
    """About four times the root of the rows: a power of two, unless that leaves too few rows a list."""
    return max(LEAST_LISTS, min(1 << round(math.log2(4 * math.sqrt(rows))), rows // ROWS_A_LIST))


def divisor(dim: int, most: int) -> int:
    """The largest number of equal parts of the dimensions, up to so many."""
    return next(parts for parts in range(max(1, most), 0, -1) if dim % parts == 0)
