"""Sparse queries made out of the rows themselves, to measure a new index before it has seen any query."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..rows.sparse import SparseRows

# Queries are shorter than documents: of a row's terms they hold so many, heavy ones sooner than light ones.
_SHARE = 1 / 3
_FEWEST, _MOST = 4, 48
# Of those so many are exchanged for any row's: nobody asks for a document in its own words.
_FOREIGN = 0.25
# What weighs most in a document is not what weighs most in a question about it: weights are evened out by a
# power, and disturbed (the deviation of their logarithms). So measured, recall is that of real questions
# about WordNet's entries, of which weights taken from the row promise too much.
_POWER, _SPREAD = 0.5, 0.7


def sparse_pseudo_queries(rows: SparseRows, count: int, seed: int) -> SparseRows:
    """Return up to ``count`` queries, each of some terms of a row that holds any, their weights disturbed.

    The rows' weights are all at least zero.
    """
    average = None if rows.saturation is None else rows.mean_length()
    rng = np.random.default_rng(seed + 3)
    filled = np.flatnonzero(np.diff(rows.indptr))
    parts: list[tuple[NDArray[np.uint32], NDArray[np.float32]]] = []
    for row in np.sort(rng.choice(filled, min(count, len(filled)), replace=False)).tolist():
        one = rows[row : row + 1]
        own = one.weights(average or 1.0)
        wanted = int(np.clip(_SHARE * len(own), _FEWEST, _MOST))
        # The heaviest of weights raised to random powers: drawn without replacement, by weight.
        keys = np.log(rng.random(len(own))) / np.maximum(own, 1e-30)
        chosen = np.sort(np.argsort(-keys, kind="stable")[:wanted])
        drawn = own[chosen] ** _POWER * np.exp(_SPREAD * rng.standard_normal(len(chosen)))
        drawn_terms = one.indices[chosen]
        foreign = rng.random(len(chosen)) < _FOREIGN
        drawn_terms[foreign] = rows.indices[rng.integers(0, len(rows.indices), int(foreign.sum()))]
        terms, places = np.unique(drawn_terms, return_inverse=True)
        parts.append((terms, np.bincount(places, drawn).astype(np.float32)))
    indptr = np.concatenate([[0], np.cumsum([len(terms) for terms, _ in parts])]).astype(np.int64)
    indices = np.concatenate([terms for terms, _ in parts] + [np.empty(0, np.uint32)])
    values = np.concatenate([drawn for _, drawn in parts] + [np.empty(0, np.float32)])
    return SparseRows(indptr, indices.astype(np.uint32), values.astype(np.float32), average=average)
