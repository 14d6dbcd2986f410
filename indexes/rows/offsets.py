"""Offsets of rows of unequal length in what they hold together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_offsets(name: str, offsets: NDArray[Any], total: int) -> None:
    """Refuse offsets that do not rise from 0 to ``total``."""
    if offsets.dtype != np.int64 or offsets.ndim != 1 or not len(offsets) or not offsets.flags.c_contiguous:
        raise ValueError(f"{name} are {offsets.dtype} {offsets.shape}; expected contiguous int64 (n + 1,)")
    # Of one row there is nothing between the two.
    falls = len(offsets) > 2 and (np.diff(offsets) < 0).any()
    if offsets[0] != 0 or int(offsets[-1]) != total or falls:
        raise ValueError(f"{name} run from {offsets[0]} to {offsets[-1]}; expected to rise from 0 to {total}")


def chosen_offsets(
    offsets: NDArray[np.int64], chosen: Any
) -> tuple[NDArray[np.int64], slice | NDArray[np.int64]]:
    """Return the offsets of some rows, and the places of what they hold."""
    n = len(offsets) - 1
    if isinstance(chosen, slice) and chosen.step in (None, 1):
        lo, hi, _ = chosen.indices(n)
        hi = max(lo, hi)
        return offsets[lo : hi + 1] - offsets[lo], slice(int(offsets[lo]), int(offsets[hi]))
    rows = np.arange(n)[chosen]
    packed = packed_offsets(offsets, rows)
    return packed, packed_places(offsets[rows], packed)


def packed_offsets(offsets: NDArray[np.int64], rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return the offsets of some rows where they stand one behind the other."""
    packed = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(offsets[rows + 1] - offsets[rows], out=packed[1:])
    return packed


def packed_places(starts: NDArray[np.int64], packed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of spans that begin at ``starts``, whose offsets one behind the other are given."""
    places: NDArray[np.int64] = np.repeat(starts - packed[:-1], np.diff(packed)) + np.arange(packed[-1])
    return places
