"""Rows and queries made of random numbers, in the forms that an index reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vicinal.indexes.rows.dense import NO_NORMS, DenseRows, inverse_norms, pad
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric

CASES = [
    (metric, element)
    for element in (Element.FLOAT32, Element.FLOAT16, Element.INT8)
    for metric in (Metric.COSINE, Metric.DOT, Metric.L2)
] + [(Metric.HAMMING, Element.BINARY)]


def random_matrix(n: int, dim: int, element: Element, seed: int = 0) -> NDArray[Any]:
    """Return clustered random vectors of an element type."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((8, dim))
    values = 0.5 * centres[rng.integers(0, 8, n)] + rng.standard_normal((n, dim))
    if element is Element.BINARY:
        return np.packbits(values > 0, axis=1)
    if element is Element.INT8:
        return np.clip(np.rint(values * 30), -127, 127).astype(np.int8)
    return values.astype(element.dtype)


def as_vectors(matrix: NDArray[Any], dim: int, element: Element, metric: Metric) -> DenseRows:
    """Return padded rows with the norms that the metric needs."""
    norms = inverse_norms(matrix) if metric is Metric.COSINE else NO_NORMS
    return DenseRows(pad(matrix, element, dim), dim, element, norms, metric)


def as_queries(matrix: NDArray[Any], element: Element) -> NDArray[Any]:
    """Return vectors as queries are given."""
    return matrix if element is Element.BINARY else matrix.astype(np.float32)
