"""Scores of a strip of rows, and which of them are near enough to be kept."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .code_distances import streamed_bits
from .float_scores import (
    BITS,
    FLOAT16_DOT,
    FLOAT16_SQUARE,
    FLOAT32_DOT,
    FLOAT32_SQUARE,
    INT8_DOT,
    streamed_float16_dots,
    streamed_float16_squares,
    streamed_float32_dots,
    streamed_float32_squares,
    streamed_int8_dots,
    streamed_int8_squares,
)
from .kernel import inner
from .memory import LINE, prefetch_lines, view_f32, view_u32
from .rows import COSINE, L2
from .top import key_of, replace_largest, score_of
from .vectors import I32, load, repeated, vector
from .wide_dots import streamed_wide_dots, streamed_wide_squares

# Rows of a strip at most, and bytes of their scores.
STRIP = 64
STRIP_BYTES = STRIP * 4
# What is scored besides what ``float_scores`` knows: rows of bytes and a query of 16-bit steps.
WIDE_DOT, WIDE_SQUARE = BITS + 1, BITS + 2
COMPARED = 16
_MOST_LINES_AHEAD = 64


@intrinsic
def not_farther(typingctx: Any, address: Any, bound: Any, higher_is_nearer: Any) -> Any:
    """Return a bit for each of sixteen scores, first one lowest: not farther than ``bound``, or a NaN."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind, mask = vector(ir.FloatType(), COMPARED), ir.IntType(COMPARED)
        scores, bounds = load(builder, kind, args[0]), repeated(builder, kind, args[1])
        higher, lower = (builder.fcmp_unordered(order, scores, bounds) for order in (">=", "<="))
        is_higher = builder.trunc(args[2], ir.IntType(1))
        chosen = builder.select(is_higher, builder.bitcast(higher, mask), builder.bitcast(lower, mask))
        return builder.zext(chosen, I32)

    return types.uint32(types.uint64, types.float32, types.boolean), emit


@inner
def prefetch_row(base, size, row):
    lines = min(np.int64(size) // LINE, _MOST_LINES_AHEAD)
    prefetch_lines(base + np.uint64(row) * size, lines)


def _scored_by(name: str, four: Any) -> Any:
    """Return a function that scores a strip of rows, four at a time."""

    def score(base, size, listed, first, count, stop, query, turns, ahead, out):
        places, last = view_u32(listed, stop), np.uint64(first + count - 1)
        for i in range(0, count, 4):
            a = np.uint64(first + i)
            b, c, d = min(a + np.uint64(1), last), min(a + np.uint64(2), last), min(a + np.uint64(3), last)
            later = base + (a + np.uint64(ahead)) * size
            if listed:
                if ahead:
                    for place in range(first + i + ahead, min(first + i + ahead + 4, stop)):
                        prefetch_row(base, size, places[place])
                a, b = np.uint64(places[a]), np.uint64(places[b])
                c, d = np.uint64(places[c]), np.uint64(places[d])
                later = base + a * size
            at = out + np.uint64(4 * i)
            four(base + a * size, base + b * size, base + c * size, base + d * size, query, turns, at, later)

    # Compiled functions of kernels that are kept are told apart by their names alone.
    score.__qualname__ = f"score_{name}"
    return inner(score)


_score_bits = _scored_by("bits", streamed_bits)
_score_float16_dots = _scored_by("float16_dots", streamed_float16_dots)
_score_float16_squares = _scored_by("float16_squares", streamed_float16_squares)
_score_float32_dots = _scored_by("float32_dots", streamed_float32_dots)
_score_float32_squares = _scored_by("float32_squares", streamed_float32_squares)
_score_int8_dots = _scored_by("int8_dots", streamed_int8_dots)
_score_int8_squares = _scored_by("int8_squares", streamed_int8_squares)
_score_wide_dots = _scored_by("wide_dots", streamed_wide_dots)
_score_wide_squares = _scored_by("wide_squares", streamed_wide_squares)


@inner
def score_strip(kind, base, size, listed, first, count, stop, query, turns, ahead, out):
    """Store the raw scores of rows ``first`` to ``first + count``, or of these of the entries of ``listed``.

    Rows ``ahead`` places behind each, and before ``stop`` of those listed, are sent for meanwhile.
    """
    if kind == BITS:
        _score_bits(base, size, listed, first, count, stop, query, turns, ahead, out)
    elif kind == WIDE_DOT:
        _score_wide_dots(base, size, listed, first, count, stop, query, turns, ahead, out)
    elif kind == WIDE_SQUARE:
        _score_wide_squares(base, size, listed, first, count, stop, query, turns, ahead, out)
    elif kind == FLOAT32_DOT:
        _score_float32_dots(base, size, listed, first, count, stop, query, turns, ahead, out)
    elif kind == FLOAT32_SQUARE:
        _score_float32_squares(base, size, listed, first, count, stop, query, turns, ahead, out)
    elif kind == FLOAT16_DOT:
        _score_float16_dots(base, size, listed, first, count, stop, query, turns, ahead, out)
    elif kind == FLOAT16_SQUARE:
        _score_float16_squares(base, size, listed, first, count, stop, query, turns, ahead, out)
    elif kind == INT8_DOT:
        _score_int8_dots(base, size, listed, first, count, stop, query, turns, ahead, out)
    else:
        _score_int8_squares(base, size, listed, first, count, stop, query, turns, ahead, out)


@inner
def finish_strip(rows, listed, first, count, inv_norm, out):
    """Turn the raw scores of a strip into those of the metric."""
    scores, places = view_f32(out, count), view_u32(listed, first + count)
    if rows.metric == COSINE:
        norms = view_f32(rows.inv_norms, rows.n)
        if listed:
            for i in range(count):
                scores[i] = scores[i] * norms[places[first + i]] * inv_norm
        else:
            for i in range(count):
                scores[i] = scores[i] * norms[first + i] * inv_norm
    elif rows.metric == L2:
        for i in range(count):
            scores[i] = math.sqrt(scores[i])


@inner
def choose_near(listed, first, count, higher_is_nearer, bound, chosen, out):
    """List the rows of a strip whose scores are not farther than ``bound``; return how many there are."""
    places, kept, size = view_u32(listed, first + count), view_u32(chosen, STRIP), 0
    for start in range(0, count, COMPARED):
        mask = not_farther(out + np.uint64(4 * start), bound, higher_is_nearer)
        if mask:
            for i in range(start, min(start + COMPARED, count)):
                if mask >> np.uint32(i - start) & np.uint32(1):
                    kept[size] = places[first + i] if listed else np.uint32(first + i)
                    size += 1
    return size


@inner
def offer_strip(listed, first, count, higher_is_nearer, heap, k, out):
    """Offer the rows of a strip, whose scores are stored, to a heap."""
    scores, places = view_f32(out, count), view_u32(listed, first + count)
    bound = score_of(heap[0], higher_is_nearer)
    for start in range(0, count, COMPARED):
        if not_farther(out + np.uint64(4 * start), bound, higher_is_nearer):
            for i in range(start, min(start + COMPARED, count)):
                row = np.uint64(places[first + i]) if listed else np.uint64(first + i)
                key = key_of(scores[i], row, higher_is_nearer)
                if key < heap[0]:
                    replace_largest(heap, k, key)
