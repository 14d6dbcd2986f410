"""The inverted spec: postings by term, summed window by window; exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ..protocol import Arrays, BuildJob, FieldShape, RowOrder
from ..rows.sparse import SparseRows

if TYPE_CHECKING:
    from .index import InvertedIndex

# Fewer rows are scanned while a call is made.
_MIN_ROWS = 64


@dataclass(frozen=True)
class Inverted:
    """Postings by term. Answers are exact, whatever the signs of weights.

    Rows stand in windows of 65,536, whose sums stay in the processor's cache while the postings of a query's
    terms are added up, term at a time. Postings hold 8-bit codes rounded up, so that sums are upper bounds;
    the best rows are scored from the stored weights until none that is left can be better.

    Windows and term-at-a-time sums are those of SINDI (Li et al., 2025), which prunes; bounds and exact
    scores in place of pruning are ours.
    """

    name = "inverted"
    exact = True
    binary = True

    def to_json(self) -> dict[str, Any]:
        """Return ``{"name": "inverted"}``."""
        return {"name": self.name}

    def check(self, field: FieldShape) -> None:
        """Refuse vectors that are not sparse."""
        if field.kind != "sparse":
            raise ValueError(f"index 'inverted' is of sparse vectors; the field has {field.kind} ones")

    def knobs(self, given: Mapping[str, float]) -> None:
        """Refuse whatever is said: answers are exact."""
        if given:
            raise ValueError(f"an inverted index has no knobs, as it is exact; got {sorted(given)}")

    def worth_building(self, n: int) -> bool:
        """Return whether there are more rows than are scanned in no time."""
        return n >= _MIN_ROWS

    def order(self, rows: SparseRows, job: BuildJob) -> RowOrder | None:
        """Return None: sums do not care about the order of rows."""
        return None

    def build(self, rows: SparseRows, job: BuildJob) -> dict[str, NDArray[Any]]:
        """Return the postings."""
        from .postings import build

        arrays = build(rows)
        job.progress(1.0)
        return arrays

    def open(self, arrays: Arrays, rows: SparseRows) -> InvertedIndex:
        """Validate the arrays and return the index."""
        from .index import InvertedIndex

        return InvertedIndex(arrays, rows)
