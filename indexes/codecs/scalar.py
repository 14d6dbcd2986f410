"""Codes: vectors rounded to 4 or 8 bits a dimension, which is what a walk over a graph reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows.dense import DenseVectors, aligned
from ..rows.metric import Metric

LINE = 64
# With more dimensions the errors of 4-bit codes average out, and half the bytes are half the time.
_LAST_DIM_OF_8_BITS = 128
# Share of the coordinates that the code's range covers; what lies beyond is clipped.
_COVERED = {8: 0.9999, 4: 0.998}
_SAMPLE_ROWS = 8192
_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Codes:
    """Codes of all rows: ``value = (code - offset) / scale + mean``.

    Parameters
    ----------
    rows
        ``(n, bytes)`` uint8, padded to whole cache lines. 8 bits: a byte a dimension. 4 bits: byte ``j`` of
        a line holds dimension ``j`` of its 128 in its lower half and dimension ``64 + j`` in the upper.
    bits
        4 or 8.
    mean
        What was subtracted, float32 ``(dim,)``.
    scale
        Steps per unit.
    bias
        For l2 half the squared length of each row as its code has it, in steps times units; else empty.
    """

    rows: NDArray[np.uint8]
    bits: int
    mean: NDArray[np.float32]
    scale: float
    bias: NDArray[np.float32]


def bits_for(dim: int) -> int:
    """Return how many bits a dimension gets."""
    return 8 if dim <= _LAST_DIM_OF_8_BITS else 4


def code_bytes(dim: int, bits: int) -> int:
    """Return the bytes of one row of codes."""
    return -(-dim * bits // (8 * LINE)) * LINE


def float_block(vectors: DenseVectors, metric: Metric, rows: slice | NDArray[Any]) -> NDArray[np.float32]:
    """Return some rows as float32, of unit length under the cosine."""
    block = vectors.matrix[rows].astype(np.float32)
    if metric is Metric.COSINE:
        block *= vectors.inv_norms[rows, None]
    return block


def encode(vectors: DenseVectors, metric: Metric) -> Codes:
    """Choose a mean and a scale for ``vectors`` and encode every row."""
    n, dim, bits = len(vectors), vectors.dim, bits_for(vectors.dim)
    total = np.zeros(dim, np.float64)
    for start in range(0, n, _BLOCK_ROWS):
        total += float_block(vectors, metric, slice(start, start + _BLOCK_ROWS)).sum(axis=0, dtype=np.float64)
    mean = (total / max(1, n)).astype(np.float32)
    spread = np.unique(np.linspace(0, n - 1, min(n, _SAMPLE_ROWS)).astype(np.int64))
    sample = float_block(vectors, metric, spread)
    reach = float(np.quantile(np.abs(sample - mean), _COVERED[bits])) or 1.0
    scale = np.float32((127 if bits == 8 else 8) / reach)
    rows = aligned((n, code_bytes(dim, bits)), np.uint8)
    bias = aligned((n if metric is Metric.L2 else 0,), np.float32)
    for start in range(0, n, _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        steps = (float_block(vectors, metric, block) - mean) * scale
        if bits == 8:
            codes = np.clip(np.rint(steps), -127, 127)
        else:
            codes = np.clip(np.floor(steps), -8, 7) + np.float32(0.5)
        if metric is Metric.L2:
            bias[block] = np.einsum("ij,ij->i", codes, codes) / (2 * scale)
        if bits == 8:
            rows[block, :dim] = (codes + 128).astype(np.uint8)
        else:
            rows[block] = _pack((codes + np.float32(7.5)).astype(np.uint8), rows.shape[1])
    return Codes(rows, bits, mean, float(scale), bias)


def _pack(codes: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    padded = np.zeros((len(codes), width * 2), np.uint8)
    padded[:, : codes.shape[1]] = codes
    halves = padded.reshape(len(codes), width // LINE, 2, LINE)
    packed = halves[:, :, 0] | np.left_shift(halves[:, :, 1], np.uint8(4))
    return packed.reshape(len(codes), width)
