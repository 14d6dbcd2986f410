"""Rows that score alike: what queries made out of them say of those that are about no row in particular."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..rows.neighbors import Neighbors
from .ladder import Ladder, measure

DEPTH = 512
"""How many exact results of a query are looked at."""
# Results that fall behind the best by less than this share of what the last one does are alike.
_ALIKE_SHARE = 0.1
# So many results that are alike are a crowd, and so many queries about crowds are measured by themselves.
_CROWD, _FEWEST = 3, 8


def count_alike(truth: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return how many results of each query, ``(q,)``, are as good as the best, the best included.

    ``truth`` is ``(q, DEPTH)``: exact scores, nearest first, the higher the nearer.
    """
    best = truth[:, :1]
    # What no row fills is as far behind as the last that one does.
    last = np.where(np.isfinite(truth), truth, np.inf).min(axis=1, keepdims=True)
    counts: NDArray[np.int64] = (truth >= best - _ALIKE_SHARE * (best - last)).sum(axis=1)
    return counts


def measure_made_of_rows(
    rungs: tuple[int, ...],
    search: Callable[[int, int], Neighbors],
    truth: NDArray[np.float32],
    higher_is_nearer: bool,
    margin: float,
    *,
    shortfall: float = 1.0,
    pool: bool = True,
) -> Ladder:
    """Measure a ladder on queries made out of rows, ``truth`` being ``(q, DEPTH)``; else as :func:`measure`.

    Of such a query its row is found easily, and where that has copies so are they: ten results may be one
    answer. A query about no row in particular has to find another one first. So for rows in crowds as many
    times more results are looked for as there are copies, and what is promised is safe for those rows and for
    those that are alone, and no more for the nearest row than for ten.
    """

    def measured(queries: NDArray[np.bool_], alike: int) -> Ladder:
        return measure(
            rungs,
            search,
            truth,
            higher_is_nearer,
            margin,
            given=1,
            alike=alike,
            groups=queries[None],
            shortfall=shortfall,
            pool=pool,
        )

    counts = count_alike(truth if higher_is_nearer else -truth)
    crowded = counts >= _CROWD
    if crowded.sum() < _FEWEST:
        ladder = measured(np.ones(len(truth), np.bool_), 1)
    else:
        ladder = measured(crowded, int(np.median(counts[crowded])))
        if len(truth) - crowded.sum() >= _FEWEST:
            ladder = ladder.at_worst(measured(~crowded, 1))
    return ladder.as_hard_as_ten()
