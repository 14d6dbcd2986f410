"""An open inverted index: one part for all rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays
from ..rows.sparse import SparseRows
from . import postings
from .part import Part
from .parts_index import PartsIndex


class InvertedIndex(PartsIndex):
    """Postings of all rows, checked when they are opened. Immutable and thread-safe."""

    def __init__(self, arrays: Arrays, rows: SparseRows) -> None:
        postings.check(arrays, rows)
        self._arrays = arrays
        super().__init__([Part(arrays, 0, len(rows))], rows)

    def document_frequencies(self, terms: NDArray[np.uint32], lo: int, hi: int) -> NDArray[np.int64]:
        """Return in how many of the rows ``lo`` to ``hi`` each term has a value that is not zero."""
        return postings.document_frequencies(self._arrays, len(self._rows), terms, lo, hi)
