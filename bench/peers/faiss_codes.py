"""faiss: its codes without an index, compared with every query."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..datasets import Dataset
from .faiss import TRAINED_ROWS, FaissPeer
from .lists import divisor
from .peer import Ids


@dataclass(frozen=True)
class FaissCodes:
    """Codes made on one thread, and the rows that they find.

    Attributes
    ----------
    label : str
    row_bytes : float
    train_seconds, encode_seconds : float
        CPU time.
    found : ndarray
        (queries, k) rows, nearest first.
    """

    label: str
    row_bytes: float
    train_seconds: float
    encode_seconds: float
    found: Ids


def faiss_factories(rows: int, dim: int) -> list[str]:
    """Return its codes from a byte a dimension down to 32 dimensions in four bytes."""
    parts = [divisor(dim, dim // shared) for shared in (2, 4, 8)]
    trained = (
        [f"PQ{parts[1]}", f"PQ{parts[2]}", f"OPQ{parts[2]},PQ{parts[2]}"] if rows >= TRAINED_ROWS else []
    )
    return ["SQ8", "SQ4", f"PQ{divisor(dim, dim // 2)}x4", *trained, "RaBitQ"]


def faiss_codes(dataset: Dataset, k: int) -> Iterator[FaissCodes]:
    """Train, code and search by each of its codes."""
    library = FaissPeer().library
    library.omp_set_num_threads(1)
    metric = library.METRIC_L2 if dataset.metric == "l2" else library.METRIC_INNER_PRODUCT
    for factory in faiss_factories(dataset.rows, dataset.dim):
        index = library.index_factory(dataset.dim, factory, metric)
        started = time.process_time()
        index.train(dataset.peer_vectors)
        trained = time.process_time()
        index.add(dataset.peer_vectors)
        done = time.process_time()
        found = np.asarray(index.search(dataset.peer_queries, k)[1])
        yield FaissCodes(factory, index.sa_code_size(), trained - started, done - trained, found)
