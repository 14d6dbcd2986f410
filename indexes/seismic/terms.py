"""The terms of sparse rows, numbered by falling document frequency: what a slot is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..sparse.slots import MOST_SLOTS


@dataclass(frozen=True)
class Terms:
    """Every term that any row holds a weight of.

    Parameters
    ----------
    numbers
        ``(n_terms,)`` uint32 by falling document frequency, then ascending. The place of a term is its slot.
    frequencies
        ``(n_terms,)`` int64: how many rows hold each.
    largest
        ``(n_terms,)`` float32: the largest weight of each.
    places
        ``(nnz,)`` uint32: the entries of the rows, as ``slots`` knows them.
    slots
        uint32: the slot of each of ``places``.
    """

    numbers: NDArray[np.uint32]
    frequencies: NDArray[np.int64]
    largest: NDArray[np.float32]
    places: NDArray[np.uint32]
    slots: NDArray[np.uint32]


def count_terms(indices: NDArray[np.uint32], weights: NDArray[np.float32]) -> Terms:
    """Return the terms of entries whose weights are all at least zero; those of zero count as none."""
    from ..kernels.forward import count_terms as counted

    places, known = indices, None
    if len(places) and int(places.max()) >= MOST_SLOTS:
        known, inverse = np.unique(places, return_inverse=True)
        places = inverse.astype(np.uint32)
    n = int(places.max()) + 1 if len(places) else 0
    frequencies, largest = np.zeros(n, np.int64), np.zeros(n, np.float32)
    counted(address(places), len(places), address(frequencies), n, address(largest), address(weights))
    order = np.argsort(-frequencies, kind="stable")[: np.count_nonzero(frequencies)]
    slots = np.zeros(n, np.uint32)
    slots[order] = np.arange(len(order), dtype=np.uint32)
    numbers = order.astype(np.uint32) if known is None else known[order]
    return Terms(numbers, frequencies[order], largest[order], places, slots)
