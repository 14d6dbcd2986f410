"""Codes of rows as kernels see them, and distances between a query's codes and those of rows."""

from __future__ import annotations

import numpy as np

from .code_distances import four_dots, four_hammings, four_nibble_dots
from .kernel import inner
from .memory import LINE, record_at, view_f32, view_i8, view_u8
from .rows import HAMMING, L2

CODES = np.dtype(
    [
        ("codes", np.uint64),  # address: n rows of row_bytes
        ("row_bytes", np.int64),
        ("form", np.int64),  # bits a dimension: 1 packed bits, 4 or 8
        ("bias", np.uint64),  # address of (n,) float32; read for l2 only
        ("mean", np.uint64),  # address of (dim,) float32; not read of bits
        ("scale", np.float64),
    ]
)
CODE_LIMIT = np.float32(127.0)
# Above any dot product of codes, so that distances are positive.
_OFFSET = 1 << 30
# A query close to the mean needs no finer steps than this many to a row's, and the bias must fit 31 bits.
_FINEST = np.float32(4.0)
view_codes = record_at(CODES)


@inner
def encode_query(codes, rows, walk):
    """Write the query's codes; return how many of their steps make a unit."""
    if rows.metric == HAMMING:
        bits, target = view_u8(walk.padded, codes.row_bytes), view_u8(walk.query_codes, codes.row_bytes)
        for i in range(codes.row_bytes):
            target[i] = bits[i]
        return np.float32(0.0)
    items = codes.row_bytes * 8 // codes.form
    query, steps = view_f32(walk.padded, rows.dim), view_i8(walk.query_codes, items)
    mean = view_f32(codes.mean, rows.dim)
    centre = np.float32(1.0) if rows.metric == L2 else np.float32(0.0)
    largest = np.float32(0.0)
    for i in range(rows.dim):
        largest = max(largest, abs(query[i] - centre * mean[i]))
    scale = CODE_LIMIT / largest if largest > 0 else np.float32(0.0)
    if rows.metric == L2:
        scale = min(scale, _FINEST * np.float32(codes.scale))
    for i in range(rows.dim):
        step = np.rint((query[i] - centre * mean[i]) * scale)
        steps[i] = np.int8(min(max(step, -CODE_LIMIT), CODE_LIMIT))
    for i in range(rows.dim, items):
        steps[i] = 0
    return scale


@inner
def four_distances(metric, codes, base, a, b, c, d, walk, out):
    """Store what the codes of four rows, which may repeat, say of their distance: a dot product, or bits."""
    size, lines = np.uint64(codes.row_bytes), codes.row_bytes // LINE
    a, b, c, d = base + a * size, base + b * size, base + c * size, base + d * size
    if metric == HAMMING:
        four_hammings(a, b, c, d, walk.query_codes, lines, out)
    elif codes.form == 4:
        four_nibble_dots(a, b, c, d, walk.query_codes, lines, out)
    else:
        four_dots(a, b, c, d, walk.query_codes, lines, out)


@inner
def key_of_row(distance, row):
    return distance << np.uint64(32) | np.uint64(row) << np.uint64(1)


@inner
def keys_of(metric, codes, n, listed, raw, first, count, scale, keys):
    """Turn what ``four_distances`` stored for ``listed[first:first + count]`` into pool keys."""
    if metric == HAMMING:
        for i in range(count):
            keys[i] = key_of_row(np.uint64(raw[i]), listed[first + i])
    elif metric == L2:
        # |x|^2 / 2 - x.q orders rows as their distance from q does.
        biases = view_f32(codes.bias, n)
        for i in range(count):
            bias = np.rint(min(biases[listed[first + i]] * scale, np.float32(_OFFSET)))
            near = np.int64(_OFFSET) - np.int64(np.int32(raw[i])) + np.int64(bias)
            keys[i] = key_of_row(np.uint64(near), listed[first + i])
    else:
        for i in range(count):
            near = np.int64(_OFFSET) - np.int64(np.int32(raw[i]))
            keys[i] = key_of_row(np.uint64(near), listed[first + i])
