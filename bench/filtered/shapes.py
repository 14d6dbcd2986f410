"""The shapes of filters, and the payload fields that make each of them pass the first rows of an order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset
from .orders import RowOrder

if TYPE_CHECKING:
    from ...engine.filters.expression import Filter

NATURAL = "natural"
# Which fields tell the filters of a shape what passes; `rank` stands for a field of each order.
_FIELDS = {
    "keyword": ("tags",),
    "and": ("pairs", "rank"),
    "or": ("parts",),
    "in": ("codes",),
    "range": ("rank",),
    "not": ("rank",),
    "text": ("note",),
}
SHAPES = (*_FIELDS, NATURAL)
OR_VALUES, IN_VALUES = 16, 1000
_LABELLED = ("tags", "pairs", "parts", "codes")
_TYPES = {**{name: "keyword" for name in _LABELLED}, "note": "text"}


@dataclass(frozen=True)
class Level:
    """One selectivity of one order: the first ``count`` rows pass.

    Attributes
    ----------
    order : RowOrder
    place : int
        Among the levels of the order.
    selectivity : float
    count : int
    """

    order: RowOrder
    place: int
    selectivity: float
    count: int

    @property
    def label(self) -> str:
        """A word that no other level has."""
        return f"o{self.order.number}l{self.place}"

    @property
    def wider(self) -> tuple[int, int]:
        """How far beyond the level each of the clauses reaches of which both hold within it alone."""
        more = min(self.count, (len(self.order.rows) - self.count) // 2)
        return self.count + more, self.count + 2 * more

    def expression(self, shape: str) -> Filter:
        """Return the filter of a shape that passes the rows of the level."""
        from ...engine.filters.field import F

        rank, label = F(f"rank{self.order.number}"), self.label
        if shape == "keyword":
            return F("tags") == label
        if shape == "and":
            return (F("pairs") == label) & (rank < self.wider[0])
        if shape == "or":
            return reduce(or_, [F("parts") == f"{label}p{part}" for part in range(OR_VALUES)])
        if shape == "in":
            return F("codes").is_in([f"{label}c{code}" for code in range(IN_VALUES)])
        if shape == "range":
            return rank < self.count
        if shape == "not":
            return ~(rank >= self.count)
        return F("note").text(label)


def levels_of(orders: Sequence[RowOrder], selectivities: Sequence[float]) -> list[list[Level]]:
    """Return the levels of each order by rising selectivity.

    All rows pass whatever the correlation, so that level is one of the first order or of its like alone.
    """
    first = min((abs(order.correlation) for order in orders), default=0.0)
    found = []
    for order in orders:
        n = len(order.rows)
        wanted = [share for share in sorted(selectivities) if share < 1.0 or abs(order.correlation) == first]
        found.append(
            [Level(order, place, share, max(1, round(share * n))) for place, share in enumerate(wanted)]
        )
    return found


class MadePayloads:
    """Payloads by which filters of the wanted shapes pass the rows of each level.

    Parameters
    ----------
    data : Dataset
        Whose own fields they have as well where natural filters are wanted.
    levels : sequence of sequence of Level
        Of each order.
    shapes : sequence of str
    """

    def __init__(self, data: Dataset, levels: Sequence[Sequence[Level]], shapes: Sequence[str]) -> None:
        self._levels = levels
        self._natural = data if NATURAL in shapes else None
        self._made = {field for shape in shapes if shape != NATURAL for field in _FIELDS[shape]}

    @cached_property
    def fields(self) -> Mapping[str, str]:
        """The fields to index, with their types."""
        fields = {} if self._natural is None else dict(self._natural.fields)
        fields |= {field: kind for field, kind in _TYPES.items() if field in self._made}
        if "rank" in self._made:
            fields |= {f"rank{levels[0].order.number}": "integer" for levels in self._levels if levels}
        return fields

    @property
    def lists(self) -> frozenset[str]:
        """The fields of which a row has several values."""
        return frozenset(self._made & {*_LABELLED})

    def of(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Return the payloads of rows ``start`` to ``stop``."""
        payloads: list[dict[str, Any]] = [{} for _ in range(start, stop)]
        if self._natural is not None and self._natural.payloads is not None:
            wanted = self._natural.fields
            own = self._natural.payloads[start:stop]
            payloads = [{key: one[key] for key in wanted if key in one} for one in own]
        ranks = [levels[0].order.ranks[start:stop] for levels in self._levels if levels]
        if "rank" in self._made:
            for levels, places in zip(filter(None, self._levels), ranks, strict=True):
                name = f"rank{levels[0].order.number}"
                for payload, rank in zip(payloads, places.tolist(), strict=True):
                    payload[name] = rank
        for field in sorted(self._made - {"rank"}):
            columns = [
                list(_labels(field, levels, places))
                for levels, places in zip(filter(None, self._levels), ranks, strict=True)
            ]
            for payload, parts in zip(payloads, zip(*columns, strict=True), strict=True):
                labels = [label for part in parts for label in part]
                payload[field] = " ".join(labels) if field == "note" else labels
        return payloads


def _labels(field: str, levels: Sequence[Level], ranks: NDArray[np.int64]) -> Iterator[list[str]]:
    """Yield what each row has in a field for the levels of one order; equal lists are the same."""
    member = np.zeros(len(ranks), np.int64)
    for level in levels:
        holds = ranks < level.count
        if field == "pairs":
            reach, end = level.wider
            holds |= (ranks >= reach) & (ranks < end)
        member |= holds.astype(np.int64) << level.place
    values, sign = {"parts": (OR_VALUES, "p"), "codes": (IN_VALUES, "c")}.get(field, (1, ""))
    known: dict[tuple[int, int], list[str]] = {}
    for key in zip(member.tolist(), (ranks % values).tolist(), strict=True):
        if key not in known:
            suffix = f"{sign}{key[1]}" if sign else ""
            known[key] = [level.label + suffix for level in levels if key[0] >> level.place & 1]
        yield known[key]
