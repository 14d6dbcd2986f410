"""Bitsets of the rows of a segment, and what is put into them.

A bitset is ``n_words(n)`` words of 64 bits, row 0 lowest in word 0; no bit beyond the rows is set. Kernels
are loaded by the first function that calls one.
"""

from __future__ import annotations

from array import array
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from .addresses import address

Bitset: TypeAlias = NDArray[np.uint64]


def n_words(n: int) -> int:
    """Return how many words the bits of ``n`` rows take."""
    return -(-n // 64)


def of_serialized(stored: bytes | memoryview, n: int) -> Bitset | None:
    """Return the rows of a roaring bitmap in its portable form; None unless it is one of rows below ``n``."""
    from ..kernels.bitsets import count_stored, set_rows

    source, size = np.frombuffer(stored, np.uint8), n_words(n)
    if count_stored(address(source), len(source), n) < 0:
        return None
    words = np.zeros(size, np.uint64)
    set_rows(address(source), len(source), address(words), size)
    return words


def of_codes(codes: NDArray[np.uint8], first: int, stop: int) -> Bitset:
    """Return the rows whose code, one a row, is one of the at most 255 from ``first`` to before ``stop``."""
    from ..kernels.bitsets import set_between

    words = np.empty(n_words(len(codes)), np.uint64)
    set_between(address(codes), len(codes), first, stop - first, address(words))
    return words


def add_slices(
    words: Bitset, n: int, rows: NDArray[np.uint32], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> bool:
    """Set the bits of the rows in slices of a contiguous list; return whether all of them are below ``n``.

    Of a segment of ``n`` rows; slices lie in the list.
    """
    from ..kernels.bitsets import set_slices

    return bool(set_slices(address(rows), address(starts), address(stops), len(starts), address(words), n))


def of_bitmap(rows: BitMap, n: int) -> Bitset:
    """Return the rows of a bitmap, all of which must be below ``n``."""
    from ..kernels.bitsets import set_rows

    source = np.frombuffer(rows.serialize(), np.uint8)
    words = np.zeros(n_words(n), np.uint64)
    set_rows(address(source), len(source), address(words), len(words))
    return words


def complement(words: Bitset, n: int) -> Bitset:
    """Return the rows below ``n`` that are not there."""
    others = ~words
    if n % 64:
        others[-1] &= np.uint64((1 << n % 64) - 1)
    return others


def among(few: BitMap, words: Bitset) -> BitMap:
    """Return those of a few rows whose bits are set."""
    rows = np.frombuffer(few.to_array(), np.uint32)
    bits = words[rows >> np.uint32(6)] >> (rows & np.uint32(63)).astype(np.uint64)
    there = array("I")
    there.frombytes(rows[bits & np.uint64(1) == 1].tobytes())
    return BitMap(there)


def extent(words: Bitset) -> tuple[int, int, int]:
    """Return how many bits are set, the first of them, and where the last ends; three times 0 of none."""
    from ..kernels.bitsets import count_rows

    count, first, behind = count_rows(address(words), len(words))
    return int(count), int(first), int(behind)


def listed(words: Bitset, count: int) -> NDArray[np.uint32]:
    """Return the rows of the bits, of which ``count`` are set, in ascending order."""
    from ..kernels.bitsets import list_rows

    rows = np.empty(count, np.uint32)
    list_rows(address(words), len(words), address(rows), count)
    return rows


def places_of_texts(
    data: NDArray[np.uint8],
    ends: NDArray[np.int64],
    wanted: NDArray[np.uint8],
    wanted_ends: NDArray[np.int64],
) -> NDArray[np.int64] | None:
    """Return which of some texts each of others is, -1 for none; None where the first lie beyond their bytes.

    Texts are one behind the other in contiguous arrays, with where each ends, the first in the order of their
    bytes.
    """
    from ..kernels.bitsets import find_texts

    numbers = np.empty(len(wanted_ends), np.int64)
    sources = address(data), len(data), address(ends), len(ends)
    sound = find_texts(*sources, address(wanted), address(wanted_ends), len(numbers), address(numbers))
    return numbers if sound else None
