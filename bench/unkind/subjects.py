"""What is searched: a set of any kind as a collection takes it, and the recall of answers about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np

import vicinal

from ...engine.schema.vector_field import VectorField
from ...indexes.protocol import IndexSpec
from ..datasets import Dataset
from ..datasets.dataset import Floats
from ..datasets.multi.dataset import MultiDataset, part_of, tokens_of
from ..datasets.sparse_dataset import SparseDataset
from ..harness.multi_truth import exact_multi_truth, multi_recall_by_query
from ..harness.sparse_truth import exact_sparse_truth, sparse_recall_by_query
from ..harness.truth import Ids, Scores, Truth, exact_truth, recall_by_query
from ..sparse_peers.vicinal import Csr
from .sets import SETS, UnkindSet, make_set
from .sparse_sets import SPARSE_SETS, make_sparse_set
from .token_sets import TOKEN_SETS, make_token_set

ALL_SETS = (*SETS, *SPARSE_SETS, *TOKEN_SETS)
"""The names of the sets of every kind."""


class Subject(Protocol):
    """Rows, queries and their exact answers.

    Attributes
    ----------
    kind : {"dense", "sparse", "multi"}
        Of vectors.
    queries : Any
        All of them, as a search takes them.
    """

    kind: ClassVar[str]

    @property
    def rows(self) -> int: ...
    @property
    def queries(self) -> Any: ...
    def describe(self) -> dict[str, Any]:
        """What a record says of the rows."""
        ...

    def field(self, index: IndexSpec) -> VectorField:
        """Return the field that holds them."""
        ...

    def part(self, start: int, stop: int) -> Any:
        """Return the vectors of some rows as an upsert takes them."""
        ...

    def recall(self, ids: Ids, k: int) -> Scores:
        """Return the recall of each query's answer."""
        ...


def make_subject(name: str, base: Dataset, rows: int, queries: int, seed: int, most: int) -> Subject:
    """Make the set of that name, whose queries are answered exactly for up to ``most`` results.

    Sets of dense vectors are made from ``base``, others are artificial.
    """
    if name in SPARSE_SETS:
        return SparseSubject(make_sparse_set(name, rows, queries, seed), most)
    if name in TOKEN_SETS:
        return TokenSubject(make_token_set(name, rows, queries, seed), most)
    return DenseSubject(make_set(name, base, rows, queries, seed), most)


@dataclass(frozen=True)
class DenseSubject:
    """Dense vectors, of numbers or of bits."""

    made: UnkindSet
    most: int
    kind: ClassVar = "dense"

    @property
    def rows(self) -> int:
        return self.made.data.rows

    @property
    def metric(self) -> str:
        return "hamming" if self.made.element == "binary" else self.made.data.metric

    def describe(self) -> dict[str, Any]:
        return {"metric": self.metric, "element": self.made.element, "dim": self.made.data.dim}

    def field(self, index: IndexSpec) -> VectorField:
        return vicinal.Dense(self.made.data.dim, metric=self.metric, element=self.made.element, index=index)

    def part(self, start: int, stop: int) -> Any:
        vectors = self.made.data.vectors[start:stop]
        return vectors.astype(np.int8) if self.made.element == "int8" else self._packed(vectors)

    @property
    def queries(self) -> Any:
        # Queries of int8 collections are floats, as all that are not of bits.
        return self._packed(self.made.data.queries)

    def _packed(self, vectors: Floats) -> Any:
        return np.packbits(vectors > 0, axis=1) if self.made.element == "binary" else vectors

    @cached_property
    def _truth(self) -> Truth:
        return exact_truth(self.made.data, self.most)

    def recall(self, ids: Ids, k: int) -> Scores:
        return recall_by_query(self.made.data, _first(self._truth, k), ids)


@dataclass(frozen=True)
class SparseSubject:
    """Sparse vectors."""

    data: SparseDataset
    most: int
    kind: ClassVar = "sparse"

    @property
    def rows(self) -> int:
        return len(self.data.documents)

    def describe(self) -> dict[str, Any]:
        return {"metric": "dot", "element": "float32", "dim": self.data.vocabulary}

    def field(self, index: IndexSpec) -> VectorField:
        return vicinal.Sparse(index=index)

    def part(self, start: int, stop: int) -> Any:
        return Csr.of(self.data.documents.part(start, stop))

    @property
    def queries(self) -> Any:
        return Csr.of(self.data.queries)

    @cached_property
    def _truth(self) -> Truth:
        return exact_sparse_truth(self.data, self.most)

    def recall(self, ids: Ids, k: int) -> Scores:
        return sparse_recall_by_query(self.data, _first(self._truth, k), ids)


@dataclass(frozen=True)
class TokenSubject:
    """Multi-vectors."""

    data: MultiDataset
    most: int
    kind: ClassVar = "multi"

    @property
    def rows(self) -> int:
        return self.data.rows

    def describe(self) -> dict[str, Any]:
        return {"metric": "dot", "element": "float16", "dim": self.data.dim}

    def field(self, index: IndexSpec) -> VectorField:
        return vicinal.Multi(self.data.dim, metric="dot", element="float16", index=index)

    def part(self, start: int, stop: int) -> Any:
        rows = part_of(self.data.documents, start, stop)
        return np.asarray(rows.tokens), rows.offsets

    @property
    def queries(self) -> Any:
        return [tokens_of(self.data.queries, number) for number in range(len(self.data.queries))]

    @cached_property
    def _truth(self) -> Truth:
        return exact_multi_truth(self.data, self.most)

    def recall(self, ids: Ids, k: int) -> Scores:
        return multi_recall_by_query(self.data, _first(self._truth, k), ids)


def _first(truth: Truth, k: int) -> Truth:
    return Truth(truth.ids[:, :k], truth.scores[:, :k])
