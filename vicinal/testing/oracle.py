"""Oracles: the obvious NumPy way to compute what the engine computes fast."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.multi import MultiRows
from vicinal.indexes.rows.sparse import SparseRows

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


def sparse_scores(rows: SparseRows, queries: SparseRows) -> NDArray[np.float64]:
    """Return the score of every row with every query, in the form of the rows."""
    table = np.zeros((len(queries), len(rows)))
    parts = [_row_weights(rows, r, queries.average) for r in range(len(rows))]
    weights = np.concatenate(parts) if parts else np.empty(0)
    row_of = np.repeat(np.arange(len(rows)), np.diff(rows.indptr))
    for q in range(len(queries)):
        entries = slice(*queries.indptr[q : q + 2])
        wanted: dict[int, float] = {}
        for term, value in zip(
            queries.indices[entries].tolist(), queries.values[entries].tolist(), strict=True
        ):
            wanted[term] = wanted.get(term, 0.0) + value
        length = np.linalg.norm(list(wanted.values())) if rows.metric is Metric.COSINE else 1.0
        for term, value in wanted.items():
            found = rows.indices == term
            np.add.at(table[q], row_of[found], value / (length or 1.0) * weights[found])
    return table


def _row_weights(rows: SparseRows, r: int, average: float | None) -> NDArray[np.float64]:
    """Return what each entry of a row is multiplied with."""
    values = rows.values[slice(*rows.indptr[r : r + 2])].astype(np.float64)
    if rows.metric is Metric.COSINE:
        return values / (np.linalg.norm(values) or 1.0)
    if rows.saturation is None:
        return values
    assert average is not None
    k1, b = rows.saturation.k1, rows.saturation.b
    counted = values.clip(0)
    norm = k1 * (1 - b + b * counted.sum() / average)
    return np.array([tf / (tf + norm) if tf else 0.0 for tf in counted.tolist()])


def maxsim_scores(rows: MultiRows, queries: MultiRows) -> NDArray[np.float64]:
    """Return the MaxSim of every row with every query, the worst score for a row without tokens."""
    table = np.full((len(queries), len(rows)), rows.metric.worst)
    tokens = rows.floats(slice(None))
    for q in range(len(queries)):
        wanted = queries.tokens[slice(*queries.offsets[q : q + 2])]
        for r in np.flatnonzero(np.diff(rows.offsets)):
            compared = scores(tokens[slice(*rows.offsets[r : r + 2])], wanted, rows.metric)
            if rows.metric is Metric.L2:
                table[q, r] = np.sqrt((compared.min(axis=1) ** 2).sum())
            else:
                table[q, r] = compared.max(axis=1).sum()
    return table


def scores_of(rows: Any, queries: Any) -> NDArray[np.float64]:
    """Return the score of every stored row, of whichever kind, for every query."""
    if isinstance(rows, SparseRows):
        return sparse_scores(rows, queries)
    if isinstance(rows, MultiRows):
        return maxsim_scores(rows, queries)
    return scores(rows.matrix, queries, rows.metric)


def recall(found: NDArray[Any], truth: NDArray[Any], higher_is_nearer: bool, slack: float = 1e-5) -> float:
    """Return the share of results whose score reaches the true k-th: ties are no misses."""
    kth = truth[:, -1:]
    hits = found >= kth - slack if higher_is_nearer else found <= kth + slack
    return float(hits.mean())
