"""Codes of rows as kernels see them, and how near they say that rows are to a query."""

from __future__ import annotations

import numpy as np

from .code_distances import four_dots, four_hammings, four_nibble_dots
from .float_scores import FLOAT8_UNIT, LANES, bfloat16_dots, float8_dots, float16_dots
from .kernel import inner
from .memory import LINE, record_at, view_f32, view_i8, view_i32, view_u8, view_u64
from .plane_distances import four_plane_products
from .product import fill_tables, four_sums, pair_tables
from .rabitq import (
    encode_rotated_query,
    finite_weight,
    four_rabitq_products,
    mean_product,
    sign_tables,
)
from .top import ascending

# What codes are made of. The products of those below FIRST_FLOAT are whole numbers.
BITS, PLANES, SCALAR4, SCALAR8 = 1, 2, 4, 8
FIRST_FLOAT = 16
PRODUCT8, PRODUCT4, FLOAT16, BFLOAT16, FLOAT8 = 16, 17, 18, 19, 20
# And as many as they have bits a dimension.
RABITQ = 32

CODES = np.dtype(
    [
        ("codes", np.uint64),  # address: n rows of row_bytes
        ("row_bytes", np.int64),
        ("lines", np.int64),  # cache lines that a row may touch
        ("form", np.int64),
        ("bias", np.uint64),  # address of (n,) float32, 0 for none
        ("factors", np.uint64),  # address of (n,) float32, 0 where each is one
        ("dim", np.int64),
        ("given_bytes", np.int64),  # of a query as it comes
        ("mean", np.uint64),  # address of (dim,) float32; read if centred or weighed
        ("centred", np.int64),  # whether queries are taken beside the mean
        ("scale", np.float64),  # of codes in steps: steps a unit
        ("bias_unit", np.float64),  # what a bias is to be multiplied with
        (
            "mean_weight",
            np.float64,
        ),  # and where it is not 0 with so much of the query's product with the mean
        ("parts", np.int64),  # of a product quantizer
        ("starts", np.uint64),  # address of (parts + 1,) int64: where they begin
        ("centroids", np.uint64),  # address of (dim + parts, codes) float32, what sums begin with at the end
        ("planes", np.int64),  # of bits, of a row
        ("query_planes", np.int64),
    ]
)
CODE_LIMIT = np.float32(127.0)
# Above any dot product of codes, so that distances are positive.
KEY_OFFSET = 1 << 30
# A query close to the mean needs no finer steps than this many to a row's, and the bias must fit 31 bits.
_FINEST = np.float32(4.0)
view_codes = record_at(CODES)


@inner
def encode_query(codes, query, target):
    """Write at ``target`` what products are made of; return ``(steps, unit, shift, weight)`` of this query.

    A product of codes times ``unit`` plus ``shift`` is that of a decoded row and the query; a bias is
    multiplied with ``weight``. ``steps`` are those that the query's own codes make of a unit, for codes whose
    products are whole numbers.
    """
    steps, unit, shift = _encode_given(codes, query, target)
    return steps, unit, shift, bias_weight(codes, query, codes.bias_unit)


@inner
def bias_weight(codes, query, usual):
    """Return what biases are multiplied with beside this query: ``usual``, unless they are of the mean."""
    if codes.mean_weight > 0:
        return finite_weight(mean_product(codes, query) * codes.mean_weight)
    return np.float32(usual)


@inner
def _encode_given(codes, query, target):
    if codes.form == BITS:
        given, bits = view_u8(query, codes.given_bytes), view_u8(target, codes.row_bytes)
        for i in range(codes.given_bytes):
            bits[i] = given[i]
        for i in range(codes.given_bytes, codes.row_bytes):
            bits[i] = 0
        return np.float32(1.0), np.float32(1.0), np.float32(0.0)
    if codes.form > RABITQ:
        unit = encode_rotated_query(query, codes.dim, codes.form - RABITQ, target)
        return np.float32(1.0), unit, np.float32(0.0)
    if codes.form == PRODUCT8:
        fill_tables(codes, query, target, 256)
        return np.float32(1.0), np.float32(1.0), np.float32(0.0)
    if codes.form == PRODUCT4:
        tables = target + np.uint64(codes.row_bytes * 1024)
        fill_tables(codes, query, tables, 16)
        pair_tables(tables, codes.parts, target)
        return np.float32(1.0), np.float32(1.0), np.float32(0.0)
    if FLOAT16 <= codes.form <= FLOAT8:
        _copy_floats(codes, query, target)
        size = np.float32(FLOAT8_UNIT) if codes.form == FLOAT8 else np.float32(1.0)
        return np.float32(1.0), np.float32(1.0 / (codes.scale * size)), np.float32(0.0)
    if codes.form == PLANES:
        step = _encode_planes(codes, query, target)
        largest = ((1 << codes.planes) - 1) * ((1 << codes.query_planes) - 1)
        most = np.float32(0.25 * codes.dim * largest)
        return np.float32(1.0), np.float32(0.5) * step, most * step
    items = codes.row_bytes * 8 // codes.form
    steps = _encode_steps(codes, query, target, items)
    unit = np.float32(1.0) / (steps * np.float32(codes.scale)) if steps > 0 else np.float32(0.0)
    given, total = view_i8(target, items), np.int64(0)
    for i in range(items):
        total += given[i]
    # Rows are coded without signs: every step of theirs as so much more than it is.
    shift = np.float32(-total * (7.5 if codes.form == SCALAR4 else 128.0)) * unit
    return steps, unit, shift


@inner
def _encode_planes(codes, query, target):
    """Write the steps of a query as planes of bits; return how long a step is."""
    dim, planes, words = codes.dim, codes.query_planes, (codes.dim + 63) // 64
    given, mean = view_f32(query, dim), view_f32(codes.mean, dim)
    bits = view_u64(target, planes * words)
    centre = np.float32(1.0) if codes.centred else np.float32(0.0)
    largest, squares = np.float32(0.0), np.float32(0.0)
    for i in range(dim):
        largest = max(largest, abs(given[i] - centre * mean[i]))
    inverse = np.float32(1.0) / largest if largest > 0 else np.float32(0.0)
    for i in range(dim):
        share = (given[i] - centre * mean[i]) * inverse
        squares += share * share
    # As far as rows of so many planes reach, as a share of the largest coordinate.
    spread = np.sqrt(squares / np.float32(dim)) * np.float32(1.2 + 0.4 * planes)
    reach, half = min(spread, np.float32(1.0)), np.float32(1 << (planes - 1))
    scale = half / reach if reach > 0 else np.float32(0.0)
    for i in range(planes * words):
        bits[i] = 0
    for i in range(dim):
        step = np.floor((given[i] - centre * mean[i]) * inverse * scale)
        level = np.uint64(min(max(step, -half), half - np.float32(1.0)) + half)
        word, place = i >> 6, np.uint64(i & 63)
        for plane in range(planes):
            bits[plane * words + word] |= (level >> np.uint64(plane) & np.uint64(1)) << place
    return largest * reach / half


@inner
def _copy_floats(codes, query, target):
    """Copy the numbers of a query, and zeros behind them up to those of a row."""
    items = _chunks(codes) * LANES
    given, floats = view_f32(query, codes.dim), view_f32(target, items)
    for i in range(codes.dim):
        floats[i] = given[i]
    for i in range(codes.dim, items):
        floats[i] = 0.0


@inner
def _chunks(codes):
    return (codes.dim + LANES - 1) // LANES


@inner
def _encode_steps(codes, query, target, items):
    """Round a query to signed bytes; return how many steps make a unit."""
    given, steps = view_f32(query, codes.dim), view_i8(target, items)
    mean = view_f32(codes.mean, codes.dim)
    centre = np.float32(1.0) if codes.centred else np.float32(0.0)
    largest = np.float32(0.0)
    for i in range(codes.dim):
        largest = max(largest, abs(given[i] - centre * mean[i]))
    scale = CODE_LIMIT / largest if largest > 0 else np.float32(0.0)
    # Beside factors the bias is added as it is.
    if codes.centred and not codes.factors:
        scale = min(scale, _FINEST * np.float32(codes.scale))
    for i in range(codes.dim):
        step = np.rint((given[i] - centre * mean[i]) * scale)
        steps[i] = np.int8(min(max(step, -CODE_LIMIT), CODE_LIMIT))
    for i in range(codes.dim, items):
        steps[i] = 0
    return scale


@inner
def four_products(codes, base, a, b, c, d, query, out):
    """Store the products of a query and the codes of four rows, which may repeat; of bits, how many differ.

    They are four int32 below ``FIRST_FLOAT``, else four float32.
    """
    size, lines = np.uint64(codes.row_bytes), codes.row_bytes // LINE
    a, b, c, d = base + a * size, base + b * size, base + c * size, base + d * size
    if codes.form == BITS:
        four_hammings(a, b, c, d, query, lines, out)
    elif codes.form == SCALAR4:
        four_nibble_dots(a, b, c, d, query, lines, out)
    elif codes.form > RABITQ:
        four_rabitq_products(codes.dim, codes.form - RABITQ, a, b, c, d, query, out)
    elif codes.form == PRODUCT8 or codes.form == PRODUCT4:
        four_sums(a, b, c, d, codes.row_bytes, query, out)
    elif codes.form == SCALAR8:
        four_dots(a, b, c, d, query, lines, out)
    elif codes.form == PLANES:
        words = np.uint64(codes.dim + 63) >> np.uint64(6)
        planes, query_planes = np.uint64(codes.planes), np.uint64(codes.query_planes)
        four_plane_products(a, b, c, d, query, words, planes, query_planes, out)
    elif codes.form == FLOAT16:
        float16_dots(a, b, c, d, query, _chunks(codes), out)
    elif codes.form == BFLOAT16:
        bfloat16_dots(a, b, c, d, query, _chunks(codes), out)
    else:
        float8_dots(a, b, c, d, query, _chunks(codes), out)


@inner
def nearness(codes, raw, row, unit, shift, weight):
    """Return how near a row is by its product, the smaller the nearer."""
    value = raw * unit + shift
    if codes.factors:
        value *= view_f32(codes.factors, np.int64(row) + 1)[row]
    value = -value
    if codes.bias:
        value += view_f32(codes.bias, np.int64(row) + 1)[row] * weight
    return np.float32(value)


@inner
def four_nearnesses(codes, base, a, b, c, d, query, unit, shift, weight, out):
    """Store how near four rows are to a query, as float32, smaller ones nearer; of bits, how many differ."""
    four_products(codes, base, a, b, c, d, query, out)
    near, whole = view_f32(out, 4), view_i32(out, 4)
    for i in range(4):
        row = a if i == 0 else b if i == 1 else c if i == 2 else d
        raw = np.float32(whole[i]) if codes.form < FIRST_FLOAT else near[i]
        near[i] = raw if codes.form == BITS else nearness(codes, raw, row, unit, shift, weight)


@inner
def key_of_row(distance, row):
    return distance << np.uint64(32) | np.uint64(row) << np.uint64(1)


@inner
def keys_of(codes, n, listed, products, first, count, steps, unit, shift, weight, keys):
    """Turn what ``four_products`` stored for ``listed[first:first + count]`` into pool keys."""
    whole = view_i32(products, count)
    if codes.form == BITS:
        for i in range(count):
            keys[i] = key_of_row(np.uint64(whole[i]), listed[first + i])
    elif codes.form >= FIRST_FLOAT or codes.factors:
        raw = view_f32(products, count)
        for i in range(count):
            row = listed[first + i]
            value = raw[i] if codes.form >= FIRST_FLOAT else np.float32(whole[i])
            near = nearness(codes, value, row, unit, shift, weight)
            keys[i] = key_of_row(np.uint64(ascending(near)), row)
    elif codes.bias:
        biases = view_f32(codes.bias, n)
        for i in range(count):
            bias = np.rint(min(biases[listed[first + i]] * steps, np.float32(KEY_OFFSET)))
            near = np.int64(KEY_OFFSET) - np.int64(whole[i]) + np.int64(bias)
            keys[i] = key_of_row(np.uint64(near), listed[first + i])
    else:
        for i in range(count):
            near = np.int64(KEY_OFFSET) - np.int64(whole[i])
            keys[i] = key_of_row(np.uint64(near), listed[first + i])


@inner
def nibble_tables(codes, query, tables):
    """Write what each nibble of a row adds to its product, ``(groups, 16)`` float32."""
    if codes.form == PRODUCT4:
        fill_tables(codes, query, tables, 16)
    else:
        sign_tables(codes, query, tables)
