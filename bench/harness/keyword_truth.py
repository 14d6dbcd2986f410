"""Exact scores of keyword search, by Lucene's BM25 as it is written in books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


def keyword_scores(
    documents: Sequence[Sequence[str]],
    queries: Iterable[Sequence[str]],
    k: int,
    *,
    k1: float,
    b: float,
) -> list[NDArray[np.float64]]:
    """Return the k best positive scores of every query, best first, each document a list of terms."""
    lengths = np.array([len(terms) for terms in documents], dtype=np.float64)
    # A text without a word has no vector.
    living = int((lengths > 0).sum())
    norms = k1 * (1 - b + b * lengths / (lengths.sum() / max(1, living)))
    postings: dict[str, list[tuple[int, int]]] = {}
    for row, terms in enumerate(documents):
        for term, count in Counter(terms).items():
            postings.setdefault(term, []).append((row, count))
    weights: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
    for term, found in postings.items():
        rows, counts = np.array(found).T
        idf = np.log1p((living - len(rows) + 0.5) / (len(rows) + 0.5))
        weights[term] = rows, idf * counts / (counts + norms[rows])
    best = []
    for query in queries:
        scores = np.zeros(len(documents))
        for term in query:
            if term in weights:
                rows, values = weights[term]
                scores[rows] += values
        top = -np.sort(-scores[scores > 0])[:k]
        best.append(top)
    return best
