"""Exact neighbours by blocked matrix products, kept on disk, and the recall measured against them.

A returned row counts as found when its true score reaches the true k-th score. Rows that tie at rank k are
therefore all right answers, and an engine is never punished for picking another of them.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset, DatasetError

Ids = NDArray[np.int64]
Scores = NDArray[np.float64]
Progress = Callable[[float], None]

QUERY_BLOCK = 256
ROW_BLOCK = 32_768
# float32 products decide which rows are scored again in float64; so many more than k are taken along.
MARGIN = 32
GATHER_BYTES = 64 << 20
UNIT_ROUNDOFF = 2.0**-24


@dataclass(frozen=True)
class Truth:
    """The exact answer to every query.

    Attributes
    ----------
    ids : ndarray
        (queries, k) row numbers, nearest first.
    scores : ndarray
        (queries, k) float64, higher is nearer: cosine, dot product, or minus the squared distance.
    """

    ids: Ids
    scores: Scores

    @property
    def k(self) -> int:
        return int(self.ids.shape[1])


def exact_truth(
    dataset: Dataset,
    k: int,
    *,
    rows: Ids | None = None,
    asked: slice = slice(None),
    progress: Progress | None = None,
) -> Truth:
    """Find the k nearest rows of every query exactly.

    Parameters
    ----------
    dataset : Dataset
        What to search.
    k : int
        Neighbours per query; at most the number of rows searched.
    rows : ndarray, optional
        Search only these rows (the answers keep the dataset's row numbers).
    asked : slice, optional
        Answer only these queries, which follow each other.
    progress : callable, optional
        Told the finished share.
    """
    searched = dataset.rows if rows is None else len(rows)
    if not 1 <= k <= searched:
        raise DatasetError(f"k = {k} with {searched} rows to search; expected 1 to {searched}")
    vectors = dataset.peer_vectors if rows is None else dataset.peer_vectors[rows]
    queries = dataset.peer_queries[asked]
    first = asked.indices(len(dataset.queries))[0]
    # Distances do not change when the origin moves, and near it float32 cancels least.
    centre = vectors.mean(axis=0, dtype=np.float64).astype(np.float32) if dataset.metric == "l2" else None
    taken = min(searched, k + MARGIN)
    ids = np.empty((len(queries), k), dtype=np.int64)
    scores = np.empty((len(queries), k), dtype=np.float64)
    for start in range(0, len(queries), QUERY_BLOCK):
        block = slice(start, start + QUERY_BLOCK)
        found = _nearest_float32(queries[block], vectors, taken, centre)
        candidates = found if rows is None else rows[found]
        exact = true_scores(dataset, candidates, first_query=first + start)
        order = np.lexsort((candidates, -exact), axis=1)[:, :k]
        ids[block] = np.take_along_axis(candidates, order, axis=1)
        scores[block] = np.take_along_axis(exact, order, axis=1)
        if progress is not None:
            progress(min(1.0, (start + QUERY_BLOCK) / len(queries)))
    return Truth(ids, scores)


def _nearest_float32(
    queries: NDArray[np.float32], vectors: NDArray[np.float32], taken: int, centre: NDArray[np.float32] | None
) -> Ids:
    if centre is not None:
        queries = queries - centre
    best = np.empty((len(queries), 0), dtype=np.float32)
    ids = np.empty((len(queries), 0), dtype=np.int64)
    for start in range(0, len(vectors), ROW_BLOCK):
        block = vectors[start : start + ROW_BLOCK]
        if centre is None:
            scores = queries @ block.T
        else:
            moved = block - centre
            scores = 2 * (queries @ moved.T) - np.einsum("ij,ij->i", moved, moved)
        kept = min(taken, scores.shape[1])
        top = np.argpartition(scores, scores.shape[1] - kept, axis=1)[:, -kept:]
        best = np.concatenate([best, np.take_along_axis(scores, top, axis=1)], axis=1)
        ids = np.concatenate([ids, top + start], axis=1)
        if best.shape[1] > taken:
            top = np.argpartition(best, best.shape[1] - taken, axis=1)[:, -taken:]
            best, ids = np.take_along_axis(best, top, axis=1), np.take_along_axis(ids, top, axis=1)
    return ids


def true_scores(dataset: Dataset, ids: NDArray[Any], *, first_query: int = 0) -> Scores:
    """Score given rows in float64, higher is nearer; a row number that does not exist gets minus infinity.

    Parameters
    ----------
    dataset : Dataset
        Where the rows and queries come from.
    ids : ndarray
        (queries, any) row numbers.
    first_query : int, default 0
        The query that the first line of `ids` answers.
    """
    known = (ids >= 0) & (ids < dataset.rows)
    rows = np.where(known, ids, 0).astype(np.int64)
    scores = np.empty(ids.shape, dtype=np.float64)
    step = max(1, GATHER_BYTES // (8 * dataset.dim * max(1, ids.shape[1])))
    for start in range(0, len(rows), step):
        part = slice(start, min(start + step, len(rows)))
        queries = dataset.queries[first_query + part.start : first_query + part.stop].astype(np.float64)
        vectors = dataset.vectors[rows[part]].astype(np.float64)
        if dataset.metric == "l2":
            away = vectors - queries[:, None, :]
            scores[part] = -np.einsum("qkd,qkd->qk", away, away)
            continue
        scores[part] = np.einsum("qkd,qd->qk", vectors, queries)
        if dataset.metric == "cosine":
            lengths = np.sqrt(np.einsum("qkd,qkd->qk", vectors, vectors))
            scores[part] /= lengths * np.linalg.norm(queries, axis=1)[:, None]
    scores[~known] = -np.inf
    return scores


def recall_by_query(dataset: Dataset, truth: Truth, ids: NDArray[Any], *, first_query: int = 0) -> Scores:
    """The share of the k places of each query that hold a right answer.

    A row returned twice counts once; a missing answer (any number that is no row) counts as wrong.

    Parameters
    ----------
    dataset, truth
        What was asked, and its exact answer for all queries of the dataset.
    ids : ndarray
        (queries, k) returned row numbers.
    first_query : int, default 0
        The query that the first line of `ids` answers.
    """
    if ids.ndim != 2 or ids.shape[1] > truth.k:
        raise ValueError(f"answers of shape {ids.shape}; expected (queries, at most {truth.k})")
    # Unsigned padding such as 2**64-1 must not become a valid row by wrapping around.
    answers = np.full(ids.shape, -1, dtype=np.int64)
    np.copyto(answers, ids, where=ids < dataset.rows, casting="unsafe")
    queries = dataset.queries[first_query : first_query + len(answers)]
    kth = truth.scores[first_query : first_query + len(answers), -1]
    enough = kth - _tolerance(dataset, queries, kth)
    reached = true_scores(dataset, answers, first_query=first_query) >= enough[:, None]
    order = np.argsort(answers, axis=1, kind="stable")
    ordered = np.take_along_axis(answers, order, axis=1)
    repeated = np.zeros(answers.shape, dtype=bool)
    np.put_along_axis(repeated, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    shares: Scores = (reached & ~repeated).sum(axis=1) / truth.k
    return shares


def recall(dataset: Dataset, truth: Truth, ids: NDArray[Any], *, first_query: int = 0) -> float:
    """Mean recall@k over the queries that `ids` answers."""
    return float(recall_by_query(dataset, truth, ids, first_query=first_query).mean())


def _tolerance(dataset: Dataset, queries: NDArray[np.float32], kth: Scores) -> Scores:
    """How far float32 may be off at the k-th score: unit roundoff times the root of the terms."""
    rounding = UNIT_ROUNDOFF * np.sqrt(dataset.dim)
    if dataset.metric == "cosine":
        return np.full(len(queries), rounding)
    if dataset.metric == "l2":
        scaled: Scores = 2 * rounding * np.abs(kth)
        return scaled
    longest = float(np.sqrt(np.einsum("ij,ij->i", dataset.vectors, dataset.vectors).max()))
    lengths: Scores = rounding * longest * np.linalg.norm(queries.astype(np.float64), axis=1)
    return lengths


class Asked(Protocol):
    """Data of any kind whose queries have exact answers."""

    @property
    def content_hash(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def queries(self) -> Sized: ...


def cached_truth(
    dataset: Dataset, k: int, folder: Path, progress: Progress | None = None
) -> tuple[Truth, bool]:
    """The exact answer, from `folder` when it was computed before, and whether it was."""
    return kept_truth(dataset, k, folder, lambda: exact_truth(dataset, k, progress=progress))


def kept_truth(data: Asked, k: int, folder: Path, compute: Callable[[], Truth]) -> tuple[Truth, bool]:
    """The exact answer, from `folder` when it was computed before.

    A file counts only when its shapes and the checksum inside agree with the data; any other is replaced.

    Returns
    -------
    truth : Truth
    cached : bool
        Whether it came from the disk.
    """
    path = folder / f"truth-{data.content_hash}-{data.metric}-k{k}.npz"
    known = _read(path, data, k)
    if known is not None:
        return known, True
    truth = compute()
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    np.savez(unfinished, ids=truth.ids, scores=truth.scores, digest=np.array(_digest(data, truth)))
    os.replace(unfinished, path)
    return truth, False


def _read(path: Path, data: Asked, k: int) -> Truth | None:
    try:
        # numpy leaves a file open that is no archive, unless it was opened here.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            truth = Truth(arrays["ids"], arrays["scores"])
            digest = str(arrays["digest"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    shape = (len(data.queries), k)
    whole = truth.ids.shape == shape and truth.scores.shape == shape and truth.ids.dtype == np.int64
    return truth if whole and digest == _digest(data, truth) else None


def _digest(data: Asked, truth: Truth) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{data.content_hash} {data.metric} {truth.k}".encode())
    digest.update(np.ascontiguousarray(truth.ids).tobytes())
    digest.update(np.ascontiguousarray(truth.scores).tobytes())
    return digest.hexdigest()
