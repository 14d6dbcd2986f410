"""What a filter reads of the rows of a segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ..filters.conditions.scanned import Scanned
from ..filters.postings import FieldPostings
from ..results.point import PointId
from .bitmaps import bitmap


class FilterSource:
    """Postings and payloads, rows by id, and which rows have a vector.

    Parameters
    ----------
    postings : FieldPostings
    holding : callable
        Which of some rows a condition holds for, by their payloads.
    rows_having : callable
        Which rows have a vector in a field.
    find : callable
        The live row of each id that the one who asks sees, below 0 where there is none.
    """

    def __init__(
        self,
        postings: FieldPostings,
        holding: Callable[[Scanned, BitMap], BitMap],
        rows_having: Callable[[str], BitMap],
        find: Callable[[Sequence[PointId]], NDArray[np.int64]],
    ) -> None:
        self._holding, self._find = holding, find
        self.rows_having = rows_having
        self.answers, self.answer = postings.answers, postings.answer
        self.equal, self.equal_any, self.bits = postings.equal, postings.equal_any, postings.bits
        self.range = postings.range
        self.values = postings.values
        self.other = postings.other
        self.null = postings.null
        self.present = postings.present

    def holding(self, condition: Scanned, among: BitMap) -> BitMap:
        """Return those of the rows ``among`` for which a condition holds."""
        if self.answers(condition):
            answer = self.answer(condition)
            among = among & answer.rows
            if answer.exact:
                return among
        return self._holding(condition, among)

    def reads(self, condition: Scanned) -> bool:
        """Whether payloads are read for a condition."""
        return not self.answers(condition)

    def rows_of_ids(self, ids: Sequence[PointId]) -> BitMap:
        """Return the live rows of the given ids."""
        rows = self._find(ids)
        return bitmap(rows[rows >= 0])
