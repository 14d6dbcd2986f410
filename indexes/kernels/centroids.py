"""The nearest of many centroids, for many rows: what k-means and product quantization spend their time in.

A tile of rows and a panel of centroids are multiplied at once in registers. Each product is summed over the
dimensions in their order, without contraction to fused operations, so that a row's centroid is the same on
every CPU, whichever rows stand beside it and whichever thread reads it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .kernel import entry_point, inner
from .memory import hold, view_f32, view_u32
from .target import HAS_AVX2, HAS_VNNI
from .vectors import I32, I64, accumulate, call, load, splat, store, vector

# Classes of centroids, by their number, of which each keeps its nearest; then how many rows, and centroids of
# each class, the registers of the CPU hold sums of.
LANES = 16
TILE, _ACROSS = (12, 2) if HAS_VNNI else (5, 1) if HAS_AVX2 else (2, 1)
PANEL = LANES * _ACROSS
_FLOAT = ir.FloatType()
_FLOATS, _WORDS = vector(_FLOAT, LANES), vector(I32, LANES)
# Rows whose best centroids so far stay in the nearest cache while the panels go by.
_BLOCK_ROWS = 192
# Rows of which the best centroids of all parts are kept, and how often each part is chosen anew at most.
_FEW_ROWS, _SWEEPS = 48, 3


@intrinsic
def _compare(
    typingctx: Any,
    rows: Any,
    stride: Any,
    dims: Any,
    panel: Any,
    halves: Any,
    first: Any,
    values: Any,
    ids: Any,
) -> Any:
    """Keep in each lane of ``TILE`` rows the nearer of what it holds and the centroids of a panel.

    ``stride`` is in bytes; ``halves`` are half the squared lengths of the panel's centroids, whose numbers
    begin with ``first``. ``values`` and ``ids`` hold a register for each row.
    """

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows, stride, dims, panel, halves, first, values, ids = args
        sums = _products(builder, rows, stride, dims, panel)
        numbers = _spread(builder, builder.trunc(first, I32), _WORDS)
        for j in range(_ACROSS):
            half = load(builder, _FLOATS, halves, 4 * LANES * j)
            named = builder.add(numbers, ir.Constant(_WORDS, [j * LANES + i for i in range(LANES)]))
            for i in range(TILE):
                sums[i * _ACROSS + j] = (builder.fsub(half, sums[i * _ACROSS + j]), named)
        for i in range(TILE):
            best, best_ids = (
                load(builder, _FLOATS, values, 4 * LANES * i),
                load(builder, _WORDS, ids, 4 * LANES * i),
            )
            for value, named in sums[i * _ACROSS : (i + 1) * _ACROSS]:
                nearer = builder.fcmp_ordered("<", value, best)
                best = builder.select(nearer, value, best)
                best_ids = builder.select(nearer, named, best_ids)
            for kept, target in ((best, values), (best_ids, ids)):
                store(builder, kept, builder.add(target, ir.Constant(I64, 4 * LANES * i)))
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 8), emit


@intrinsic
def _multiply(
    typingctx: Any, rows: Any, stride: Any, dims: Any, panel: Any, target: Any, target_stride: Any
) -> Any:
    """Store the products of ``TILE`` rows and a panel, ``PANEL`` float32 a row; strides are in bytes."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        rows, stride, dims, panel, target, target_stride = args
        for number, product in enumerate(_products(builder, rows, stride, dims, panel)):
            row, group = divmod(number, _ACROSS)
            place = builder.add(target, builder.mul(target_stride, ir.Constant(I64, row)))
            store(builder, product, builder.add(place, ir.Constant(I64, 4 * LANES * group)))
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 6), emit


def _products(builder: Any, rows: Any, stride: Any, dims: Any, panel: Any) -> list[Any]:
    """Return registers of the products of ``TILE`` rows and the centroids of a panel, row by row."""
    places = [builder.add(rows, builder.mul(stride, ir.Constant(I64, i))) for i in range(TILE)]

    def body(dim: Any, sums: list[Any]) -> list[Any]:
        line = builder.add(panel, builder.mul(dim, ir.Constant(I64, PANEL * 4)))
        centroids = [load(builder, _FLOATS, line, 4 * LANES * j) for j in range(_ACROSS)]
        offset = builder.shl(dim, ir.Constant(I64, 2))
        made = []
        for i, place in enumerate(places):
            one = load(builder, _FLOAT, builder.add(place, offset))
            x = _spread(builder, one, _FLOATS)
            for j, centroid in enumerate(centroids):
                made.append(builder.fadd(sums[i * _ACROSS + j], builder.fmul(x, centroid)))
        return made

    return accumulate(builder, splat(_FLOATS, 0.0), TILE * _ACROSS, dims, body)


def _spread(builder: Any, one: Any, kind: Any) -> Any:
    """Return a vector with one value in every lane."""
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), one, ir.Constant(I32, 0))
    return builder.shuffle_vector(single, single, ir.Constant(vector(I32, kind.count), [0] * kind.count))


@intrinsic
def _least(typingctx: Any, values: Any, ids: Any) -> Any:
    """Return the least of a register's values and the smallest id that has it."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value, number = load(builder, _FLOATS, args[0]), load(builder, _WORDS, args[1])
        least = call(builder, f"llvm.vector.reduce.fmin.v{LANES}f32", _FLOAT, [value])
        equal = builder.fcmp_ordered("==", value, _spread(builder, least, _FLOATS))
        named = builder.select(equal, number, splat(_WORDS, 0xFFFFFFFF))
        first = call(builder, f"llvm.vector.reduce.umin.v{LANES}i32", I32, [named])
        return context.make_tuple(builder, signature.return_type, [least, first])

    return types.Tuple((types.float32, types.uint32))(types.uint64, types.uint64), emit


@inner
def _nearest_of_block(rows, stride, count, dims, panels, halves, n_panels, values, ids):
    """Fill in a register of nearest centroids for each of ``count`` rows, at least ``TILE`` of them."""
    values_of, ids_of = view_f32(values, count * LANES), view_u32(ids, count * LANES)
    for i in range(count * LANES):
        values_of[i], ids_of[i] = np.inf, 0
    for panel in range(n_panels):
        place = panels + np.uint64(panel * dims * PANEL * 4)
        lengths = halves + np.uint64(panel * PANEL * 4)
        row = 0
        while row < count:
            # The last tile overlaps the one before: what is compared twice stays the same.
            row = min(row, count - TILE)
            offset = np.uint64(row * LANES * 4)
            _compare(
                rows + np.uint64(row * stride),
                np.uint64(stride),
                np.uint64(dims),
                place,
                lengths,
                np.uint64(panel * PANEL),
                values + offset,
                ids + offset,
            )
            row += TILE


@entry_point("nearest centroids")
def nearest_centroids(rows, stride, n, dims, panels, halves, n_panels, ids, values):
    """Write the nearest centroid of each row and ``|c|^2 / 2 - <x, c>``, which orders as distance does.

    ``n`` is at least ``TILE``. Of equally near centroids the first is written.
    """
    best, best_ids = np.empty(_BLOCK_ROWS * LANES, np.float32), np.empty(_BLOCK_ROWS * LANES, np.uint32)
    best_at, ids_at = np.uint64(best.ctypes.data), np.uint64(best_ids.ctypes.data)
    start = 0
    while start < n:
        start = min(start, max(0, n - _BLOCK_ROWS))
        count = min(_BLOCK_ROWS, n - start)
        place = rows + np.uint64(start * stride)
        _nearest_of_block(place, stride, count, dims, panels, halves, n_panels, best_at, ids_at)
        for i in range(count):
            offset = np.uint64(i * LANES * 4)
            values[start + i], ids[start + i] = _least(best_at + offset, ids_at + offset)
        start += _BLOCK_ROWS
    hold(best)
    hold(best_ids)


@inner
def multiply_rows(rows, stride, n, dims, panels, n_panels, target, target_stride):
    """Write the product of each row and each column of the panels; ``n`` is at least ``TILE``.

    Each is summed in the order of the dimensions: equal rows have equal products, wherever they stand.
    Strides are in bytes.
    """
    for start in range(0, n, _BLOCK_ROWS):
        count = min(_BLOCK_ROWS, n - start)
        for panel in range(n_panels):
            row = start
            while row < start + count:
                row = max(0, min(row, start + count - TILE))
                _multiply(
                    rows + np.uint64(row * stride),
                    np.uint64(stride),
                    np.uint64(dims),
                    panels + np.uint64(panel * dims * PANEL * 4),
                    target + np.uint64(row * target_stride + panel * PANEL * 4),
                    np.uint64(target_stride),
                )
                row += TILE


@entry_point("products of rows")
def products_of_rows(rows, stride, n, dims, panels, n_panels, target, target_stride):
    """Multiply as ``multiply_rows`` does."""
    multiply_rows(rows, stride, n, dims, panels, n_panels, target, target_stride)


@inner
def _nearest_of_part(block, stride, count, starts, part, panels, halves, n_panels, best_at, ids_at):
    """Store what is nearest to one part of each row of a block, as ``_nearest_of_block`` does."""
    begin = starts[part]
    _nearest_of_block(
        block + np.uint64(begin * 4),
        stride,
        count,
        starts[part + 1] - begin,
        panels + np.uint64(begin * n_panels * PANEL * 4),
        halves + np.uint64(part * n_panels * PANEL * 4),
        n_panels,
        best_at,
        ids_at,
    )


@entry_point("product codes")
def product_codes(rows, stride, n, starts, panels, halves, n_panels, codes):
    """Write the nearest centroid of each of a row's parts: ``(n, m)`` codes of a byte.

    ``starts`` are where the parts begin and the last ends; ``panels`` of part ``s`` begin at
    ``starts[s] * n_panels * PANEL`` floats and ``halves`` at ``s * n_panels * PANEL``.
    """
    m = len(starts) - 1
    best, best_ids = np.empty(_BLOCK_ROWS * LANES, np.float32), np.empty(_BLOCK_ROWS * LANES, np.uint32)
    best_at, ids_at = np.uint64(best.ctypes.data), np.uint64(best_ids.ctypes.data)
    start = 0
    while start < n:
        start = min(start, max(0, n - _BLOCK_ROWS))
        count = min(_BLOCK_ROWS, n - start)
        for part in range(m):
            block = rows + np.uint64(start * stride)
            _nearest_of_part(block, stride, count, starts, part, panels, halves, n_panels, best_at, ids_at)
            for i in range(count):
                offset = np.uint64(i * LANES * 4)
                codes[start + i, part] = _least(best_at + offset, ids_at + offset)[1]
        start += _BLOCK_ROWS
    hold(best)
    hold(best_ids)


@inner
def _settle(square, values, ids, halves, width, weight, share, chosen):
    """Choose among the nearest of each class and part so that the length comes out right too.

    ``values`` and ``ids`` are ``(parts, LANES)``. Parts are chosen in turn while any of them changes: the
    squared error is weighed against that of the squared length, ``weight`` times its square as a share of the
    row's own, and is to be ``share`` of the row's.
    """
    parts, length = len(chosen), np.float32(0)
    for part in range(parts):
        best = 0
        for lane in range(1, LANES):
            value, least = values[part, lane], values[part, best]
            if value < least or (value == least and ids[part, lane] < ids[part, best]):
                best = lane
        chosen[part] = best
        length += halves[part * width + ids[part, best]]
    if not square > 0:
        return
    factor, target = np.float32(2) * weight / square, share * square * np.float32(0.5)
    for _ in range(_SWEEPS):
        changed = False
        for part in range(parts):
            own = halves[part * width : (part + 1) * width]
            before = chosen[part]
            rest = length - own[ids[part, before]]
            best, least = before, np.float32(np.inf)
            for lane in range(LANES):
                beyond = rest + own[ids[part, lane]] - target
                loss = values[part, lane] + factor * beyond * beyond
                if loss < least:
                    best, least = lane, loss
            if best != before:
                chosen[part], changed = best, True
                length = rest + own[ids[part, best]]
        if not changed:
            break


@entry_point("product codes of even length")
def even_product_codes(rows, stride, n, starts, panels, halves, n_panels, weight, share, codes):
    """Write codes as ``product_codes`` does, but such that decoded rows have about ``share`` of the length.

    That is of the squared length.
    """
    m, width = len(starts) - 1, n_panels * PANEL
    best, best_ids = np.empty((_FEW_ROWS, m, LANES), np.float32), np.empty((_FEW_ROWS, m, LANES), np.uint32)
    one, one_ids = np.empty(_FEW_ROWS * LANES, np.float32), np.empty(_FEW_ROWS * LANES, np.uint32)
    one_at, one_ids_at = np.uint64(one.ctypes.data), np.uint64(one_ids.ctypes.data)
    chosen, lengths = np.empty(m, np.int64), view_f32(halves, m * width)
    start = 0
    while start < n:
        start = min(start, max(0, n - _FEW_ROWS))
        count = min(_FEW_ROWS, n - start)
        for part in range(m):
            block = rows + np.uint64(start * stride)
            _nearest_of_part(block, stride, count, starts, part, panels, halves, n_panels, one_at, one_ids_at)
            for i in range(count):
                for lane in range(LANES):
                    best[i, part, lane] = one[i * LANES + lane]
                    best_ids[i, part, lane] = one_ids[i * LANES + lane]
        for i in range(count):
            row, square = view_f32(rows + np.uint64((start + i) * stride), starts[m]), np.float32(0)
            for dim in range(starts[m]):
                square += row[dim] * row[dim]
            _settle(square, best[i], best_ids[i], lengths, width, weight, share, chosen)
            for part in range(m):
                codes[start + i, part] = best_ids[i, part, chosen[part]]
        start += _FEW_ROWS
    hold(one)
    hold(one_ids)


@entry_point("centroid sums")
def centroid_sums(rows, ids, first, last, sums, counts):
    """Add dimensions ``first`` to ``last`` of each row to its centroid's sum, and count the rows if asked."""
    for row in range(len(rows)):
        number = np.uint64(ids[row])
        for dim in range(first, last):
            sums[number, dim] += rows[row, dim]
        if first == 0:
            counts[number] += 1
