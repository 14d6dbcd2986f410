"""How many values the rows of a segment have in a payload field."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from pyroaring import BitMap

from ..filters.conditions.scanned import HasValues
from .bitmaps import bitmap


def rows_with(
    condition: HasValues, present: BitMap, rows: NDArray[Any], sizes: NDArray[Any], n_rows: int
) -> BitMap:
    """Return which of ``n_rows`` rows have as many values as a condition asks for.

    Parameters
    ----------
    condition : HasValues
    present : BitMap
        Rows that have the field.
    rows, sizes : (m,) uint32
        Those of them that have another number of values than one, ascending, and how many.
    n_rows : int
    """
    least, most = condition.least, condition.most
    found = bitmap(rows[(sizes >= least) & (True if most is None else sizes <= most)])
    if condition.includes(1):
        found |= present - bitmap(rows)
    if condition.includes(0):
        found |= BitMap(range(n_rows)) - present
    return found
