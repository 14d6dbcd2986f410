"""Centroids of clusters in 8 bits a dimension, as kernels that look for near clusters read them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays, BuildJob
from ..rows.dense import NO_NORMS, DenseRows, pad
from ..rows.element import Element
from ..rows.metric import Metric
from .protocol import Coded
from .scalar import Scalar, ScalarCodec


def centroid_metric(metric: Metric) -> Metric:
    """Return how centroids are compared: as the rows are, but never taken at unit length."""
    return Metric.L2 if metric is Metric.L2 else Metric.DOT


def centroid_codes(centroids: NDArray[np.float32], metric: Metric, job: BuildJob) -> dict[str, NDArray[Any]]:
    """Return the arrays of ``(k, dim)`` centroids of rows that are compared by ``metric``."""
    dim = centroids.shape[1]
    padded = pad(centroids, Element.FLOAT32, dim)
    compared = DenseRows(padded, dim, Element.FLOAT32, NO_NORMS, centroid_metric(metric))
    codec = Scalar(8).train(compared, job)
    return codec.arrays() | codec.encode(compared).arrays()


def open_centroids(arrays: Arrays, dim: int, metric: Metric, k: int) -> tuple[ScalarCodec, Coded]:
    """Return the codec and the codes of ``k`` centroids; ValueError unless the arrays are theirs."""
    codec = Scalar(8).open(arrays, dim, centroid_metric(metric))
    return codec, codec.checked(arrays, k)
