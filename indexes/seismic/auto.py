"""The automatic choice of a sparse index: exact while that is fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays, BuildJob, FieldShape, RowOrder
from ..rows.sparse import SparseRows
from ..sparse.inverted import Inverted
from .knobs import SeismicKnobs
from .seismic import Seismic

if TYPE_CHECKING:
    from ..sparse.index import InvertedIndex
    from .index import SeismicIndex

# Summing all postings of a usual query may take so long: about twice what visiting blocks does.
_EXACT_SECONDS = 200e-6
# Terms of a usual query, as a share of those of a document.
_QUERY_SHARE = 1 / 3
_EXACT, _BLOCKS = Inverted(), Seismic()


@dataclass(frozen=True)
class AutoSparse:
    """`Inverted` for segments in which a usual query sums its postings in 200 us, `Seismic` for larger ones.

    How many postings that are is taken from the document frequencies of the segment's terms, and what they
    cost from what was measured on the machine. Term frequencies (BM25), of which queries have few, and sets
    of terms are always indexed exactly.
    """

    name = "auto"
    binary = True

    def to_json(self) -> dict[str, Any]:
        """Return ``{"name": "auto"}``."""
        return {"name": self.name}

    def check(self, field: FieldShape) -> None:
        """Refuse vectors that are not sparse."""
        if field.kind != "sparse":
            raise ValueError(f"index 'auto' is of sparse vectors; the field has {field.kind} ones")

    def knobs(self, given: Mapping[str, float]) -> SeismicKnobs:
        """Return ``query_cut`` and ``heap_factor``, which segments that are indexed exactly leave aside."""
        return _BLOCKS.knobs(given)

    def worth_building(self, n: int) -> bool:
        """Return whether there are more rows than are scanned in no time."""
        return _EXACT.worth_building(n)

    def order(self, rows: SparseRows, job: BuildJob) -> RowOrder | None:
        """Return None: neither index cares about the order of rows."""
        return None

    def build(self, rows: SparseRows, job: BuildJob) -> dict[str, NDArray[Any]]:
        """Build what pays."""
        spec = _BLOCKS if rows.form < 2 and _exact_seconds(rows) > _EXACT_SECONDS else _EXACT
        return spec.build(rows, job)

    def open(self, arrays: Arrays, rows: SparseRows) -> SeismicIndex | InvertedIndex:
        """Validate the arrays and return the index that they are of."""
        return _BLOCKS.open(arrays, rows)


def _exact_seconds(rows: SparseRows) -> float:
    """Predict what summing the postings of a query takes whose terms are drawn as those of documents are."""
    # A client knows the spec and measures nothing.
    from ..costs import costs

    known, n = costs(), max(1, len(rows))
    _, frequencies = np.unique(_sample(rows.indices), return_counts=True)
    scale = len(rows.indices) / max(1, int(frequencies.sum()))
    shares = frequencies / max(1, int(frequencies.sum()))
    terms = _QUERY_SHARE * len(rows.indices) / n
    postings = terms * float((shares * frequencies).sum()) * scale
    return known.call + postings * known.posting + n * known.summed


def _sample(indices: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return about a million entries, evenly drawn."""
    return indices[:: max(1, len(indices) >> 20)]
