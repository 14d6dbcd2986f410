"""The rows for which enough of several clauses hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pyroaring import BitMap

from ....indexes.rows.bits import Bitset
from ..expression import AtLeast, Filter

Rows = TypeVar("Rows", BitMap, Bitset)


def at_least(expression: AtLeast, nothing: Rows, among: Rows, find: Callable[[Filter, Rows], Rows]) -> Rows:
    """Return the rows ``among`` for which enough clauses hold, as a set of either kind.

    ``find`` returns the rows for which a clause holds; it is given those of which nobody asks any more.
    """
    # Rows count in binary, a set for each digit, from where the last that is missing makes them overflow.
    digits = expression.count.bit_length()
    start = (1 << digits) - expression.count
    counts = [among if start >> digit & 1 else nothing for digit in range(digits)]
    enough = nothing
    for clause in expression.clauses:
        carried = find(clause, enough)
        for digit, rows in enumerate(counts):
            counts[digit], carried = rows ^ carried, rows & carried
        enough = enough | carried
    return enough
