"""Sets of sparse rows: documents in copies, and crowds of documents beside what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..datasets.generated_sparse import ASKED, DOCUMENTS, VOCABULARY, generated_rows
from ..datasets.sparse_dataset import SparseDataset, SparseRows

# Rows of different seeds are different parts of one endless sequence.
_APART = 10_000_000
_TOPICS = 20
# How unlike in weight the documents of a topic are, which have their terms in common.
_TOPIC_SPREAD, _NEARLY = 0.2, 0.01

Made = Callable[[SparseRows, int, np.random.Generator], SparseRows]
"""Rows of a set, so many, from documents that all differ."""


def make_sparse_set(name: str, rows: int, queries: int, seed: int) -> SparseDataset:
    """Make one of :data:`SPARSE_SETS`, of at most so many rows; equal seeds make equal sets."""
    rng = np.random.default_rng([seed, rows, list(SPARSE_SETS).index(name)])
    documents = generated_rows(DOCUMENTS, seed * _APART, seed * _APART + rows)
    asked = generated_rows(ASKED, seed * _APART, seed * _APART + queries)
    made = SPARSE_SETS[name](documents, rows, rng)
    return SparseDataset(name, made, asked, VOCABULARY, note=f"{name}, seed {seed}, artificial vectors")


def _documents(documents: SparseRows, rows: int, rng: np.random.Generator) -> SparseRows:
    return documents


def _copies(
    documents: SparseRows, rows: int, rng: np.random.Generator, times: int, spread: float = 0.0
) -> SparseRows:
    return _taken(documents, rng.permutation(np.repeat(np.arange(rows // times), times)), spread, rng)


def _topics(documents: SparseRows, rows: int, rng: np.random.Generator, share: float) -> SparseRows:
    """Most rows are a few documents at other weights; the rest are all the documents there are besides."""
    rest = round(rows * (1 - share))
    crowd = rest + rng.integers(0, _TOPICS, rows - rest)
    chosen = rng.permutation(np.concatenate([np.arange(rest), crowd]))
    return _taken(documents, chosen, np.where(chosen < rest, 0.0, _TOPIC_SPREAD), rng)


def _taken(
    documents: SparseRows,
    chosen: np.ndarray[tuple[int], np.dtype[np.int64]],
    spread: float | np.ndarray[tuple[int], np.dtype[np.float64]],
    rng: np.random.Generator,
) -> SparseRows:
    """Rows in another order or several times, each of its weights disturbed (deviation of the logarithm)."""
    lengths = np.diff(documents.indptr)[chosen]
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    places = np.repeat(documents.indptr[chosen] - indptr[:-1], lengths) + np.arange(indptr[-1])
    disturbed = np.exp(
        np.repeat(np.broadcast_to(spread, len(chosen)), lengths) * rng.standard_normal(len(places))
    )
    return SparseRows(
        indptr, documents.indices[places], (documents.values[places] * disturbed).astype(np.float32)
    )


SPARSE_SETS: dict[str, Made] = {
    "sparse-documents": _documents,
    **{f"sparse-copies-{times}": partial(_copies, times=times) for times in (12, 100)},
    "sparse-nearly-12": partial(_copies, times=12, spread=_NEARLY),
    "sparse-topics-95": partial(_topics, share=0.95),
}
"""What makes each set."""
