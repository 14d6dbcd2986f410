"""How far from a query the rows of a pool are, beside each other: distances out of what codes say.

Keys hold numbers in an order, of which the one that stands for the query itself is to be found: codes leave
out what all rows have in common. Of codes in steps it is known what that is. With others it is found from the
nearest rows, whose distances are computed from the stored vectors.
"""

from __future__ import annotations

import math

import numpy as np

from .codes import BITS, FIRST_FLOAT, KEY_OFFSET, SCALAR4, SCALAR8
from .kernel import inner
from .memory import view_f32, view_u32
from .pool import row_of
from .rabitq import mean_product
from .rows import COSINE, DOT, L2
from .strips import finish_strip, score_strip
from .top import ascending, score_of

_FIRST = np.int64(0)
_FOUR = np.int64(4)
_LOW = np.uint64(0xFFFFFFFF)
_HALF_WORD = np.uint64(32)


@inner
def is_float_key(codes):
    return codes.form >= FIRST_FLOAT or (codes.factors != 0 and codes.form != BITS)


@inner
def number_of(codes, key):
    """Return how far a key says that its row is, from where it is not known, in the steps of this query."""
    if is_float_key(codes):
        return np.float64(score_of(key, False))
    return np.float64(key >> _HALF_WORD) - KEY_OFFSET


@inner
def key_at(codes, number):
    """Return the last key that says no more than a number."""
    if is_float_key(codes):
        return np.uint64(ascending(np.float32(number))) << _HALF_WORD | _LOW
    return np.uint64(min(max(number + KEY_OFFSET, 0.0), 4294967294.0)) << _HALF_WORD | _LOW


@inner
def vector_length(vector, dim):
    given, total = view_f32(vector, dim), 0.0
    for i in range(dim):
        total += np.float64(given[i]) * given[i]
    return math.sqrt(total)


@inner
def beside_mean(codes, query):
    """Return the square of how far a query is from the mean of the rows."""
    given, mean, total = view_f32(query, codes.dim), view_f32(codes.mean, codes.dim), 0.0
    for i in range(codes.dim):
        total += (np.float64(given[i]) - mean[i]) ** 2
    return total


@inner
def number_of_query(graph, codes, rows, walk, scale, inv_norm, query, pool, size):
    """Return what number a row would have that is as near as any can be; not a number where none is known.

    That is the query itself, and under the dot product the longest row in its direction.
    """
    if codes.form == BITS:
        return -np.float64(KEY_OFFSET)
    # Keys that are whole numbers have the shift of the products left out.
    unit, shift = (1.0, 0.0) if is_float_key(codes) else (np.float64(scale[1]), np.float64(scale[2]))
    if not unit > 0:
        return np.nan
    if codes.form == SCALAR4 or codes.form == SCALAR8:
        if rows.metric == L2:
            return (shift - beside_mean(codes, query) / 2.0) / unit
        longest = graph.longest if rows.metric == DOT else 1.0
        return (shift + mean_product(codes, query) - longest * vector_length(walk.padded, rows.dim)) / unit
    if size < _FOUR or not rows.rows:
        return np.nan
    listed, scores = view_u32(walk.fresh, _FOUR), view_f32(walk.out, _FOUR)
    for i in range(_FOUR):
        listed[i] = row_of(pool[i])
    size_bytes = np.uint64(rows.row_bytes)
    score_strip(
        rows.kind,
        rows.rows,
        size_bytes,
        walk.fresh,
        _FIRST,
        _FOUR,
        _FOUR,
        walk.padded,
        rows.chunks,
        _FIRST,
        walk.out,
    )
    finish_strip(rows, walk.fresh, _FIRST, _FOUR, inv_norm, walk.out)
    total = 0.0
    for i in range(_FOUR):
        score = np.float64(scores[i])
        if rows.metric == COSINE:
            away = (1.0 - score) / inv_norm if inv_norm > 0 else np.nan
        elif rows.metric == L2:
            away = score * score / 2.0
        else:
            away = graph.longest * vector_length(walk.padded, rows.dim) - score
        total += number_of(codes, pool[i]) - away / unit
    return total / 4.0
