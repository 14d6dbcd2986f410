"""The rows for which a filter holds: what costs little is asked first; payloads are read last."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from typing import Protocol

from msgspec import Struct
from pyroaring import BitMap

from ..conditions.scanned import Scanned
from ..expression import And, AtLeast, Filter, Not, Or
from ..postings import PostingsSource
from .at_least import at_least
from .costs import FEW, NOTHING, cost, in_order
from .indexed import evaluate


class ScanWork(Struct, eq=False):
    """Counts the payloads that were read for conditions without an index."""

    payloads_read: int = 0


class ScannedSource(PostingsSource, Protocol):
    """What filters read of some rows, their payloads included."""

    def holding(self, condition: Scanned, among: BitMap) -> BitMap:
        """Return those of the rows ``among`` for which a condition holds."""


def passing(expression: Filter, source: ScannedSource, n_rows: int, among: BitMap) -> BitMap:
    """Return those of the rows ``among`` for which a bound expression holds.

    Parameters
    ----------
    expression : Filter
        As ``binding.bind`` returned it.
    source : ScannedSource
        Every row it names is below ``n_rows``.
    n_rows : int
    among : BitMap
        Rows below ``n_rows``.
    """
    if not among:
        return BitMap()
    match expression:
        case And(clauses):
            return _passing_all(clauses, source, n_rows, among)
        case Or(clauses):
            return _passing_any(clauses, source, n_rows, among)
        case AtLeast(clauses, count):
            ordered = AtLeast(tuple(in_order(clauses, source, n_rows, len(among))), count)
            return at_least(
                ordered,
                BitMap(),
                among,
                lambda clause, enough: passing(clause, source, n_rows, among - enough),
            )
        case Not(clause):
            return among - passing(clause, source, n_rows, among)
    found = source.looked_up(expression, among) if len(among) <= n_rows >> FEW else None
    if found is not None:
        return found
    if isinstance(expression, Scanned):
        return source.holding(expression, among)
    return among & evaluate(expression, source)


def _passing_all(clauses: Sequence[Filter], source: ScannedSource, n_rows: int, among: BitMap) -> BitMap:
    steps = [
        (cost(clause, source, n_rows, len(among)) if len(clauses) > 1 else NOTHING, clause, True)
        for clause in clauses
    ]
    # What words tell of whole texts leaves fewer payloads to read, whichever clause reads them.
    steps += [
        ((0.0, float(source.entries(clause))), clause, False)
        for clause in clauses
        if isinstance(clause, Scanned) and source.answers(clause) and not source.exact(clause)
    ]
    rows = among
    for _, clause, entirely in sorted(steps, key=itemgetter(0)):
        if not rows:
            break
        rows = passing(clause, source, n_rows, rows) if entirely else rows & evaluate(clause, source)
    return rows


def _passing_any(clauses: Sequence[Filter], source: ScannedSource, n_rows: int, among: BitMap) -> BitMap:
    indexed: list[Filter] = []
    others: list[Filter] = []
    for clause in clauses:
        (others if isinstance(clause, And | Or | AtLeast | Not | Scanned) else indexed).append(clause)
    find = partial(passing, source=source, n_rows=n_rows, among=among)
    if len(among) > n_rows >> FEW:
        find = partial(evaluate, source=source)
    found = among & BitMap.union(BitMap(), *map(find, indexed))
    for clause in in_order(others, source, n_rows, len(among)):
        found |= passing(clause, source, n_rows, among - found)
    return found
