"""Queries cut in two, whatever kind of vectors they are: one half to tune on, the other to report."""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..datasets.multi.dataset import MultiDataset, part_of
from ..datasets.sparse_dataset import SparseDataset
from ..harness.multi_truth import multi_recall
from ..harness.sparse_truth import exact_sparse_truth, sparse_recall
from ..harness.truth import Truth


class Queried(Protocol):
    """Data with queries, each of which is what searchers of its kind are asked with."""

    @property
    def queries(self) -> Sized: ...
    def query(self, number: int) -> tuple[Any, ...]: ...


D = TypeVar("D", bound=Queried)


@dataclass(frozen=True, eq=False)
class Half(Generic[D]):
    """Some queries with their exact answers.

    Attributes
    ----------
    data : dataset
        All documents, and these queries.
    truth : Truth
        Of these queries.
    measure : callable
        Returns the recall of answers, (queries, k) row numbers, to the queries of such data.
    """

    data: D
    truth: Truth
    measure: Callable[[D, Truth, NDArray[np.int64]], float]

    @property
    def k(self) -> int:
        return self.truth.k

    def __len__(self) -> int:
        return len(self.data.queries)

    def asked(self, searcher: Any) -> list[Any]:
        """Return the queries in the form that a searcher takes."""
        return [searcher.asked(*self.data.query(number)) for number in range(len(self))]

    def recall(self, ids: NDArray[np.int64]) -> float:
        """Return the recall of answers, (queries, k) row numbers."""
        return self.measure(self.data, self.truth, ids)


def sparse_halves(
    data: SparseDataset, k: int, rows: NDArray[np.int64] | None = None
) -> tuple[Half[SparseDataset], Half[SparseDataset]]:
    """Cut the queries into those to tune on and those to report, each with its exact answers."""
    middle = len(data.queries) // 2
    first, second = (
        replace(data, queries=data.queries.part(start, stop))
        for start, stop in ((0, middle), (middle, len(data.queries)))
    )
    tuning, reported = (
        Half(one, exact_sparse_truth(one, k, rows=rows), sparse_recall) for one in (first, second)
    )
    return tuning, reported


def multi_halves(data: MultiDataset, truth: Truth) -> tuple[Half[MultiDataset], Half[MultiDataset]]:
    """Cut the queries into those to tune on and those to report, with their part of the exact answers."""
    middle = max(1, len(data.queries) // 2)
    tuning, reported = (
        Half(
            replace(data, queries=part_of(data.queries, start, stop), given=None),
            Truth(truth.ids[start:stop], truth.scores[start:stop]),
            multi_recall,
        )
        for start, stop in ((0, middle), (middle, len(data.queries)))
    )
    return tuning, reported
