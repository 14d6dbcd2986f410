"""Builds the arrays of an HNSW index."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codecs.scalar import encode
from ..exact.dense import check_metric
from ..rows.dense import DenseVectors
from ..rows.metric import Metric
from .index import HnswIndex
from .links import build_links, choose_entries

SMALLEST_GRAPH = 512
"""Fewer rows are scanned faster than a graph over them is walked."""

_LINKS_SHARE, _CODES_SHARE = 0.9, 0.95


def build(
    vectors: DenseVectors,
    metric: Metric,
    m: int,
    ef_construction: int,
    seed: int,
    threads: int,
    progress: Callable[[float], None],
) -> dict[str, NDArray[Any]]:
    """Return the arrays of a graph over ``vectors``: none for few rows, which are scanned instead."""
    check_metric(vectors, metric)
    n = len(vectors)
    if n >= 1 << 31:
        raise ValueError(f"a segment has at most {(1 << 31) - 1} rows; got {n}")
    if n < SMALLEST_GRAPH:
        progress(1.0)
        return {}
    arrays: dict[str, NDArray[Any]] = {
        "links": build_links(
            vectors,
            metric,
            m=m,
            ef_construction=ef_construction,
            seed=seed,
            threads=threads,
            progress=lambda share: progress(share * _LINKS_SHARE),
        ),
        "entries": choose_entries(n, seed),
    }
    if metric is not Metric.HAMMING:
        codes = encode(vectors, metric)
        arrays["codes"], arrays["mean"], arrays["bias"] = codes.rows, codes.mean, codes.bias
        arrays["scale"] = np.array([codes.scale], np.float32)
    progress(_CODES_SHARE)
    arrays.update(HnswIndex(arrays, vectors, metric).self_calibrated(seed, threads or os.cpu_count() or 1))
    progress(1.0)
    return arrays
