"""Rows that are equal byte by byte: one of them is a node of the graph, the others are listed beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays
from ..rows.dense import DenseRows
from ..rows.neighbors import NO_ROW, Neighbors
from ..rows.row_set import RowSet

NAME = "copies"
"""What the array is called: ``(n,)`` uint32, the next row that equals each, ``NO_ROW`` behind the last."""
_BLOCK_ROWS = 1 << 12
_HALF_WORD = np.uint64(32)


def find_copies(rows: DenseRows) -> NDArray[np.uint32]:
    """Return the next row that equals each row, ``(n,)``; nothing where no two rows are equal."""
    n = len(rows)
    hashes = np.empty(n, np.uint64)
    factors: NDArray[np.uint64] = np.empty(0, np.uint64)
    for start in range(0, n, _BLOCK_ROWS):
        words = _words(rows, slice(start, start + _BLOCK_ROWS))
        if len(factors) != words.shape[1]:
            # Odd, so that no bit of a word is lost.
            factors = np.random.default_rng(0).integers(1 << 63, size=(words.shape[1],), dtype=np.uint64)
            factors = factors | np.uint64(1)
        # Words that differ in their highest bits alone would have products that differ in those alone.
        words ^= words >> _HALF_WORD
        hashes[start : start + _BLOCK_ROWS] = (words * factors).sum(axis=1, dtype=np.uint64)
    order = np.argsort(hashes, kind="stable").astype(np.uint32)
    alike = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
    copies = np.full(n, NO_ROW, np.uint32)
    for start in range(0, len(alike), _BLOCK_ROWS):
        places = alike[start : start + _BLOCK_ROWS]
        first, second = order[places], order[places + 1]
        equal = (_words(rows, first) == _words(rows, second)).all(axis=1)
        copies[first[equal]] = second[equal]
    return copies if (copies != NO_ROW).any() else np.empty(0, np.uint32)


def nodes_of(copies: NDArray[np.uint32], n: int) -> NDArray[np.uint32]:
    """Return the rows that are nodes, the first of each that are equal, ascending."""
    is_node = np.ones(n, np.bool_)
    is_node[copies[copies != NO_ROW]] = False
    return np.flatnonzero(is_node).astype(np.uint32)


def open_copies(arrays: Arrays, n: int) -> NDArray[np.uint32] | None:
    """Return the copies out of the arrays of an index, None where there are none.

    Raises
    ------
    ValueError
        They do not lead from each row to a later one.
    """
    if NAME not in arrays:
        return None
    copies = arrays[NAME]
    if copies.dtype != np.uint32 or copies.shape != (n,):
        raise ValueError(f"copies are {copies.dtype} {copies.shape}; expected uint32 ({n},)")
    known = copies != NO_ROW
    if (copies[known] <= np.flatnonzero(known)).any() or int(copies[known].max(initial=0)) >= max(n, 1):
        raise ValueError("copies do not lead from each row to a later one")
    return copies


def with_copies(
    found: Neighbors, copies: NDArray[np.uint32], allowed: RowSet | None, higher_is_nearer: bool
) -> Neighbors:
    """Return the nearest rows where each found one stands for itself and the allowed ones equal to it."""
    words = None if allowed is None else allowed.words
    k = found.rows.shape[1]
    for rows, scores in zip(found.rows, found.scores, strict=True):
        named: set[tuple[float, int]] = set()
        for node, score in zip(rows.tolist(), scores.tolist(), strict=True):
            row, listed = node, 0
            while row != NO_ROW and listed < k:
                if words is None or int(words[row >> 6]) >> (row & 63) & 1:
                    named.add((-score if higher_is_nearer else score, row))
                    listed += 1
                row = int(copies[row])
        for place, (score, row) in enumerate(sorted(named)[:k]):
            rows[place], scores[place] = row, -score if higher_is_nearer else score
    return found


def _words(rows: DenseRows, chosen: Any) -> NDArray[np.uint64]:
    stored = np.ascontiguousarray(rows.stored(chosen))
    octets = stored.view(np.uint8).reshape(len(stored), -1)
    padded = np.zeros((len(octets), -(-octets.shape[1] // 8) * 8), np.uint8)
    padded[:, : octets.shape[1]] = octets
    return padded.view(np.uint64)
