"""Evaluating a filter to the set of rows it holds for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TypeVar

from pyroaring import BitMap

from ...indexes.rows.bits import Bitset
from .expression import (
    And,
    AnyOf,
    AtLeast,
    Except,
    Exists,
    Filter,
    HasId,
    HasVector,
    IsNull,
    Match,
    Not,
    Or,
    Range,
)
from .postings import PostingsSource

Rows = TypeVar("Rows", BitMap, Bitset)


def evaluate(expression: Filter, source: PostingsSource, n_rows: int) -> BitMap:
    """Return the rows below ``n_rows`` for which a bound expression holds.

    Parameters
    ----------
    expression : Filter
        As :meth:`Filter.bind` returned it.
    source : PostingsSource
        Every row it names is below ``n_rows``.
    n_rows : int
    """
    match expression:
        case And(clauses):
            return _evaluate_and(clauses, source, n_rows)
        case Or(clauses):
            return BitMap.union(*(evaluate(clause, source, n_rows) for clause in clauses))
        case Not(clause):
            return _everything(n_rows) - evaluate(clause, source, n_rows)
        case AtLeast():
            nothing, everything = BitMap(), _everything(n_rows)
            return at_least(
                expression, nothing, everything, lambda clause, _: evaluate(clause, source, n_rows)
            )
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
    raise AssertionError(f"{type(expression).__name__} is no filter")


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


def _evaluate_and(clauses: Sequence[Filter], source: PostingsSource, n_rows: int) -> BitMap:
    held: list[BitMap] = []
    for clause in sorted(clauses, key=_cost):
        if isinstance(clause, Not):
            break
        held.append(evaluate(clause, source, n_rows))
        if not held[-1]:
            return held[-1]
    # The smallest first: no set on the way is larger.
    held.sort(key=len)
    rows = reduce(BitMap.__and__, held) if held else _everything(n_rows)
    for clause in clauses:
        if isinstance(clause, Not) and rows:
            rows = rows - evaluate(clause.clause, source, n_rows)
    return rows


def _cost(clause: Filter) -> int:
    """Rank what may find that there is nothing before what takes longer; a negation needs something first."""
    match clause:
        case Match() | HasId() | IsNull():
            return 0
        case Not():
            return 2
    return 1


def _everything(n_rows: int) -> BitMap:
    return BitMap(range(n_rows))
