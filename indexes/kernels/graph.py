"""A graph over codes as kernels see it, and distances between a query's codes and those of rows."""

from __future__ import annotations

import numpy as np

from .code_distances import four_dots, four_hammings, four_nibble_dots
from .kernel import inner
from .memory import LINE, record_at, view_f32, view_i8, view_u8
from .rows import HAMMING, L2

GRAPH = np.dtype(
    [
        ("rows", np.uint64),  # address of a rows.ROWS record
        ("codes", np.uint64),  # address: n rows of code_bytes
        ("code_bytes", np.int64),
        ("code_bits", np.int64),  # 1: packed bits, 4 or 8
        ("bias", np.uint64),  # address of (n,) float32; read for l2 only
        ("mean", np.uint64),  # address of (dim,) float32; read for l2 only
        ("scale", np.float64),
        ("links", np.uint64),  # address: n rows of degree uint32, unused ones 2**32 - 1
        ("degree", np.int64),
        ("entries", np.uint64),  # address of (n_entries,) uint32
        ("entry_codes", np.uint64),  # address: the codes of the entries, one behind the other
        ("n_entries", np.int64),
    ]
)
WALK = np.dtype(
    [
        ("visited", np.uint64),  # address: n + 1 bytes, the epoch that visited each row
        ("epoch", np.uint64),  # address of an int64
        ("padded", np.uint64),  # address: the query as the exact scores read it
        ("query_codes", np.uint64),
        ("fresh", np.uint64),  # address: uint32 rows whose distances come next
        ("distances", np.uint64),
        ("keys", np.uint64),
        ("pool", np.uint64),  # address of uint64; a block of zeros stands before it
        ("listed", np.uint64),  # address: uint32 rows whose exact scores come next
        ("heap", np.uint64),
        ("out", np.uint64),
        ("stats", np.uint64),  # address of (STATS,) int64: hops, distances, rescored, fallbacks
    ]
)
STATS = 4
CODE_LIMIT = np.float32(127.0)
# Above any dot product of codes, so that distances are positive.
_OFFSET = 1 << 30
# A query close to the mean needs no finer steps than this many to a row's, and the bias must fit 31 bits.
_FINEST = np.float32(4.0)
view_graph = record_at(GRAPH)
view_walk = record_at(WALK)


@inner
def encode_query(graph, rows, walk):
    """Write the query's codes; return how many of their steps make a unit."""
    if rows.metric == HAMMING:
        bits, target = view_u8(walk.padded, graph.code_bytes), view_u8(walk.query_codes, graph.code_bytes)
        for i in range(graph.code_bytes):
            target[i] = bits[i]
        return np.float32(0.0)
    items = graph.code_bytes * 8 // graph.code_bits
    query, codes = view_f32(walk.padded, rows.dim), view_i8(walk.query_codes, items)
    mean = view_f32(graph.mean, rows.dim)
    centre = np.float32(1.0) if rows.metric == L2 else np.float32(0.0)
    largest = np.float32(0.0)
    for i in range(rows.dim):
        largest = max(largest, abs(query[i] - centre * mean[i]))
    scale = CODE_LIMIT / largest if largest > 0 else np.float32(0.0)
    if rows.metric == L2:
        scale = min(scale, _FINEST * np.float32(graph.scale))
    for i in range(rows.dim):
        step = np.rint((query[i] - centre * mean[i]) * scale)
        codes[i] = np.int8(min(max(step, -CODE_LIMIT), CODE_LIMIT))
    for i in range(rows.dim, items):
        codes[i] = 0
    return scale


@inner
def four_distances(metric, graph, base, a, b, c, d, walk, out):
    """Store what the codes of four rows, which may repeat, say of their distance: a dot product, or bits."""
    size, lines = np.uint64(graph.code_bytes), graph.code_bytes // LINE
    a, b, c, d = base + a * size, base + b * size, base + c * size, base + d * size
    if metric == HAMMING:
        four_hammings(a, b, c, d, walk.query_codes, lines, out)
    elif graph.code_bits == 4:
        four_nibble_dots(a, b, c, d, walk.query_codes, lines, out)
    else:
        four_dots(a, b, c, d, walk.query_codes, lines, out)


@inner
def key_of_row(distance, row):
    return distance << np.uint64(32) | np.uint64(row) << np.uint64(1)


@inner
def keys_of(metric, graph, n, listed, raw, first, count, scale, keys):
    """Turn what ``four_distances`` stored for ``listed[first:first + count]`` into pool keys."""
    if metric == HAMMING:
        for i in range(count):
            keys[i] = key_of_row(np.uint64(raw[i]), listed[first + i])
    elif metric == L2:
        # |x|^2 / 2 - x.q orders rows as their distance from q does.
        biases = view_f32(graph.bias, n)
        for i in range(count):
            bias = np.rint(min(biases[listed[first + i]] * scale, np.float32(_OFFSET)))
            near = np.int64(_OFFSET) - np.int64(np.int32(raw[i])) + np.int64(bias)
            keys[i] = key_of_row(np.uint64(near), listed[first + i])
    else:
        for i in range(count):
            near = np.int64(_OFFSET) - np.int64(np.int32(raw[i]))
            keys[i] = key_of_row(np.uint64(near), listed[first + i])
