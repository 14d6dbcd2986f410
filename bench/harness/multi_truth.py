"""Exact answers by MaxSim, and the recall measured against them.

As for dense vectors, a returned row counts as found when its true score reaches the true k-th score.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ...engine.progress import Progress, silent
from ...indexes.exact.multi import MultiScan
from ..datasets import DatasetError
from ..datasets.multi.dataset import MultiDataset, tokens_of
from .truth import Ids, Scores, Truth, kept_truth

# Queries that one thread answers at a time.
BLOCK = 4
# How far float32 may be off: far below any difference that matters, above any rounding of some 128 products.
TOLERANCE = 1e-5
# What is scored by NumPy too: so many queries, each with so many rows.
CHECKED_QUERIES, CHECKED_ROWS = 3, 2_000
# Fewer of the answers that came with the data may be right to be taken for answers to these queries.
_AGREED = 0.999


def multi_truth(dataset: MultiDataset, k: int, folder: Path, step: Progress = silent) -> tuple[Truth, bool]:
    """The exact answer, from `folder` when it was computed before, and whether it was.

    Raises
    ------
    DatasetError
        The data came with answers that are not the nearest.
    """
    truth, cached = kept_truth(dataset, k, folder, lambda: exact_multi_truth(dataset, k, step))
    if dataset.given is not None:
        right = multi_recall(dataset, truth, dataset.given[:, :k])
        if right < _AGREED:
            raise DatasetError(
                f"{dataset.name}: {right:.2%} of the answers that came with the data are among the {k} "
                "nearest by MaxSim of dot products"
            )
    return truth, cached


def exact_multi_truth(dataset: MultiDataset, k: int, step: Progress = silent) -> Truth:
    """Find the k best rows of every query by a scan, on all cores, and check a sample of it by NumPy.

    Raises
    ------
    ArithmeticError
        The scan and NumPy disagree.
    """
    scan, queries = MultiScan(dataset.documents), dataset.queries
    parts = [slice(start, start + BLOCK) for start in range(0, len(queries), BLOCK)]
    found = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for part in pool.map(lambda part: scan.search(queries[part], k), parts):
            found.append(part)
            step("exact truth", len(found) / len(parts))
    rows = np.concatenate([part.rows for part in found]).astype(np.int64)
    truth = Truth(rows, np.concatenate([part.scores for part in found]).astype(np.float64))
    check_by_numpy(dataset, truth)
    return truth


def check_by_numpy(dataset: MultiDataset, truth: Truth) -> None:
    """Raise ArithmeticError if rows score otherwise in float64, or better ones than the nearest are there."""
    rng = np.random.default_rng(0)
    rows = np.sort(rng.permutation(dataset.rows)[:CHECKED_ROWS])
    for query in rng.permutation(len(dataset.queries))[:CHECKED_QUERIES].tolist():
        asked = tokens_of(dataset.queries, query).astype(np.float64)
        known = dict(zip(truth.ids[query].tolist(), truth.scores[query].tolist(), strict=True))
        kth = min(known.values())
        for row in {*rows.tolist(), *known}:
            score = (tokens_of(dataset.documents, row).astype(np.float64) @ asked.T).max(axis=0).sum()
            slack = TOLERANCE * max(abs(score), abs(kth))
            if abs(known.get(row, score) - score) > slack or (row not in known and score > kth + slack):
                raise ArithmeticError(
                    f"query {query} and row {row} score {score} by NumPy; the scan says "
                    f"{known.get(row, 'that it is none of the nearest')}, the last of which has {kth}"
                )


def multi_recall(dataset: MultiDataset, truth: Truth, ids: Ids) -> float:
    """Mean of :func:`multi_recall_by_query`."""
    return float(multi_recall_by_query(dataset, truth, ids).mean())


def multi_recall_by_query(dataset: MultiDataset, truth: Truth, ids: Ids) -> Scores:
    """Share of the k places of each query that hold a right answer, a row returned twice counting once.

    Parameters
    ----------
    dataset, truth
        What was asked, and its exact answer for all queries of the dataset.
    ids : ndarray
        (queries, at most k) returned row numbers; what is no row is wrong.
    """
    scan, right = MultiScan(dataset.documents), np.empty(len(ids))
    for number, line in enumerate(ids):
        rows = np.unique(line[(line >= 0) & (line < dataset.rows)]).astype(np.uint32)
        kth = truth.scores[number, -1]
        scores = scan.score(dataset.queries[number : number + 1], rows)
        right[number] = (scores >= kth - TOLERANCE * abs(kth)).sum()
    return right / truth.k
