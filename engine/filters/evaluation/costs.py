"""What it costs to find the rows of a clause, by which the clauses of a filter are put in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..conditions.scanned import DuringTimes, HasElement, IsInside, Scanned
from ..conditions.text import HasPrefix, HasWords, IsLike
from ..expression import Filter, Not, leaves
from ..postings import PostingsSource

FEW: Final = 9
"""Of so few rows, one in so many as a power of two, a condition is looked up for each, and sets stay sets."""

# Nanoseconds of reading a payload, and of one value in a payload and in a column, as docs/decisions tells of
# clauses. What is not named compares a number or a text.
_READ: Final = 1_400
_IN_PAYLOAD: Final[dict[type[Scanned], int]] = {
    DuringTimes: 1_500,
    HasPrefix: 1_000,
    IsLike: 1_300,
    HasWords: 4_500,
    IsInside: 5_400,
    HasElement: 9_300,
}
_IN_COLUMN: Final[dict[type[Scanned], int]] = {
    HasPrefix: 240,
    IsLike: 760,
    HasWords: 3_300,
    IsInside: 40,
    HasElement: 55,
}
_COMPARED_IN_PAYLOAD: Final = 600
_COMPARED_IN_COLUMN: Final = 5


Cost = tuple[float, float]
"""Payloads that are read, and nanoseconds: what reads no payload comes first, however long it takes."""
NOTHING: Final[Cost] = 0.0, 0.0


def in_order(clauses: Iterable[Filter], source: PostingsSource, n_rows: int, n_among: int) -> list[Filter]:
    """Return clauses by what it costs to find which of ``n_among`` of ``n_rows`` rows satisfy them."""
    listed = list(clauses)
    if len(listed) < 2:
        return listed
    return sorted(listed, key=lambda clause: cost(clause, source, n_rows, n_among))


def cost(expression: Filter, source: PostingsSource, n_rows: int, n_among: int) -> Cost:
    """Return what it costs to find which of ``n_among`` of ``n_rows`` rows satisfy an expression.

    A negation leaves most rows, so it comes after what leaves few.
    """
    payloads = 0.0
    nanoseconds = float(n_rows) if isinstance(expression, Not) else 0.0
    for leaf in leaves(expression):
        read, taken = _of_leaf(leaf, source, n_among)
        payloads += read
        nanoseconds += taken
    return payloads, nanoseconds


def _of_leaf(leaf: Filter, source: PostingsSource, n_among: int) -> Cost:
    if not isinstance(leaf, Scanned):
        return 0.0, source.entries(leaf)
    entries = 0
    if source.answers(leaf):
        entries = source.entries(leaf)
        if source.exact(leaf):
            return 0.0, entries
        n_among = min(n_among, entries)
    read = source.unread(leaf) * n_among
    in_payload = _READ + _IN_PAYLOAD.get(type(leaf), _COMPARED_IN_PAYLOAD)
    in_column = _IN_COLUMN.get(type(leaf), _COMPARED_IN_COLUMN)
    return read, entries + read * in_payload + (n_among - read) * in_column
