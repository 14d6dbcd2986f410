"""What every reader of multi-vectors returns: the tokens of documents and of queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ....indexes.rows.multi import MultiRows
from ..dataset import DatasetError, content_hash


@dataclass(frozen=True, eq=False)
class MultiDataset:
    """Documents of tokens to index, and queries of tokens to answer by MaxSim of dot products.

    Attributes
    ----------
    name : str
        Short name used in tables and file names.
    documents : MultiRows
        Of float16 or float32.
    queries : MultiRows
        Of float32.
    kinds : ndarray, optional
        (tokens,) uint32: which word of a vocabulary each token of a document is.
    given : ndarray, optional
        (queries, any) int64: the exact answers that came with the data, nearest first.
    note : str
        What a reader of results must know.
    """

    metric: ClassVar = "dot"

    name: str
    documents: MultiRows
    queries: MultiRows
    kinds: NDArray[np.uint32] | None = None
    given: NDArray[np.int64] | None = None
    note: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        documents, queries = self.documents, self.queries
        if not len(documents) or not len(queries):
            raise DatasetError(f"{self.name}: {len(documents)} documents and {len(queries)} queries")
        if documents.dim != queries.dim:
            raise DatasetError(
                f"{self.name}: tokens of documents have {documents.dim} dimensions, "
                f"those of queries {queries.dim}"
            )
        if not np.diff(documents.offsets).all() or not np.diff(queries.offsets).all():
            raise DatasetError(f"{self.name}: a document or a query has no token; each must have one")
        if self.kinds is not None and len(self.kinds) != len(documents.tokens):
            raise DatasetError(
                f"{self.name}: {len(self.kinds)} kinds of tokens for {len(documents.tokens)} tokens"
            )
        if self.given is not None and (self.given.ndim != 2 or len(self.given) != len(queries)):
            raise DatasetError(f"{self.name}: answers of shape {self.given.shape} for {len(queries)} queries")

    @property
    def rows(self) -> int:
        """How many documents there are."""
        return len(self.documents)

    @property
    def dim(self) -> int:
        """Dimensions of a token."""
        return self.documents.dim

    def query(self, number: int) -> tuple[NDArray[Any]]:
        """Return the tokens of one query: what searchers are asked with."""
        return (tokens_of(self.queries, number),)

    @cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that change with any bit of documents or queries."""
        both = (self.documents, self.queries)
        arrays = (array for rows in both for array in (rows.offsets, rows.tokens))
        return content_hash(np.ascontiguousarray(array).data for array in arrays)

    def describe(self) -> dict[str, Any]:
        """The dataset as it stands in a result record."""
        return {
            "name": self.name,
            "hash": self.content_hash,
            "metric": "maxsim",
            "rows": self.rows,
            "tokens": len(self.documents.tokens),
            "dim": self.dim,
            "queries": len(self.queries),
            "query_tokens": len(self.queries.tokens),
            "note": self.note,
        }


def tokens_of(rows: MultiRows, number: int) -> NDArray[Any]:
    """Return the tokens of one row, without a copy."""
    part: NDArray[Any] = rows.tokens[rows.offsets[number] : rows.offsets[number + 1]]
    return part


def part_of(rows: MultiRows, start: int, stop: int) -> MultiRows:
    """Return rows ``start`` to ``stop`` by themselves; tokens are shared, not copied."""
    offsets = rows.offsets[start : stop + 1]
    return MultiRows(offsets - offsets[0], rows.tokens[offsets[0] : offsets[-1]])
