"""Exact scores of many candidates, of which others are picked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..rows.metric import Metric
from ..rows.neighbors import Neighbors

_ROW_BITS = np.uint64(32)


class ScoredCandidates:
    """What is known of each query's candidates; immutable.

    Parameters
    ----------
    scored
        Candidates of each query with their exact scores.
    metric
        How they are compared.
    """

    def __init__(self, scored: Neighbors, metric: Metric) -> None:
        keys = _keys(scored.rows)
        order = np.argsort(keys)
        self._keys, self._scores = keys[order], scored.scores.reshape(-1)[order]
        self._metric = metric

    def scores(self, candidates: NDArray[np.uint32]) -> NDArray[np.float32]:
        """Return the scores of ``(q, c)`` candidates, of each query nearest first.

        One that was not scored counts as the farthest.
        """
        keys = _keys(candidates)
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        worst = np.float32(self._metric.worst)
        scores = np.where(self._keys[places] == keys, self._scores[places], worst).reshape(candidates.shape)
        sign = -1 if self._metric.higher_is_nearer else 1
        nearest: NDArray[np.float32] = sign * np.sort(sign * scores, axis=1)
        return nearest


def _keys(rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
    query = np.arange(len(rows), dtype=np.uint64)[:, None]
    return (query << _ROW_BITS | rows).reshape(-1)
