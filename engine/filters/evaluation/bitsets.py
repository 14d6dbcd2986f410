"""Evaluating a filter to a bitset, for searches: where many rows satisfy it, 64 of them at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Final, TypeAlias

import numpy as np
from pyroaring import BitMap

from ....indexes.rows.bits import Bitset, among, complement, n_words, of_bitmap
from ....indexes.rows.row_set import RowSet
from ..conditions.scanned import scanned_in
from ..expression import And, AnyOf, AtLeast, Filter, Match, Not, Or
from ..postings import PostingsSource
from .at_least import at_least
from .costs import FEW, in_order
from .indexed import evaluate

Found: TypeAlias = BitMap | Bitset
"""Rows as a set where they are few, else as a bitset; nobody changes either."""

# The bitsets of so many values are kept, each for itself.
_APART: Final = 16


def row_set(expression: Filter, source: PostingsSource, n_rows: int, of: RowSet | None) -> RowSet | None:
    """Return the rows for which a bound expression holds, None unless indexes tell exactly.

    Parameters
    ----------
    expression : Filter
    source : PostingsSource
        Every row it names is below ``n_rows``.
    n_rows : int
    of : RowSet, optional
        The only rows to look for.
    """
    for leaf in scanned_in(expression):
        if not source.answers(leaf) or not source.exact(leaf):
            return None
    found = _found(expression, source, n_rows, None)
    if of is not None:
        found = _both(found, of.words)
    if isinstance(found, BitMap):
        return RowSet.from_bitmap(found, n_rows)
    return RowSet.from_words(found, n_rows)


def _found(expression: Filter, source: PostingsSource, n_rows: int, few: BitMap | None) -> Found:
    """Return the rows for which an expression holds, of a condition perhaps those of a ``few`` alone."""
    match expression:
        case And(clauses):
            return _all_of(clauses, source, n_rows)
        case Or(clauses):
            return _any_of(clauses, source, n_rows)
        case Not(clause):
            return complement(_words(_found(clause, source, n_rows, None), n_rows), n_rows)
        case AtLeast():
            nothing = np.zeros(n_words(n_rows), np.uint64)
            everything = complement(nothing, n_rows)
            return at_least(
                expression,
                nothing,
                everything,
                lambda one, _: _words(_found(one, source, n_rows, None), n_rows),
            )
        case AnyOf(key, values) if len(values) <= _APART:
            return _any_of([Match(key, value) for value in values], source, n_rows)
    found = None if few is None else source.looked_up(expression, few)
    if found is not None:
        return found
    words = source.bits(expression)
    if words is not None:
        return words
    rows = evaluate(expression, source)
    return rows if len(rows) <= n_rows >> FEW else of_bitmap(rows, n_rows)


def _all_of(clauses: Sequence[Filter], source: PostingsSource, n_rows: int) -> Found:
    found: Found | None = None
    for clause in in_order(clauses, source, n_rows, n_rows):
        few = found if isinstance(found, BitMap) else None
        if few is not None and not few:
            break
        one = _found(clause, source, n_rows, few)
        found = one if found is None else _both(found, one)
    return complement(_words(BitMap(), n_rows), n_rows) if found is None else found


def _any_of(clauses: Sequence[Filter], source: PostingsSource, n_rows: int) -> Found:
    found = [_found(clause, source, n_rows, None) for clause in clauses]
    few = BitMap.union(BitMap(), *(one for one in found if isinstance(one, BitMap)))
    wide = [one for one in found if not isinstance(one, BitMap)]
    return reduce(np.bitwise_or, wide, _words(few, n_rows)) if wide else few


def _both(one: Found, other: Found) -> Found:
    if isinstance(one, BitMap):
        return one & other if isinstance(other, BitMap) else among(one, other)
    return among(other, one) if isinstance(other, BitMap) else one & other


def _words(found: Found, n_rows: int) -> Bitset:
    return of_bitmap(found, n_rows) if isinstance(found, BitMap) else found
