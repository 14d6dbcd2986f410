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
from .memory import view_f32, view_u32
from .target import HAS_AVX2, HAS_VNNI
from .vectors import I32, I64, accumulate, call, load, splat, store, vector

# Lanes of a register, and as many rows and registers of centroids as the registers of the CPU hold sums of.
_LANES, TILE, _ACROSS = (16, 12, 2) if HAS_VNNI else (8, 5, 2) if HAS_AVX2 else (4, 4, 2)
PANEL = _LANES * _ACROSS
_FLOAT = ir.FloatType()
_FLOATS, _WORDS = vector(_FLOAT, _LANES), vector(I32, _LANES)
# Rows whose best centroids so far stay in the nearest cache while the panels go by.
_BLOCK_ROWS = 192


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
        places = [builder.add(rows, builder.mul(stride, ir.Constant(I64, i))) for i in range(TILE)]

        def body(dim: Any, sums: list[Any]) -> list[Any]:
            line = builder.add(panel, builder.mul(dim, ir.Constant(I64, PANEL * 4)))
            centroids = [load(builder, _FLOATS, line, 4 * _LANES * j) for j in range(_ACROSS)]
            offset = builder.shl(dim, ir.Constant(I64, 2))
            made = []
            for i, place in enumerate(places):
                one = load(builder, _FLOAT, builder.add(place, offset))
                x = _spread(builder, one, _FLOATS)
                for j, centroid in enumerate(centroids):
                    made.append(builder.fadd(sums[i * _ACROSS + j], builder.fmul(x, centroid)))
            return made

        sums = accumulate(builder, splat(_FLOATS, 0.0), TILE * _ACROSS, dims, body)
        numbers = _spread(builder, builder.trunc(first, I32), _WORDS)
        for j in range(_ACROSS):
            half = load(builder, _FLOATS, halves, 4 * _LANES * j)
            named = builder.add(numbers, ir.Constant(_WORDS, [j * _LANES + i for i in range(_LANES)]))
            for i in range(TILE):
                sums[i * _ACROSS + j] = (builder.fsub(half, sums[i * _ACROSS + j]), named)
        for i in range(TILE):
            best, best_ids = (
                load(builder, _FLOATS, values, 4 * _LANES * i),
                load(builder, _WORDS, ids, 4 * _LANES * i),
            )
            for value, named in sums[i * _ACROSS : (i + 1) * _ACROSS]:
                nearer = builder.fcmp_ordered("<", value, best)
                best = builder.select(nearer, value, best)
                best_ids = builder.select(nearer, named, best_ids)
            for kept, target in ((best, values), (best_ids, ids)):
                store(builder, kept, builder.add(target, ir.Constant(I64, 4 * _LANES * i)))
        return context.get_dummy_value()

    return types.void(*[types.uint64] * 8), emit


def _spread(builder: Any, one: Any, kind: Any) -> Any:
    """Return a vector with one value in every lane."""
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), one, ir.Constant(I32, 0))
    return builder.shuffle_vector(single, single, ir.Constant(vector(I32, kind.count), [0] * kind.count))


@intrinsic
def _least(typingctx: Any, values: Any, ids: Any) -> Any:
    """Return the least of a register's values and the smallest id that has it."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value, number = load(builder, _FLOATS, args[0]), load(builder, _WORDS, args[1])
        least = call(builder, f"llvm.vector.reduce.fmin.v{_LANES}f32", _FLOAT, [value])
        equal = builder.fcmp_ordered("==", value, _spread(builder, least, _FLOATS))
        named = builder.select(equal, number, splat(_WORDS, 0xFFFFFFFF))
        first = call(builder, f"llvm.vector.reduce.umin.v{_LANES}i32", I32, [named])
        return context.make_tuple(builder, signature.return_type, [least, first])

    return types.Tuple((types.float32, types.uint32))(types.uint64, types.uint64), emit


@inner
def _nearest_of_block(rows, stride, count, dims, panels, halves, n_panels, values, ids):
    """Fill in a register of nearest centroids for each of ``count`` rows, at least ``TILE`` of them."""
    values_of, ids_of = view_f32(values, count * _LANES), view_u32(ids, count * _LANES)
    for i in range(count * _LANES):
        values_of[i], ids_of[i] = np.inf, 0
    for panel in range(n_panels):
        place = panels + np.uint64(panel * dims * PANEL * 4)
        lengths = halves + np.uint64(panel * PANEL * 4)
        row = 0
        while row < count:
            # The last tile overlaps the one before: what is compared twice stays the same.
            row = min(row, count - TILE)
            offset = np.uint64(row * _LANES * 4)
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
    best, best_ids = np.empty(_BLOCK_ROWS * _LANES, np.float32), np.empty(_BLOCK_ROWS * _LANES, np.uint32)
    best_at, ids_at = np.uint64(best.ctypes.data), np.uint64(best_ids.ctypes.data)
    start = 0
    while start < n:
        start = min(start, max(0, n - _BLOCK_ROWS))
        count = min(_BLOCK_ROWS, n - start)
        place = rows + np.uint64(start * stride)
        _nearest_of_block(place, stride, count, dims, panels, halves, n_panels, best_at, ids_at)
        for i in range(count):
            offset = np.uint64(i * _LANES * 4)
            values[start + i], ids[start + i] = _least(best_at + offset, ids_at + offset)
        start += _BLOCK_ROWS


@entry_point("product codes")
def product_codes(rows, stride, n, starts, panels, halves, n_panels, codes):
    """Write the nearest centroid of each of a row's parts: ``(n, m)`` codes of a byte.

    ``starts`` are where the parts begin and the last ends; ``panels`` of part ``s`` begin at
    ``starts[s] * n_panels * PANEL`` floats and ``halves`` at ``s * n_panels * PANEL``.
    """
    m = len(starts) - 1
    best, best_ids = np.empty(_BLOCK_ROWS * _LANES, np.float32), np.empty(_BLOCK_ROWS * _LANES, np.uint32)
    best_at, ids_at = np.uint64(best.ctypes.data), np.uint64(best_ids.ctypes.data)
    start = 0
    while start < n:
        start = min(start, max(0, n - _BLOCK_ROWS))
        count = min(_BLOCK_ROWS, n - start)
        for part in range(m):
            begin, dims = starts[part], starts[part + 1] - starts[part]
            _nearest_of_block(
                rows + np.uint64(start * stride + begin * 4),
                stride,
                count,
                dims,
                panels + np.uint64(begin * n_panels * PANEL * 4),
                halves + np.uint64(part * n_panels * PANEL * 4),
                n_panels,
                best_at,
                ids_at,
            )
            for i in range(count):
                offset = np.uint64(i * _LANES * 4)
                codes[start + i, part] = _least(best_at + offset, ids_at + offset)[1]
        start += _BLOCK_ROWS


@entry_point("centroid sums")
def centroid_sums(rows, ids, first, last, sums, counts):
    """Add dimensions ``first`` to ``last`` of each row to its centroid's sum, and count the rows if asked."""
    for row in range(len(rows)):
        number = np.uint64(ids[row])
        for dim in range(first, last):
            sums[number, dim] += rows[row, dim]
        if first == 0:
            counts[number] += 1
