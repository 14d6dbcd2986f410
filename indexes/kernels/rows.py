"""Stored rows as kernels see them, and queries as scores are made of."""

from __future__ import annotations

import math

import numpy as np

from .float_scores import BITS, float32_dots
from .kernel import inner
from .memory import record_at, view_f32, view_u8

COSINE, DOT, L2, HAMMING = range(4)
CHUNK_ITEMS = 16

ROWS = np.dtype(
    [
        ("rows", np.uint64),  # address
        ("inv_norms", np.uint64),  # address of (n,) float32; read for the cosine only
        ("n", np.int64),
        ("dim", np.int64),
        ("row_bytes", np.int64),
        ("chunks", np.int64),  # turns of the score kernel: 16 items, or 64 bytes of bits
        ("kind", np.int64),  # float_scores.FLOAT32_DOT ...
        ("metric", np.int64),
        ("query_bytes", np.int64),  # of a query as it is given
        ("padded_bytes", np.int64),  # of a query as the score kernel reads it
    ]
)
view_rows = record_at(ROWS)


@inner
def pad_query(rows, query, padded, out):
    """Copy a query to ``padded`` with zeros behind it; return 1 / |q| for the cosine, else 1."""
    source, target = view_u8(query, rows.query_bytes), view_u8(padded, rows.padded_bytes)
    for i in range(rows.query_bytes):
        target[i] = source[i]
    for i in range(rows.query_bytes, rows.padded_bytes):
        target[i] = 0
    if rows.metric != COSINE:
        return np.float32(1.0)
    chunks = rows.padded_bytes // (CHUNK_ITEMS * 4)
    float32_dots(padded, padded, padded, padded, padded, chunks, out)
    square = view_f32(out, 4)[0]
    return np.float32(np.float32(1.0) / np.float32(math.sqrt(square))) if square > 0 else np.float32(0.0)


def kind_of(element: str, metric: int) -> int:
    """Return which score kernel compares rows of ``element`` under ``metric``."""
    if element == "binary":
        return BITS
    first = {"float32": 0, "float16": 2, "int8": 4}[element]
    return first + (metric == L2)
