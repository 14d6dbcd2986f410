"""Oracles: the obvious NumPy way to compute what the engine computes fast."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_ROW = 2**32 - 1


def scores(matrix: NDArray[Any], queries: NDArray[Any], metric: str) -> NDArray[np.float64]:
    """Return the score of every row for every query, in double precision."""
    if metric == "hamming":
        differing = np.unpackbits(queries[:, None] ^ matrix[None], axis=2)
        return np.asarray(differing.sum(axis=2), np.float64)
    rows, wanted = matrix.astype(np.float64), queries.astype(np.float64)
    if metric == "l2":
        return np.asarray(np.sqrt(((wanted[:, None] - rows[None]) ** 2).sum(axis=2)))
    products: NDArray[np.float64] = wanted @ rows.T
    if metric == "dot":
        return products
    lengths = np.linalg.norm(wanted, axis=1)[:, None] * np.linalg.norm(rows, axis=1)[None]
    return np.asarray(np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0))


def top(
    table: NDArray[Any], k: int, higher_is_nearer: bool, allowed: NDArray[Any] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return rows and scores of the ``k`` nearest of each query, nearest first, ties by row, padded."""
    worst = -np.inf if higher_is_nearer else np.inf
    candidates = np.arange(table.shape[1]) if allowed is None else np.sort(np.asarray(allowed, np.int64))
    rows = np.full((len(table), k), NO_ROW, np.int64)
    found = np.full((len(table), k), worst)
    for i, line in enumerate(table):
        values = line[candidates]
        order = np.lexsort((candidates, -values if higher_is_nearer else values))[:k]
        rows[i, : len(order)] = candidates[order]
        found[i, : len(order)] = values[order]
    return rows, found


def sparse_scores(rows: Any, queries: Any) -> NDArray[np.float64]:
    """Return the dot product of every CSR row with every CSR query."""
    table = np.zeros((len(queries[0]) - 1, len(rows[0]) - 1))
    for q in range(table.shape[0]):
        weights: dict[int, float] = {}
        for i in range(queries[0][q], queries[0][q + 1]):
            weights[int(queries[1][i])] = weights.get(int(queries[1][i]), 0.0) + float(queries[2][i])
        for r in range(table.shape[1]):
            for i in range(rows[0][r], rows[0][r + 1]):
                table[q, r] += weights.get(int(rows[1][i]), 0.0) * float(rows[2][i])
    return table


def maxsim_scores(rows: Any, queries: Any) -> NDArray[np.float64]:
    """Return the MaxSim of every ragged row with every ragged query."""
    table = np.zeros((len(queries[0]) - 1, len(rows[0]) - 1))
    for q in range(table.shape[0]):
        wanted = queries[1][queries[0][q] : queries[0][q + 1]].astype(np.float64)
        for r in range(table.shape[1]):
            tokens = rows[1][rows[0][r] : rows[0][r + 1]].astype(np.float64)
            if len(tokens):
                table[q, r] = (wanted @ tokens.T).max(axis=1).sum()
            else:
                table[q, r] = -np.inf if len(wanted) else 0.0
    return table


def recall(found: NDArray[Any], truth: NDArray[Any], higher_is_nearer: bool, slack: float = 1e-5) -> float:
    """Return the share of results whose score reaches the true k-th: ties are no misses."""
    kth = truth[:, -1:]
    hits = found >= kth - slack if higher_is_nearer else found <= kth + slack
    return float(hits.mean())
