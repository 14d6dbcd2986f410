"""Which rows of a new segment were in which index before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....indexes.protocol import IndexSpec, Previous
from ....indexes.rows.neighbors import NO_ROW
from ....storage.columns.partial import Present
from .staging import Parts
from .view import SealedView


def previous_indexes(
    parts: Parts, name: str, spec: IndexSpec, order: NDArray[Any] | None, present: Present | None
) -> Iterator[Previous]:
    """Yield the indexes of a field, of this spec, that rows of a new segment come from.

    Parameters
    ----------
    parts
        Views, and which of their rows the segment has.
    name, spec
        The field, and the index that it is about to have.
    order
        The place among all rows of the parts of each row of the segment; None for the same.
    present
        The rows of the segment that have a vector, which an index numbers; None when all have.
    """
    n = sum(len(rows) for _, rows in parts)
    numbers = np.full(n, NO_ROW, np.uint32)
    having = np.arange(n) if present is None else present
    numbers[having if order is None else order[having]] = np.arange(len(having), dtype=np.uint32)
    first = 0
    for view, rows in parts:
        arrays = view.index_arrays(name, spec) if isinstance(view, SealedView) else None
        if arrays is not None:
            now = np.full(view.n_rows, NO_ROW, np.uint32)
            now[rows] = numbers[first : first + len(rows)]
            had = view.present(name)
            yield Previous(arrays, now if had is None else now[had])
        first += len(rows)
