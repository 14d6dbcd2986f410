"""Queries made out of the rows themselves, to measure a new index before it has seen any query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.dense import DenseRows
from ..rows.metric import Metric
from ..rows.neighbors import NO_ROW
from .regions import regions_of

COUNT = 256
"""How many queries are of rows drawn uniformly, those that come first."""
SHORTFALL = 0.4
"""How far the worst tenth of these queries may stay behind what is promised.

On friendly data it stays 0.25 to 0.4 behind a mean of 0.9 to 0.95; where more is missing, whole regions are
not found.
"""
# How many neighbours of a row are looked at.
NEIGHBOURS = 256
# The neighbour that says how far a query is put from its row.
_TENTH = 10
# Rows nearer than this share of the way to the last of the neighbours are copies of a row, not neighbours.
_COPY_SHARE = 0.25
# Queries are put at each of these shares of that distance in turn: nobody knows how far real ones lie.
_REACHES = (0.75, 1.0, 1.25)
# Directions are random sums of this many rows: enough that none of them becomes a second target.
_SUMMED = 32
_BACKGROUND_ROWS = 4096

Nearest = Callable[[NDArray[Any], int], NDArray[np.uint32]]
"""``nearest(queries, k)``: rows, nearest first."""


def pseudo_queries(stored: DenseRows, nearest: Nearest, seed: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return queries that are about as hard as those of another distribution than the rows, and their groups.

    A stored row is the easiest query there is: its neighbours link to each other. Each query here is a row
    moved about as far as its tenth neighbour is away, in a direction drawn from the covariance of the rows.
    Where rows are close together it moves little, so clustered rows give queries around clusters.

    Of rows that come in copies, exact or nearly so, the tenth neighbour is a copy or one of few others, and
    queries would lie nearer to the rows than any real one. Copies cannot be told from a tight cluster, so
    there are two groups, and a promise is to hold in both: queries put at the tenth neighbour, and queries
    put at the tenth different one, as if each neighbour had as many copies as the row. Away from any crowd
    the two are the same, and such a query is in both groups.

    Rows drawn uniformly leave out what few rows are like, and that may be what is asked for. Each region much
    sparser or more crowded than usual (:func:`regions_of`) has queries and a group of its own. Groups are
    ``(g, q)`` of bool, ``g`` 2 to 4.
    """
    rng = np.random.default_rng(seed + 2)
    n = len(stored)
    chosen = rng.choice(n, min(n, COUNT), replace=False)
    background = rng.choice(n, min(n, _BACKGROUND_ROWS), replace=False)
    parts = [chosen, *regions_of(stored, seed)]
    part_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    put = _flipped if stored.metric is Metric.HAMMING else _moved
    queries, by_reach = put(stored, nearest, np.concatenate(parts), background, rng)
    regions = np.arange(1, len(parts))[:, None] == part_of
    return queries, np.concatenate([by_reach & (part_of == 0), regions])


def _moved(
    stored: DenseRows,
    nearest: Nearest,
    chosen: NDArray[Any],
    background: NDArray[Any],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Move each row by its reach in a direction drawn from the covariance of the rows."""
    own = stored.floats(chosen)
    found = nearest(np.ascontiguousarray(own), min(NEIGHBOURS, len(stored)))
    away = np.stack(
        [
            np.linalg.norm(stored.floats(rows) - row, axis=1)
            for rows, row in zip(_known(found, chosen), own, strict=True)
        ]
    )
    reach, groups = _reach(away)
    others = stored.floats(background)
    others -= others.mean(axis=0)
    weights = rng.standard_normal((len(chosen), _SUMMED)).astype(np.float32)
    picks = rng.integers(0, len(others), weights.shape)
    direction = np.einsum("qj,qjd->qd", weights, others[picks])
    length = np.linalg.norm(direction, axis=1)
    step = np.divide(reach, length, out=np.zeros_like(reach), where=length > 0)
    queries = own + step[:, None] * direction
    # Under the cosine a query of zeros has no neighbours; a row that is one stays what it is.
    return np.ascontiguousarray(queries, np.float32), groups


def _known(found: NDArray[np.uint32], chosen: NDArray[Any]) -> NDArray[Any]:
    """Return the found rows with the row itself in the place of padding."""
    return np.where(found != NO_ROW, found, chosen[:, None])


def _reach(away: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return how far each query is put from its row, given the distances of neighbours, and the groups."""
    n, last = len(away), away.shape[1] - 1
    ordered = np.sort(away, axis=1)
    copies = np.maximum((ordered < _COPY_SHARE * ordered[:, -1:]).sum(axis=1), 1)
    by_copies = np.arange(n) % 2 == 1
    place = np.minimum(np.where(by_copies, _TENTH * copies, _TENTH), last)
    alone = copies == 1
    # Pairs of rows share a factor, so that both groups have all of them.
    factor = np.resize(np.repeat(_REACHES, 2), n)
    return ordered[np.arange(n), place] * factor, np.stack([alone | ~by_copies, alone | by_copies])


def _flipped(
    stored: DenseRows,
    nearest: Nearest,
    chosen: NDArray[Any],
    background: NDArray[Any],
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Flip about as many bits of each row as differ from its tenth neighbour, the undecided ones most."""
    own = stored.matrix[chosen]
    found = _known(nearest(np.ascontiguousarray(own), min(NEIGHBOURS, len(stored))), chosen)
    differing = np.bitwise_count(own[:, None, :] ^ stored.matrix[found])
    flips, groups = _reach(differing.sum(axis=2, dtype=np.int64))
    share = np.unpackbits(stored.matrix[background], axis=1, count=stored.dim).mean(axis=0)
    weight = share * (1 - share)
    chance = flips[:, None] * weight / max(float(weight.sum()), 1e-9)
    flip = rng.random(chance.shape) < chance
    queries: NDArray[np.uint8] = own ^ np.packbits(flip, axis=1)
    return queries, groups
