"""The rows for which a condition holds, and those for which enough of several do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pyroaring import BitMap

from ...indexes.rows.bits import Bitset
from .conditions.scanned import Scanned
from .expression import (
    AnyOf,
    AtLeast,
    Except,
    Exists,
    Filter,
    HasId,
    HasVector,
    IsNull,
    Match,
    Range,
)
from .postings import PostingsSource

Rows = TypeVar("Rows", BitMap, Bitset)


def evaluate(condition: Filter, source: PostingsSource) -> BitMap:
    """Return the rows for which a bound condition holds, answered by an index, by ids or by vectors."""
    match condition:
        case Match(key, value):
            return source.equal(key, value)
        case AnyOf(key, values):
            return source.equal_any(key, values)
        case Except(key, values):
            return source.other(key, values)
        case Range(key, lo, lo_open, hi, hi_open):
            return source.range(key, lo, lo_open, hi, hi_open)
        case IsNull(key):
            return source.null(key)
        case Exists(key):
            return source.present(key)
        case HasId(ids):
            return source.rows_of_ids(ids)
        case HasVector(field):
            return source.rows_having(field)
        case Scanned():
            return source.answer(condition)
    raise AssertionError(f"{type(condition).__name__} is no condition")


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
