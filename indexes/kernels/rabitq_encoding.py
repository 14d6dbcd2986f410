"""Makes codes of rotated vectors: a sign and a few bits of magnitude for each dimension.

Sixteen vectors are coded side by side, one in each lane, so that sums run along the dimensions in one order
on every CPU.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .kernel import entry_point, inner
from .memory import view_f32, view_u8, view_u64
from .rabitq import UNIT
from .vectors import I32, I64, accumulate, load, splat, store, vector

LANES = 16
_LANE_BYTES = 4 * LANES
_FLOATS = vector(ir.FloatType(), LANES)
# Steps per deviation of normally distributed numbers that lose least when they are rounded evenly, of 1 to 8
# bits with the sign (Max, Quantizing for minimum distortion, 1960).
_STEPS = np.array([1.0, 1.004, 1.706, 2.983, 5.316, 9.606, 17.57, 32.47], np.float32)
# The best scale of a vector lies between these, of what reaches its largest number and of those steps.
_LEAST, _MOST = (np.float32(0.85), np.float32(0.8)), (np.float32(1.03), np.float32(1.25))
_TRIALS = 16


@intrinsic
def _sum_products(typingctx: Any, lanes: Any, dim: Any, scales: Any, top: Any, out: Any) -> Any:
    """Sum by lane, of magnitudes at most 1 and their codes, code * magnitude, code^2 and magnitude^2."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lanes, dim, scales, top, out = args
        scale, half = load(builder, _FLOATS, scales), splat(_FLOATS, 0.5)
        most = builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), top, ir.Constant(I32, 0))
        most = builder.shuffle_vector(most, most, splat(vector(I32, LANES), 0))

        def body(i: Any, sums: list[Any]) -> list[Any]:
            value = load(builder, _FLOATS, builder.add(lanes, builder.shl(i, ir.Constant(I64, 6))))
            whole = builder.fptosi(builder.fmul(value, scale), vector(I32, LANES))
            code = builder.sitofp(whole, _FLOATS)
            code = builder.select(builder.fcmp_ordered("<", code, most), code, most)
            code = builder.fadd(code, half)
            pairs = ((code, value), (code, code), (value, value))
            return [builder.fadd(s, builder.fmul(a, b)) for s, (a, b) in zip(sums, pairs, strict=True)]

        for place, total in enumerate(accumulate(builder, splat(_FLOATS, 0.0), 3, dim, body)):
            store(builder, total, builder.add(out, ir.Constant(I64, place * _LANE_BYTES)))
        return context.get_dummy_value()

    return types.void(types.uint64, types.int64, types.uint64, types.float32, types.uint64), emit


@inner
def _spread(source, n, dim, lanes, largest):
    """Put the magnitudes of up to sixteen vectors into lanes, as shares of the largest of each."""
    for j in range(LANES):
        largest[j] = 0
        row = view_f32(source + np.uint64(4 * dim * j), dim if j < n else 0)
        for i in range(len(row)):
            largest[j] = max(largest[j], abs(row[i]))
        share = largest[j] > 0
        for i in range(dim):
            lanes[LANES * i + j] = abs(row[i]) / largest[j] if share else np.float32(0)


@inner
def _choose_scales(lanes, dim, bits, scales, sums, chosen):
    """Fill in the scale of each lane whose codes point nearest to where its vector does.

    Returned are that code * magnitude and magnitude^2, as ``(2, 16)`` numbers one behind the other.
    """
    scale, total, best_scale = view_f32(scales, LANES), view_f32(sums, 3 * LANES), view_f32(chosen, LANES)
    low, high = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    best, kept = np.zeros(LANES, np.float32), np.zeros(2 * LANES, np.float32)
    reach, top, steps = np.float32(1 << (bits - 1)), np.float32((1 << (bits - 1)) - 1), _STEPS[bits - 1]
    for lane in range(LANES):
        scale[lane], best_scale[lane] = reach, reach
    trials = _TRIALS if bits > 1 else 0
    for trial in range(trials + 1):
        _sum_products(lanes, dim, scales, top, sums)
        for j in range(LANES):
            product, square, length = total[j], total[LANES + j], total[2 * LANES + j]
            if trial == 0:
                gauss = steps * np.float32(math.sqrt(np.float32(dim) / length)) if length > 0 else reach
                low[j] = max(_LEAST[0] * reach, _LEAST[1] * gauss)
                high[j] = max(_MOST[0] * reach, _MOST[1] * gauss)
            share = product * product / square
            if share > best[j]:
                best[j], best_scale[j] = share, scale[j]
                kept[j], kept[LANES + j] = product, length
            scale[j] = low[j] + (high[j] - low[j]) * (np.float32(trial) / np.float32(_TRIALS - 1))
    return kept


@inner
def _write_codes(row, lanes, lane, scale, bits, codes, anchor):
    """Write a code a byte; return the product of the numbers they stand for and those of an anchor."""
    top = np.int32((1 << (bits - 1)) - 1)
    along = np.float64(0)
    for i in range(len(row)):
        size = min(np.int32(lanes[LANES * i + lane] * scale), top)
        code = top - size if row[i] < 0 else top + np.int32(1) + size
        codes[i] = np.uint8(code)
        along += (np.float64(code) - np.float64(top) - 0.5) * anchor[i]
    return along


@inner
def _pack(codes, units, bits, target):
    """Pack codes of a byte into the planes that :mod:`.rabitq` describes."""
    words = view_u64(codes, 8 * units)
    left, width = bits, 8
    while width:
        if bits & width:
            left -= width
            mask = np.uint64(0x0101010101010101) * np.uint64((1 << width) - 1)
            plane = view_u64(target, width * units)
            for unit in range(units):
                for r in range(width):
                    packed = np.uint64(0)
                    for t in range(8 // width):
                        word = words[8 * unit + width * t + r] >> np.uint64(left)
                        packed |= (word & mask) << np.uint64(width * t)
                    plane[width * unit + r] = packed
            target += np.uint64(8 * width * units)
        width //= 2


@entry_point("RaBitQ codes")
def encode_rotated(source, n, dim, bits, anchors, anchor_bytes, scratch, codes, row_bytes, factors, along):
    """Code ``n`` rotated vectors of ``dim`` float32.

    ``factors`` are what their codes are to be multiplied with, ``along`` the products of that with the
    rotated anchors, which are ``anchor_bytes`` apart, 0 for one of all rows. ``scratch`` has
    ``scratch_bytes``.
    """
    units = row_bytes // (8 * bits)
    scales = scratch + np.uint64(_LANE_BYTES * dim)
    sums, chosen = scales + np.uint64(_LANE_BYTES), scales + np.uint64(4 * _LANE_BYTES)
    unpacked = chosen + np.uint64(_LANE_BYTES)
    lanes, octets = view_f32(scratch, LANES * dim), view_u8(unpacked, UNIT * units)
    factor, product = view_f32(factors, n), view_f32(along, n)
    best_scale, largest = view_f32(chosen, LANES), np.empty(LANES, np.float32)
    octets[:] = 0
    for first in range(0, n, LANES):
        count = min(LANES, n - first)
        start = source + np.uint64(4 * dim * first)
        _spread(start, count, dim, lanes, largest)
        kept = _choose_scales(scratch, dim, bits, scales, sums, chosen)
        for j in range(count):
            row, place = view_f32(start + np.uint64(4 * dim * j), dim), first + j
            anchor = view_f32(anchors + np.uint64(anchor_bytes * place), dim)
            size = largest[j] * (kept[LANES + j] / kept[j]) if kept[j] > 0 else np.float32(0)
            sum_along = _write_codes(row, lanes, j, best_scale[j], bits, octets, anchor)
            factor[place], product[place] = size, np.float32(size * sum_along)
            _pack(unpacked, units, bits, codes + np.uint64(row_bytes * place))


def scratch_bytes(dim: int) -> int:
    """Return the bytes that coding vectors of ``dim`` takes besides."""
    return _LANE_BYTES * (dim + 5) + -(-dim // UNIT) * UNIT
