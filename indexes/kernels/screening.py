"""Which rows need an exact score: by integer products of bytes, with a bound of what those may be wrong.

The exact score of a row of bytes is a sum of float32 products, which takes longer than to read the row. Here
a query is rounded to 16-bit steps; the whole products of the steps and a row miss the exact score by no more
than

    128 * sum |q - step * code|  +  128 * (turns + 16) * 2**-23 * sum |q|,

the rounding of the query and that of the float sum. Rows that even so are beyond the worst one kept are left
out, the others get their exact score, so that the answer is what scoring every row exactly would give.

Rows of floats are screened where they have codes besides, bytes and a scale for each. By Cauchy and Schwarz
what a code leaves of its row adds no more to a product than its own length times that of the query.
"""

from __future__ import annotations

import numpy as np

from .float_scores import INT8_DOT, INT8_SQUARE
from .kernel import inner
from .memory import LINE, record_at, view_f32, view_f64, view_i16, view_i32, view_u32
from .rows import L2
from .strips import STRIP, WIDE_DOT, WIDE_SQUARE, choose_near, finish_strip, score_strip
from .top import score_of

CODED = np.dtype(
    [
        ("codes", np.uint64),  # address of (n, row_bytes) int8
        ("scales", np.uint64),  # address of (n,) float32; a row is about its scale times its code
        ("misses", np.uint64),  # address of (n,) float32: what is left of a row is no longer
        ("squares", np.uint64),  # address of (n,) float32: squared lengths or less; for l2 only
        ("n", np.int64),  # how many of the first rows have codes, 0 where none has
        ("row_bytes", np.int64),  # of a code, whole cache lines
    ]
)
view_coded = record_at(CODED)

# Of a query: the step, what a score may be wrong, |q|^2, and what a square may be too large by.
TERMS = 4
_LARGEST = 128.0
_ROUNDING = 2.0**-23
# Sums of products fit 32 bits.
_MOST = 2.0**31 - 1
_MOST_STEPS = 32767.0
# What the products of numbers too small for float32 may lose.
_TINY = 1e-37
# Beyond this float sums may overflow, and nothing is left out.
_HUGE = 1e37


@inner
def are_bytes(rows):
    return rows.kind == INT8_DOT or rows.kind == INT8_SQUARE


@inner
def is_screened(rows, coded, listed, stop):
    """Return whether all rows before ``stop`` are bytes or have codes, or all that a list may name."""
    return are_bytes(rows) or (coded.n > 0 and coded.n >= (rows.n if listed else stop))


@inner
def query_room(padded_bytes):
    """Return the bytes of a query that is screened by: as it is padded, its terms, its codes."""
    return padded_bytes + TERMS * 8 + (padded_bytes // 4 + LINE - 1) // LINE * LINE * 2


@inner
def prepare_screen(rows, padded):
    """Write a padded query's terms and codes behind it."""
    items, behind = rows.padded_bytes // 4, padded + np.uint64(rows.padded_bytes)
    query, terms = view_f32(padded, items), view_f64(behind, TERMS)
    steps = view_i16(behind + np.uint64(TERMS * 8), items)
    largest = 0.0
    for i in range(items):
        largest = max(largest, abs(np.float64(query[i])))
    step = largest / min(_MOST_STEPS, np.floor(_MOST / (_LARGEST * items)))
    inverse = 1.0 / step if step > 0.0 else 0.0
    lost, total, square = 0.0, 0.0, 0.0
    for i in range(items):
        x = np.float64(query[i])
        code = np.rint(x * inverse)
        steps[i] = np.int16(code)
        lost += abs(x - code * step)
        total += abs(x)
        square += x * x
    rounding = _ROUNDING * (rows.chunks + 16)
    terms[0] = step
    if not are_bytes(rows):
        # What sums of float32 may be wrong is part of what codes miss.
        terms[1], terms[2], terms[3] = _LARGEST * lost + items * _TINY, square, 1.0 - rounding
    elif rows.metric == L2:
        terms[1] = 2.0 * _LARGEST * lost + items * _TINY + 1e-9 * (square + items * _LARGEST * _LARGEST)
        terms[2], terms[3] = square, 1.0 - rounding
    else:
        terms[1] = _LARGEST * (lost + rounding * total) + items * _TINY
    if not _LARGEST * total < _HUGE or not square < _HUGE:
        terms[1] = np.inf


@inner
def _bounds_of(rows, count, terms_address, raw, out):
    """Turn the products of a strip into raw scores that are no farther than the exact ones."""
    products, squares = view_i32(raw, 2 * STRIP), view_i32(raw + np.uint64(4 * STRIP), STRIP)
    bounds, terms = view_f32(out, count), view_f64(terms_address, TERMS)
    step, wrong = terms[0], terms[1]
    if rows.metric == L2:
        for i in range(count):
            near = np.float64(squares[i]) - 2.0 * step * np.float64(products[i]) + terms[2] - wrong
            bounds[i] = np.float32(max(near * terms[3], 0.0))
    else:
        for i in range(count):
            bounds[i] = np.float32(step * np.float64(products[i]) + wrong)


@inner
def _gather(listed, first, count, numbers, n, out):
    """Return where numbers of the rows of a strip stand one after another."""
    if not listed:
        return numbers + np.uint64(4 * first)
    source, target, places = view_f32(numbers, n), view_f32(out, count), view_u32(listed, first + count)
    for i in range(count):
        target[i] = source[places[first + i]]
    return out


@inner
def _coded_bounds(rows, coded, listed, first, count, terms_address, raw, out):
    """Turn the products of a strip of codes into raw scores that are no farther than the exact ones."""
    products, bounds, terms = view_i32(raw, count), view_f32(out, count), view_f64(terms_address, TERMS)
    behind = raw + np.uint64(4 * STRIP)
    scales = view_f32(_gather(listed, first, count, coded.scales, coded.n, behind), count)
    step, wrong, square, shrunk = terms[0], terms[1], terms[2], terms[3]
    length = np.sqrt(square)
    for i in range(count):
        bounds[i] = np.float32(scales[i] * (step * np.float64(products[i]) + wrong))
    misses = view_f32(_gather(listed, first, count, coded.misses, coded.n, behind), count)
    for i in range(count):
        bounds[i] = np.float32(bounds[i] + misses[i] * length)
    if rows.metric == L2:
        squares = view_f32(_gather(listed, first, count, coded.squares, coded.n, behind), count)
        for i in range(count):
            bounds[i] = np.float32(max((squares[i] - 2.0 * bounds[i] + square) * shrunk, 0.0))


@inner
def screen_strip(
    rows, coded, listed, first, count, stop, padded, inv_norm, ahead, higher_is_nearer, heap, raw, chosen, out
):
    """List the rows of a strip that may be nearer than the last of a full heap; return how many there are."""
    terms = padded + np.uint64(rows.padded_bytes)
    steps = terms + np.uint64(TERMS * 8)
    if are_bytes(rows):
        kind, lines = WIDE_SQUARE if rows.metric == L2 else WIDE_DOT, rows.row_bytes // LINE
        size = np.uint64(rows.row_bytes)
        score_strip(kind, rows.rows, size, listed, first, count, stop, steps, lines, ahead, raw)
        _bounds_of(rows, count, terms, raw, out)
    else:
        size, lines = np.uint64(coded.row_bytes), coded.row_bytes // LINE
        score_strip(WIDE_DOT, coded.codes, size, listed, first, count, stop, steps, lines, ahead, raw)
        _coded_bounds(rows, coded, listed, first, count, terms, raw, out)
    finish_strip(rows, listed, first, count, inv_norm, out)
    bound = score_of(heap[0], higher_is_nearer)
    return choose_near(listed, first, count, higher_is_nearer, bound, chosen, out)
