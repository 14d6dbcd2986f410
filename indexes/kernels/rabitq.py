"""Codes of RaBitQ as kernels compare them with queries, by whole numbers or by tables.

A row is planes of 8, 4, 2 and 1 bits of each dimension's code, those that add up to its bits, the upper
bits first. For 64 dimensions a plane of ``w`` bits has ``8 * w`` bytes: byte ``j`` holds dimension ``8 * w
* t + j`` from bit ``w * t`` on, so that a shift and a mask unpack many at once, in their order.
"""

from __future__ import annotations

import numpy as np

from .code_distances import four_dots
from .kernel import inner
from .memory import LINE, view_f32, view_i8, view_i32
from .plane_dots import four_bit_dots, four_crumb_dots, four_nibble_plane_dots

UNIT = 64
"""Dimensions whose codes are packed together."""

_LIMIT = np.float32(127.0)
_LARGEST = 3e38
# Of a query that is no longer than this the reciprocal is infinite.
_LEAST = np.float32(1e-36)


@inner
def encode_rotated_query(query, dim, bits, target):
    """Round a query to signed bytes, a line behind ``target``, where what centres products goes.

    Returned is what makes a product of numbers out of one of ``four_rabitq_products``.
    """
    items = (dim + UNIT - 1) // UNIT * UNIT
    given, steps = view_f32(query, dim), view_i8(target + np.uint64(LINE), items)
    largest = np.float32(0.0)
    for i in range(dim):
        largest = max(largest, abs(given[i]))
    scale = _LIMIT / largest if largest > _LEAST else np.float32(0.0)
    total = np.int32(0)
    for i in range(dim):
        step = np.int32(np.rint(min(max(given[i] * scale, -_LIMIT), _LIMIT)))
        steps[i] = np.int8(step)
        total += step
    for i in range(dim, items):
        steps[i] = 0
    view_i32(target, 1)[0] = total * np.int32((1 << bits) - 1)
    return np.float32(0.5) / scale if scale > 0 else np.float32(0.0)


@inner
def finite_weight(value):
    """Return a weight as float32, the largest there is where it is larger: what it is for is tiny then."""
    return np.float32(min(max(value, -_LARGEST), _LARGEST))


@inner
def mean_product(codes, query):
    """Return the product of a prepared query and the mean as the rows are coded, in float64."""
    given, mean = view_f32(query, codes.dim), view_f32(codes.mean, codes.dim)
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = codes.dim // 4 * 4
    # Four sums side by side: each addition waits for the last.
    for i in range(0, whole, 4):
        a += np.float64(given[i]) * mean[i]
        b += np.float64(given[i + 1]) * mean[i + 1]
        c += np.float64(given[i + 2]) * mean[i + 2]
        d += np.float64(given[i + 3]) * mean[i + 3]
    for i in range(whole, codes.dim):
        a += np.float64(given[i]) * mean[i]
    return (a + b) + (c + d)


@inner
def four_rabitq_products(dim, bits, a, b, c, d, query, out):
    """Store the products of four rows of codes and a query's, as four float32 of twice the value."""
    units = np.uint64((dim + UNIT - 1) // UNIT)
    whole, products = view_i32(out, 4), view_f32(out, 4)
    codes = query + np.uint64(LINE)
    if bits == 8:
        four_dots(a, b, c, d, codes, units, out)
    else:
        for i in range(4):
            whole[i] = 0
        skipped = np.uint64(0)
        if bits & 4:
            four_nibble_plane_dots(a, b, c, d, codes, units, out)
            skipped += np.uint64(32) * units
        if bits & 2:
            four_crumb_dots(a + skipped, b + skipped, c + skipped, d + skipped, codes, units, out)
            skipped += np.uint64(16) * units
        if bits & 1:
            four_bit_dots(a + skipped, b + skipped, c + skipped, d + skipped, codes, units, out)
    # Codes stand for odd multiples of a half: twice the code, less what its middle is.
    centre = view_i32(query, 1)[0]
    for i in range(4):
        products[i] = np.float32(np.int32(2) * whole[i] - centre)


@inner
def sign_tables(codes, query, tables):
    """Fill in what each group of four signs adds to a product: ``(groups, 16)`` float32 for codes of one bit.

    ``query`` is the prepared one. Bit ``i`` of a place says that dimension ``4 * group + i`` is positive.
    With the sum of a row's entries as the product, ``unit`` is 1.
    """
    dim, groups = codes.dim, (codes.dim + UNIT - 1) // UNIT * (UNIT // 4)
    given, table = view_f32(query, dim), view_f32(tables, 16 * groups)
    for group in range(groups):
        first = 16 * group
        table[first] = 0
        for i in range(4):
            place = 4 * group + i
            value = given[place] if place < dim else np.float32(0)
            for j in range(1 << i):
                below = table[first + j]
                table[first + j] = below - np.float32(0.5) * value
                table[first + (1 << i) + j] = below + np.float32(0.5) * value
