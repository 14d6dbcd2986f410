"""Codes of many vectors, made block by block, and read back out of the arrays of an index."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..protocol import Arrays
from ..rows.dense import NO_NORMS, aligned
from ..rows.vectors import Vectors
from .protocol import Coded

BLOCK_ROWS = 4096
_LARGEST = float(np.finfo(np.float32).max)
Block = tuple[NDArray[np.uint8], NDArray[np.float32] | None, NDArray[np.float32] | None]
"""Codes, bias and factors of a block of rows; None for what the codec does not have."""


def mean_of(vectors: Vectors) -> NDArray[np.float32]:
    """Return the mean of all vectors, zeros of none."""
    total = np.zeros(vectors.dim, np.float64)
    for start in range(0, len(vectors), BLOCK_ROWS):
        total += vectors.floats(slice(start, start + BLOCK_ROWS)).sum(axis=0, dtype=np.float64)
    return (total / max(1, len(vectors))).astype(np.float32)


def encode_blocks(
    vectors: Vectors,
    anchors: Vectors | None,
    row_bytes: int,
    encode: Callable[[NDArray[np.float32], NDArray[np.float32] | None], Block],
    *,
    bias: bool,
    factors: bool,
    threads: int = 1,
) -> Coded:
    """Return the codes of all vectors; ``encode`` makes those of a block and of the block's anchors."""
    n = len(vectors)
    coded = Coded(
        aligned((n, row_bytes), np.uint8),
        aligned((n,), np.float32) if bias else NO_NORMS,
        aligned((n,), np.float32) if factors else NO_NORMS,
    )

    def fill(start: int) -> None:
        block = slice(start, start + BLOCK_ROWS)
        made = encode(vectors.floats(block), None if anchors is None else anchors.floats(block))
        targets: tuple[NDArray[Any], ...] = coded.codes, coded.bias, coded.factors
        for target, source in zip(targets, made, strict=True):
            if source is not None:
                target[block] = source

    starts = range(0, n, BLOCK_ROWS)
    if threads == 1 or len(starts) < 2:
        for start in starts:
            fill(start)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, starts))
    return coded


def squared_bias(decoded: NDArray[np.float32], anchors: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return the bias of decoded rows for l2, ``<r', r' / 2 + c>``, the largest of float32 at most."""
    half = np.float32(0.5) * decoded
    other = half if anchors is None else half + anchors
    bias: NDArray[np.float64] = np.einsum("ij,ij->i", decoded, other, dtype=np.float64)
    return np.clip(bias, -_LARGEST, _LARGEST).astype(np.float32)


def checked_coded(arrays: Arrays, n: int, row_bytes: int, *, bias: bool, factors: bool) -> Coded:
    """Return the codes of ``n`` rows out of the arrays of an index; ValueError names what does not fit."""
    codes = check_array("codes", arrays, np.uint8, (n, row_bytes))
    found: dict[str, NDArray[Any]] = {}
    for name, wanted in (("bias", bias), ("factors", factors)):
        array = arrays.get(name, NO_NORMS)
        found[name] = check_array(name, {name: array}, np.float32, (n if wanted else 0,))
    return Coded(codes, found["bias"], found["factors"])
