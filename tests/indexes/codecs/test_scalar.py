"""Codes."""

from __future__ import annotations

import numpy as np
import pytest
from conformance.index_conformance import as_vectors, random_matrix

from vicinal.indexes.codecs.scalar import bits_for, encode
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric


@pytest.mark.parametrize("dim", [5, 128, 129, 300])
@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.DOT, Metric.L2])
def test_codes_decode_to_about_the_vectors(dim: int, metric: Metric) -> None:
    matrix = random_matrix(700, dim, Element.FLOAT32)
    codes = encode(as_vectors(matrix, dim, Element.FLOAT32, metric), metric)
    assert codes.bits == bits_for(dim)
    assert codes.rows.shape[1] % 64 == 0
    assert codes.rows.ctypes.data % 64 == 0
    if codes.bits == 8:
        steps = codes.rows[:, :dim].astype(np.float64) - 128
    else:
        halves = np.stack([codes.rows & 15, codes.rows >> 4], axis=1)
        lines = halves.reshape(700, 2, -1, 64).transpose(0, 2, 1, 3).reshape(700, -1)
        steps = lines[:, :dim].astype(np.float64) - 7.5
    decoded = steps / codes.scale + codes.mean
    target = matrix / np.linalg.norm(matrix, axis=1, keepdims=True) if metric is Metric.COSINE else matrix
    error = np.abs(decoded - target)
    assert np.quantile(error, 0.95) <= 0.5 / codes.scale + 1e-6
    assert len(codes.bias) == (700 if metric is Metric.L2 else 0)


def test_equal_vectors_have_codes() -> None:
    vectors = as_vectors(np.ones((600, 4), np.float32), 4, Element.FLOAT32, Metric.L2)
    codes = encode(vectors, Metric.L2)
    assert (codes.rows == codes.rows[0]).all()
    assert np.isfinite(codes.bias).all()
