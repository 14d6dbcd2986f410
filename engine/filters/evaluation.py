"""Evaluating a filter to the set of rows it holds for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pyroaring import BitMap

from ..results.point import PointId
from .canonical import Canonical
from .expression import And, AnyOf, Exists, Filter, HasId, IsNull, Match, Not, Or, Range


class FieldPostings(Protocol):
    """What is indexed of the payloads of some rows: sets of row numbers, each the caller's to change."""

    def equal(self, field: str, value: Canonical) -> BitMap:
        """Return the rows of which a value equals ``value``."""

    def range(
        self, field: str, lo: Canonical | None, lo_open: bool, hi: Canonical | None, hi_open: bool
    ) -> BitMap:
        """Return the rows of which a value lies between the bounds; None is no bound, open excludes it."""

    def null(self, field: str) -> BitMap:
        """Return the rows of which the field, or one of its values, is null."""

    def present(self, field: str) -> BitMap:
        """Return the rows whose payload has the field."""


class PostingsSource(FieldPostings, Protocol):
    """The same with the rows of ids: everything that a filter reads."""

    def rows_of_ids(self, ids: Sequence[PointId]) -> BitMap:
        """Return the rows of these ids."""


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
        case Match(key, value):
            return source.equal(key, value)
        case AnyOf(key, values):
            return BitMap.union(BitMap(), *(source.equal(key, value) for value in values))
        case Range(key, lo, lo_open, hi, hi_open):
            return source.range(key, lo, lo_open, hi, hi_open)
        case IsNull(key):
            return source.null(key)
        case Exists(key):
            return source.present(key)
        case HasId(ids):
            return source.rows_of_ids(ids)
    raise AssertionError(f"{type(expression).__name__} is no filter")


def _evaluate_and(clauses: Sequence[Filter], source: PostingsSource, n_rows: int) -> BitMap:
    # A negation costs a difference once something is known, a set of all rows before; so it comes last.
    ordered = sorted(clauses, key=lambda clause: isinstance(clause, Not))
    rows: BitMap | None = None
    for clause in ordered:
        if isinstance(clause, Not):
            found = evaluate(clause.clause, source, n_rows)
            rows = (_everything(n_rows) if rows is None else rows) - found
        else:
            found = evaluate(clause, source, n_rows)
            rows = found if rows is None else rows & found
        if not rows:
            return rows
    return _everything(n_rows) if rows is None else rows


def _everything(n_rows: int) -> BitMap:
    return BitMap(range(n_rows))
