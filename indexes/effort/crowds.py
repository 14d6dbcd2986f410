"""Rows that score alike: what queries made out of them say of those that are about no row in particular."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..rows.neighbors import Neighbors
from .ladder import Ladder, measure

Search: TypeAlias = Callable[[int, int], Neighbors]

DEPTH = 512
"""How many exact results of a query are looked at."""
# Results that fall behind the best by less than this share of what the last one does are alike.
_ALIKE_SHARE = 0.1
# Dense rows may lie in tight clusters: they are alike beside what the 64th falls behind, or if they are as
# good as equal.
_NEAR, _NEAR_SHARE, _EQUAL_SHARE = 64, 0.03, 5e-4
# So many results that are alike are a crowd, and so many queries about crowds are measured by themselves.
_CROWD, _FEWEST = 3, 8


def count_alike(
    truth: NDArray[np.float32], share: float = _ALIKE_SHARE, depth: int = DEPTH
) -> NDArray[np.int64]:
    """Return how many results of each query, ``(q,)``, are as good as the best, the best included.

    ``truth`` is ``(q, DEPTH)``: exact scores, nearest first, the higher the nearer. As good is what falls
    behind by less than a share of what the one of rank ``depth`` does.
    """
    best = truth[:, :1]
    # What no row fills is as far behind as the last that one does.
    last = np.where(np.isfinite(truth), truth, np.inf)[:, :depth].min(axis=1, keepdims=True)
    counts: NDArray[np.int64] = (truth >= best - share * (best - last)).sum(axis=1)
    return counts


def count_copies(truth: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return :func:`count_alike` of dense rows, whose crowds may be full of different ones."""
    return np.maximum(count_alike(truth, _NEAR_SHARE, _NEAR), count_alike(truth, _EQUAL_SHARE))


def usually_alike(counts: NDArray[np.int64]) -> int:
    """Return how many results are alike where there are crowds, 1 where too few queries are about any."""
    crowded = counts >= _CROWD
    return int(np.median(counts[crowded])) if crowded.sum() >= _FEWEST else 1


def measure_made_of_rows(
    rungs: tuple[int, ...],
    search: Search,
    truth: NDArray[np.float32],
    higher_is_nearer: bool,
    margin: float,
    *,
    counts: NDArray[np.int64] | None = None,
    groups: NDArray[np.bool_] | None = None,
    shortfall: float = 1.0,
    pool: bool = True,
    among: Callable[[NDArray[np.bool_]], Search] | None = None,
) -> Ladder:
    """Measure a ladder on queries made out of rows, ``truth`` being ``(q, DEPTH)``; else as :func:`measure`.

    ``counts`` says how many results of each query are alike; :func:`count_alike` unless given. ``among``
    returns the search of the chosen queries alone, where that costs less than that of all.

    Of such a query its row is found easily, and where that has copies so are they: ten results may be one
    answer. A query about no row in particular has to find another one first. So for rows in crowds as many
    times more results are looked for as there are copies, and what is promised is safe for those rows and for
    those that are alone, and no more for the nearest row than for ten.
    """

    members = np.ones((1, len(truth)), np.bool_) if groups is None else groups

    def measured(queries: NDArray[np.bool_], alike: int) -> Ladder:
        asked = np.ones_like(queries) if among is None else queries
        some = (members & queries)[:, asked]
        return measure(
            rungs,
            search if among is None else among(asked),
            truth[asked],
            higher_is_nearer,
            # What few queries leave open is that of all, whichever of them were asked.
            margin * math.sqrt(asked.mean()),
            given=1,
            alike=alike,
            groups=some[some.any(axis=1)],
            shortfall=shortfall,
            pool=pool,
        )

    counts = count_alike(truth if higher_is_nearer else -truth) if counts is None else counts
    crowded, alike = counts >= _CROWD, usually_alike(counts)
    if alike == 1:
        ladder = measured(np.ones(len(truth), np.bool_), 1)
    else:
        ladder = measured(crowded, alike)
        if len(truth) - crowded.sum() >= _FEWEST:
            ladder = ladder.at_worst(measured(~crowded, 1))
    return ladder.as_hard_as_ten()
