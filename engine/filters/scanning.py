"""Filters with conditions that no index answers: those are asked last, of the rows that the others leave."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

from pyroaring import BitMap

from .conditions.scanned import Scanned, scanned_in
from .evaluation import at_least, evaluate
from .expression import And, AtLeast, Filter, Not, Or
from .postings import PostingsSource


@dataclass(slots=True)
class ScanWork:
    """Counts the payloads that were read for conditions without an index."""

    payloads_read: int = 0


class ScannedSource(PostingsSource, Protocol):
    """What filters read of some rows, their payloads included."""

    def holding(self, condition: Scanned, among: BitMap) -> BitMap:
        """Return those of the rows ``among`` for which a condition holds."""

    def reads(self, condition: Scanned) -> bool:
        """Whether payloads are read for a condition."""


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
    if not _is_scanned(expression):
        return among & evaluate(expression, source, n_rows)
    match expression:
        case And(clauses):
            indexed = And(tuple(clause for clause in clauses if not _is_scanned(clause)))
            rows = among & evaluate(indexed, source, n_rows) if indexed.clauses else among
            for clause in sorted(filter(_is_scanned, clauses), key=partial(_reads, source)):
                rows = passing(clause, source, n_rows, rows)
            return rows
        case Or(clauses):
            found = BitMap()
            for clause in sorted(clauses, key=partial(_reads, source)):
                found |= passing(clause, source, n_rows, among - found)
            return found
        case AtLeast(clauses, count):
            ordered = AtLeast(tuple(sorted(clauses, key=partial(_reads, source))), count)
            return at_least(
                ordered,
                BitMap(),
                among,
                lambda clause, enough: passing(clause, source, n_rows, among - enough),
            )
        case Not(clause):
            return among - passing(clause, source, n_rows, among)
        case Scanned():
            return source.holding(expression, among)
    raise AssertionError(f"{type(expression).__name__} is no filter")


def _is_scanned(expression: Filter) -> bool:
    return any(True for _ in scanned_in(expression))


def _reads(source: ScannedSource, expression: Filter) -> bool:
    return any(map(source.reads, scanned_in(expression)))
