"""What a filter reads of some rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ...indexes.rows.bits import Bitset
from ..results.point import PointId
from .canonical import Canonical
from .conditions.scanned import Scanned
from .expression import Filter


class FieldPostings(Protocol):
    """What is indexed of the payloads of some rows: sets of row numbers, which nobody changes."""

    def equal(self, field: str, value: Canonical) -> BitMap:
        """Return the rows of which a value equals ``value``."""

    def equal_any(self, field: str, values: Sequence[Canonical]) -> BitMap:
        """Return the rows of which a value equals one of ``values``."""

    def bits(self, condition: Filter) -> Bitset | None:
        """Return the rows of a condition as a bitset, None where a set of them is as quickly made."""

    def range(
        self, field: str, lo: Canonical | None, lo_open: bool, hi: Canonical | None, hi_open: bool
    ) -> BitMap:
        """Return the rows of which a value lies between the bounds; None is no bound, open excludes it."""

    def values(self, field: str) -> tuple[NDArray[Any], NDArray[np.uint32]]:
        """Return every value of a field of an ordered kind, int64 or float64, and the row of each."""

    def other(self, field: str, values: Sequence[Canonical]) -> BitMap:
        """Return the rows of which a value, none of keyword or bool fields, equals none of ``values``."""

    def answers(self, condition: Scanned) -> bool:
        """Whether :meth:`answer` knows a condition on payload fields."""

    def exact(self, condition: Scanned) -> bool:
        """Whether :meth:`answer` returns the rows for which a condition holds, and no others."""

    def answer(self, condition: Scanned) -> BitMap:
        """Return the rows for which a condition holds, or may hold where payloads tell for which."""

    def entries(self, condition: Filter) -> int:
        """Return about how many entries are read for a condition that is answered, each about a nanosecond.

        Where it is a comparison, of the field with values, no more rows satisfy it.
        """

    def looked_up(self, condition: Filter, among: BitMap) -> BitMap | None:
        """Return those of a few rows for which a condition holds exactly, looked up one by one.

        None where that is not possible, or all rows for which it holds are as quickly found.
        """

    def null(self, field: str) -> BitMap:
        """Return the rows of which the field, or one of its values, is null."""

    def present(self, field: str) -> BitMap:
        """Return the rows whose payload has the field."""


class PostingsSource(FieldPostings, Protocol):
    """The same with ids and vectors: everything that a filter reads."""

    def rows_of_ids(self, ids: Sequence[PointId]) -> BitMap:
        """Return the rows of these ids."""

    def rows_having(self, field: str) -> BitMap:
        """Return the rows that have a vector in a field."""

    def unread(self, condition: Scanned) -> float:
        """Return of which share of the rows payloads would be read for a condition that no index answers."""
