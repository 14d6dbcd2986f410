"""What every reader of sparse data returns: documents and queries as compressed rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .dataset import DatasetError, Floats, content_hash

Offsets = NDArray[np.int64]
Terms = NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Sparse vectors as compressed rows: those of row i lie from `indptr[i]` to `indptr[i + 1]`.

    Attributes
    ----------
    indptr : ndarray
        (rows + 1,) int64.
    indices : ndarray
        (non-zeros,) uint32, ascending and distinct within a row.
    values : ndarray
        (non-zeros,) float32.
    """

    ARRAYS: ClassVar = ("indptr", "indices", "values")

    indptr: Offsets
    indices: Terms
    values: Floats

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @property
    def nonzeros(self) -> int:
        return int(self.indptr[-1] - self.indptr[0])

    def row(self, number: int) -> tuple[Terms, Floats]:
        """Return the terms and the weights of one row."""
        part = slice(self.indptr[number], self.indptr[number + 1])
        return self.indices[part], self.values[part]

    def part(self, start: int, stop: int) -> SparseRows:
        """Rows `start` to `stop` by themselves; terms and weights are shared, not copied."""
        offsets = self.indptr[start : stop + 1]
        inside = slice(offsets[0], offsets[-1])
        return SparseRows(offsets - offsets[0], self.indices[inside], self.values[inside])


@dataclass(frozen=True, eq=False)
class SparseDataset:
    """Sparse documents to index and queries to answer by the inner product.

    Attributes
    ----------
    name : str
        Short name used in tables and file names.
    documents, queries : SparseRows
    vocabulary : int
        Terms there are; every index is below.
    payloads : list of dict, optional
        One payload per document.
    note : str
        What a reader of results must know.
    """

    name: str
    documents: SparseRows
    queries: SparseRows
    vocabulary: int
    payloads: Sequence[dict[str, Any]] | None = None
    note: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        for what, rows in (("documents", self.documents), ("queries", self.queries)):
            stored = (len(rows.indices), len(rows.values))
            if not len(rows) or rows.indptr[0] != 0 or (rows.nonzeros, rows.nonzeros) != stored:
                raise DatasetError(
                    f"{self.name}: offsets of the {what} name {rows.nonzeros} entries in {len(rows)} rows, "
                    f"there are {stored[0]} terms and {stored[1]} weights"
                )

    def query(self, number: int) -> tuple[Terms, Floats]:
        """Return the terms and weights of one query: what searchers are asked with."""
        return self.queries.row(number)

    @cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that change with any bit of documents or queries."""
        both = (self.documents, self.queries)
        arrays = (array for rows in both for array in (rows.indptr, rows.indices, rows.values))
        return content_hash(np.ascontiguousarray(array).data for array in arrays)

    def describe(self) -> dict[str, Any]:
        """The dataset as it stands in a result record."""
        return {
            "name": self.name,
            "hash": self.content_hash,
            "metric": "dot",
            "rows": len(self.documents),
            "terms": self.vocabulary,
            "nonzeros": self.documents.nonzeros,
            "queries": len(self.queries),
            "note": self.note,
        }
