"""Fixed dimensional encodings of multi-vectors: projected tokens summed or averaged by partition.

Sums run in the order of the tokens and nothing is contracted, so that a row has the same encoding on every
CPU, whichever rows stand beside it.
"""

from __future__ import annotations

import numpy as np

from .bounds import count_bits
from .centroids import PANEL, TILE, multiply_rows
from .kernel import entry_point, inner
from .memory import LINE, record_at, view_f32, view_i32, view_i64, view_u32

ENCODER = np.dtype(
    [
        # Hyperplanes, of each repetition in turn, and behind them the projections: panels of columns.
        ("panels", np.uint64),
        ("n_panels", np.int64),
        # Where each float of an encoding is added to, ``~slot`` where it is taken off; 0 for no such sketch.
        ("slots", np.uint64),
        ("dim", np.int64),
        ("bits", np.int64),
        ("repetitions", np.int64),
        # Floats of a partition, and of an encoding that is not sketched.
        ("width", np.int64),
        ("cells", np.int64),
        ("projects", np.bool_),
        ("fills", np.bool_),
    ],
    align=True,
)
_view_encoder = record_at(ENCODER)
# Tokens that are multiplied at once, unless one row has more: their products stay in the cache.
_TOGETHER = 96


@inner
def _find_sides(hashed, stride, count, bits, sides):
    """Write on which sides of its ``bits`` hyperplanes each token lies, the first in the highest bit."""
    for token in range(count):
        products, side = view_f32(hashed + np.uint64(token * stride), bits), np.uint32(0)
        for bit in range(bits):
            side = np.uint32(side << np.uint32(1) | np.uint32(products[bit] > 0))
        sides[token] = side


@inner
def _ungray(side):
    """Return the place of a Gray code, in the order in which neighbours differ in one bit."""
    shift = np.uint32(16)
    while shift:
        side ^= side >> shift
        shift >>= np.uint32(1)
    return side


@inner
def _nearest_token(sides, count, wanted):
    """Return the first of the tokens that lie on the same side of the most hyperplanes."""
    best, fewest = 0, np.int64(64)
    for token in range(count):
        differing = np.int64(count_bits(np.uint64(sides[token] ^ wanted)))
        if differing < fewest:
            best, fewest = token, differing
    return best


@inner
def _encode(encoder, hashed, hashed_stride, projected, stride, count, average, sides, counts, out):
    """Write one repetition of one row: ``width`` floats for each partition."""
    n_partitions, width = 1 << encoder.bits, encoder.width
    _find_sides(hashed, hashed_stride, count, encoder.bits, sides)
    for partition in range(n_partitions):
        counts[partition] = 0
    for token in range(count):
        partition = np.int64(_ungray(sides[token]))
        counts[partition] += 1
        cell = view_f32(out + np.uint64(4 * partition * width), width)
        added = view_f32(projected + np.uint64(token * stride), width)
        for i in range(width):
            cell[i] += added[i]
    if not average or not count:
        return
    for partition in range(n_partitions):
        cell = view_f32(out + np.uint64(4 * partition * width), width)
        if counts[partition] > 1:
            members = np.float32(counts[partition])
            for i in range(width):
                cell[i] /= members
        elif encoder.fills and not counts[partition]:
            token = _nearest_token(sides, count, np.uint32(partition ^ (partition >> 1)))
            nearest = view_f32(projected + np.uint64(token * stride), width)
            for i in range(width):
                cell[i] = nearest[i]


@inner
def _encode_row(encoder, tokens, products, product_stride, count, average, sides, counts, made):
    """Write all repetitions of one row, given its tokens and their products."""
    whole, step = view_f32(made, encoder.cells), np.int64(0)
    for i in range(encoder.cells):
        whole[i] = 0
    projected, stride = tokens, 4 * encoder.dim
    if encoder.projects:
        projected = products + np.uint64(4 * encoder.repetitions * encoder.bits)
        stride, step = product_stride, 4 * encoder.width
    for repetition in range(encoder.repetitions):
        _encode(
            encoder,
            products + np.uint64(4 * repetition * encoder.bits),
            product_stride,
            projected + np.uint64(repetition * step),
            stride,
            count,
            average,
            sides,
            counts,
            made + np.uint64(4 * repetition * (encoder.width << encoder.bits)),
        )


@inner
def _sketch(encoder, made, target, width):
    """Add up the floats of an encoding at their slots."""
    slots, floats = view_i32(encoder.slots, encoder.cells), view_f32(made, encoder.cells)
    sums = view_f32(target, width)
    for i in range(width):
        sums[i] = 0
    for i in range(encoder.cells):
        if slots[i] >= 0:
            sums[slots[i]] += floats[i]
        else:
            sums[~slots[i]] -= floats[i]


@inner
def _multiply_tokens(encoder, tokens, count, padded, products, product_stride):
    """Write the products of tokens; of fewer than a tile those behind them are of zeros."""
    token_bytes = 4 * encoder.dim
    if count >= TILE:
        source, n = tokens, count
    else:
        source, n = padded, TILE
        given, copied = view_f32(tokens, count * encoder.dim), view_f32(padded, TILE * encoder.dim)
        for i in range(count * encoder.dim):
            copied[i] = given[i]
        for i in range(count * encoder.dim, TILE * encoder.dim):
            copied[i] = 0
    multiply_rows(
        source, token_bytes, n, encoder.dim, encoder.panels, encoder.n_panels, products, product_stride
    )


@entry_point("fixed dimensional encodings")
def encode_tokens(encoder_address, offsets, tokens, n, average, scratch, encodings, width):
    """Write the ``(n, width)`` encodings of rows: means of their tokens, or sums.

    ``scratch`` is the address of ``encoding_scratch_bytes`` bytes.
    """
    encoder, starts = _view_encoder(encoder_address), view_i64(offsets, n + 1)
    product_stride, token_bytes = encoder.n_panels * PANEL * 4, 4 * encoder.dim
    made = scratch
    padded = made + np.uint64((encoder.cells * 4 + LINE - 1) // LINE * LINE)
    counts = padded + np.uint64((TILE * token_bytes + LINE - 1) // LINE * LINE)
    sides = counts + np.uint64(max(LINE, 8 << encoder.bits))
    first = 0
    while first < n:
        until = first + 1
        while until < n and starts[until + 1] - starts[first] <= _TOGETHER:
            until += 1
        begin, count = starts[first], starts[until] - starts[first]
        block = tokens + np.uint64(begin * token_bytes)
        products = sides + np.uint64((count * 4 + LINE - 1) // LINE * LINE)
        if encoder.n_panels and count:
            _multiply_tokens(encoder, block, count, padded, products, product_stride)
        for row in range(first, until):
            before, own = starts[row] - begin, starts[row + 1] - starts[row]
            target = encodings + np.uint64(4 * row * width)
            _encode_row(
                encoder,
                block + np.uint64(before * token_bytes),
                products + np.uint64(before * product_stride),
                product_stride,
                own,
                average,
                view_u32(sides, own),
                view_i64(counts, 1 << encoder.bits),
                made if encoder.slots else target,
            )
            if encoder.slots:
                _sketch(encoder, made, target, width)
        first = until


def encoding_scratch_bytes(dim: int, bits: int, cells: int, n_panels: int, longest: int) -> int:
    """Return how many bytes :func:`encode_tokens` needs for itself; the longest row has so many tokens."""
    most = max(_TOGETHER, longest)
    products = max(most, TILE) * n_panels * PANEL * 4
    return 4 * LINE + 4 * cells + TILE * 4 * dim + max(LINE, 8 << bits) + 4 * most + products
