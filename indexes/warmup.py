"""Compiles every kernel, so that no user waits for it later."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exact.dense import ExactScan
from .graph.build import SMALLEST_GRAPH
from .rows.dense import DenseVectors, inverse_norms, pad
from .rows.element import Element
from .rows.metric import Metric


def warmup() -> None:
    """Compile all kernels of this package, or load those that were compiled before."""
    n, dim = SMALLEST_GRAPH, 8
    matrix = np.eye(n, dim, dtype=np.float32) + 1
    vectors = DenseVectors(pad(matrix, Element.FLOAT32, dim), dim, Element.FLOAT32, inverse_norms(matrix))
    ExactScan(vectors, Metric.COSINE).search(matrix[:1], 1)
    _walk(vectors, matrix)
    from .exact.sparse import exact_sparse_search

    csr = (np.array([0, 1]), np.zeros(1, np.uint32), np.ones(1, np.float32))
    exact_sparse_search(csr, csr, 1)
    from .exact.multi import exact_maxsim_search

    ragged = (np.array([0, 1]), np.ones((1, 8), np.float32))
    exact_maxsim_search(ragged, ragged, 1)


def _walk(vectors: DenseVectors, queries: NDArray[np.float32]) -> None:
    from .codecs.scalar import encode
    from .graph.index import HnswIndex
    from .graph.links import NO_LINK, choose_entries
    from .protocol import Effort

    codes = encode(vectors, Metric.COSINE)
    arrays: dict[str, NDArray[Any]] = {
        "links": np.full((len(vectors), 16), NO_LINK, np.uint32),
        "entries": choose_entries(len(vectors), 0),
        "codes": codes.rows,
        "mean": codes.mean,
        "bias": codes.bias,
        "scale": np.array([codes.scale], np.float32),
    }
    index = HnswIndex(arrays, vectors, Metric.COSINE)
    index.search(queries[:1], 1, effort=Effort(1, 1, None, 0.0))
