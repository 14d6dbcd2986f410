"""What a filter reads of the rows of a segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ...filters.conditions.scanned import Scanned
from ...filters.expression import Filter, HasId, HasVector
from ...filters.postings import FieldPostings
from ...results.point import PointId
from ..bitmaps import bitmap
from ..payload_columns import AskedPayloads

# Most often all rows have one.
_ENTRIES_OF_VECTORS = 1 << 20


class FilterSource:
    """Postings and payloads, rows by id, and which rows have a vector.

    Parameters
    ----------
    postings : FieldPostings
    payloads : ReadPayloads
        Which of some rows a condition holds for, by their payloads.
    rows_having : callable
        Which rows have a vector in a field.
    find : callable
        The live row of each id that the one who asks sees, below 0 where there is none.
    """

    def __init__(
        self,
        postings: FieldPostings,
        payloads: AskedPayloads,
        rows_having: Callable[[str], BitMap],
        find: Callable[[Sequence[PointId]], NDArray[np.int64]],
    ) -> None:
        self._payloads, self._find = payloads, find
        self._postings = postings
        # Clauses within clauses are put in order at each level.
        self._entries: dict[Filter, int] = {}
        self._unread: dict[Scanned, float] = {}
        self.rows_having = rows_having
        self.answers, self.answer, self.exact = postings.answers, postings.answer, postings.exact
        self.equal, self.equal_any, self.bits = postings.equal, postings.equal_any, postings.bits
        self.range = postings.range
        self.values = postings.values
        self.other = postings.other
        self.null = postings.null
        self.present = postings.present

    def holding(self, condition: Scanned, among: BitMap) -> BitMap:
        """Return those of the rows ``among`` for which a condition holds."""
        if self.answers(condition):
            among = among & self.answer(condition)
            if self.exact(condition):
                return among
        return self._payloads.holding(condition, among)

    def entries(self, condition: Filter) -> int:
        """Return about how many entries are read for a condition that is answered without payloads."""
        if isinstance(condition, HasId):
            return len(condition.ids)
        if isinstance(condition, HasVector):
            return _ENTRIES_OF_VECTORS
        known = self._entries.get(condition)
        if known is None:
            known = self._entries[condition] = self._postings.entries(condition)
        return known

    def unread(self, condition: Scanned) -> float:
        """Return of which share of the rows payloads would be read for a condition that no index answers."""
        known = self._unread.get(condition)
        if known is None:
            known = self._unread[condition] = self._payloads.unread(condition)
        return known

    def looked_up(self, condition: Filter, among: BitMap) -> BitMap | None:
        """Return those of a few rows for which a condition holds, None where a set is as quickly found."""
        if isinstance(condition, HasId | HasVector):
            return None
        return self._postings.looked_up(condition, among)

    def rows_of_ids(self, ids: Sequence[PointId]) -> BitMap:
        """Return the live rows of the given ids."""
        rows = self._find(ids)
        return bitmap(rows[rows >= 0])
