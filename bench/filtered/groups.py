"""Queries in groups of near ones, each of which has its filters in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset, DatasetError
from ..datasets.dataset import Floats

_SEED = 31
_ROW_BLOCK = 32_768


@dataclass(frozen=True, eq=False)
class QueryGroups:
    """The queries that are asked.

    Attributes
    ----------
    data : Dataset
        All rows, and the queries of one group after those of another.
    size : int
        Queries of each group.
    """

    data: Dataset
    size: int

    def __len__(self) -> int:
        return len(self.data.queries) // self.size

    def slices(self) -> Iterator[slice]:
        """Yield where the queries of each group are."""
        for start in range(0, len(self.data.queries), self.size):
            yield slice(start, start + self.size)

    def nearness(self, group: slice) -> Floats:
        """Return how near each row is to the nearest query of a group, float32 (rows,), higher is nearer."""
        found = np.empty(self.data.rows, np.float32)
        for start in range(0, self.data.rows, _ROW_BLOCK):
            block = self.data.peer_vectors[start : start + _ROW_BLOCK]
            scores = nearness(self.data.peer_queries[group], block, self.data.metric)
            found[start : start + _ROW_BLOCK] = scores.max(axis=0)
        return found


def nearness(queries: Floats, vectors: Floats, metric: str) -> Floats:
    """Return the scores of vectors as peers have them, float32 (queries, vectors), higher is nearer."""
    scores: Floats = queries @ vectors.T
    if metric != "l2":
        return scores
    lengths = (np.einsum("ij,ij->i", part, part) for part in (queries, vectors))
    from_queries, from_vectors = lengths
    distances: Floats = 2 * scores - from_queries[:, None] - from_vectors
    return distances


def grouped(dataset: Dataset, groups: int, size: int) -> QueryGroups:
    """Choose groups of so many queries, or fewer if there are too few: one drawn, and those nearest to it.

    Raises
    ------
    DatasetError
        There are not two queries for each group.
    """
    available = len(dataset.queries)
    size = min(size, available // groups)
    if size < 2:
        raise DatasetError(
            f"{available} queries make no {groups} groups of at least two; ask for fewer with --groups"
        )
    rng = np.random.default_rng(_SEED)
    left: NDArray[np.int64] = rng.permutation(available)
    chosen = []
    for _ in range(groups):
        one = dataset.peer_queries[left[:1]]
        order = np.argsort(-nearness(one, dataset.peer_queries[left], dataset.metric)[0], kind="stable")
        # So that any half of a group is like the other.
        chosen.append(rng.permutation(left[order[:size]]))
        left = np.delete(left, order[:size])
    queries = np.ascontiguousarray(dataset.queries[np.concatenate(chosen)])
    return QueryGroups(replace(dataset, queries=queries), size)
