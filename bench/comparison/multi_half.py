"""Queries of tokens cut in two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.multi.dataset import MultiDataset, tokens_of
from ..harness.multi_truth import multi_recall
from ..harness.truth import Truth


@dataclass(frozen=True, eq=False)
class MultiHalf:
    """Some of the queries, from number ``start`` to ``stop``, with their exact answers."""

    data: MultiDataset
    truth: Truth
    start: int
    stop: int

    @property
    def k(self) -> int:
        return self.truth.k

    def __len__(self) -> int:
        return self.stop - self.start

    def asked(self, searcher: Any) -> list[Any]:
        """Return the queries in the form that a searcher takes."""
        queries = self.data.queries
        return [searcher.asked(tokens_of(queries, number)) for number in range(self.start, self.stop)]

    def recall(self, ids: NDArray[np.int64]) -> float:
        """Return the recall of answers, (queries, k) row numbers."""
        return multi_recall(self.data, self.truth, ids, first_query=self.start)


def multi_halves(data: MultiDataset, truth: Truth) -> tuple[MultiHalf, MultiHalf]:
    """Cut the queries into those to tune on and those to report."""
    middle = max(1, len(data.queries) // 2)
    return MultiHalf(data, truth, 0, middle), MultiHalf(data, truth, middle, len(data.queries))
