"""Levels of tokens: by how many tokens of its row stand before each."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

# Lists are cut behind so many first tokens of each row: all numbers up to 8, then four for each doubling.
LEVELS = (*range(1, 8), *(step << octave for octave in range(1, 15) for step in range(4, 8)), 1 << 17)


def level_of(tokens: int) -> int:
    """Return the first level that holds so many first tokens."""
    return bisect_left(LEVELS, tokens)


def levels_of(
    offsets: NDArray[np.int64], most: int | None
) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """Return the level of each of the first ``most`` tokens of all rows, and their places.

    Parameters
    ----------
    offsets
        ``(n + 1,)``, of the rows.
    most
        How many tokens of a row are taken; None for all.

    Returns
    -------
    levels : (t,) uint8
        The first level that holds each token, in the order of the rows.
    places : (t,) int64 or None
        Where the tokens stand among all; None where all are taken.
    """
    position = np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))
    places = None if most is None else np.flatnonzero(position < most)
    position = position if places is None else position[places]
    return np.searchsorted(LEVELS, position, side="right").astype(np.uint8), places


def stops_of(levels: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``(levels, n_lists)``: where the entries of each level, but the last, end in each list.

    Parameters
    ----------
    levels
        ``(entries,)``, ascending in each list.
    offsets
        ``(n_lists + 1,)``: where lists begin among the entries.
    """
    stops = np.empty((int(levels.max(initial=0)), len(offsets) - 1), np.int64)
    for level, ends in enumerate(stops):
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(levels <= level)])
        ends[:] = offsets[:-1] + before[offsets[1:]] - before[offsets[:-1]]
    return stops
