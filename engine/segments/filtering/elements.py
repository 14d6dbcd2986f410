"""The objects in the lists of a segment's payloads, which have postings as if each were a payload."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ...filters.conditions.scanned import HasElement, Scanned
from ...filters.evaluation.costs import cost
from ...filters.evaluation.scanning import ScanWork, passing
from ...filters.expression import Filter, key_of, leaves
from ...filters.postings import FieldPostings
from ..bitmaps import bitmap, rows_of
from ..payload_columns import AskedPayloads, PayloadColumns
from .filter_source import FilterSource


class Elements:
    """The objects in the lists at one path of the payloads of some rows. Immutable.

    Parameters
    ----------
    owners : (e,) uint32
        The row of each, ascending.
    postings : FieldPostings
        Of the objects, by their numbers, for paths that begin at them.
    fields : collection of str
        Those that the postings are of.
    """

    def __init__(self, owners: NDArray[np.uint32], postings: FieldPostings, fields: frozenset[str]) -> None:
        self._owners, self._postings, self._fields = owners, postings, fields

    def answers(self, condition: HasElement) -> bool:
        """Whether :meth:`rows_of` knows a condition."""
        return condition.indexed is not None and all(map(self._tells, leaves(condition.indexed)))

    def entries(self, condition: HasElement) -> int:
        """Return about how many entries are read for a condition."""
        assert condition.indexed is not None
        n = len(self._owners)
        return n + int(cost(condition.indexed, self._source, n, n)[1])

    def rows_of(self, condition: HasElement) -> BitMap:
        """Return the rows of which an object satisfies a condition."""
        assert condition.indexed is not None
        n = len(self._owners)
        found = passing(condition.indexed, self._source, n, BitMap(range(n)))
        return bitmap(np.unique(self._owners[rows_of(found)]))

    def _tells(self, leaf: Filter) -> bool:
        if isinstance(leaf, Scanned):
            return self._postings.answers(leaf) and self._postings.exact(leaf)
        return key_of(leaf) in self._fields

    @cached_property
    def _source(self) -> FilterSource:
        # No id, no vector and no payload of its own.
        payloads = AskedPayloads(PayloadColumns(lambda _: ()), len(self._owners), ScanWork(), fixed=True)
        return FilterSource(
            self._postings, payloads, lambda _: BitMap(), lambda ids: np.full(len(ids), -1, np.int64)
        )
