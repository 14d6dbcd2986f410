"""Where each term stands among the terms of an index, looked up by its number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_SLOTS = 1 << 22
"""Terms of a usual vocabulary are looked up in an array; those of a hashed one would take too much of it."""


def slots_of(terms: NDArray[np.uint32]) -> NDArray[np.uint32] | None:
    """Return where numbers stand among distinct ``terms``, ``len(terms)`` for none; None for too many."""
    if not len(terms) or int(terms.max()) >= MOST_SLOTS:
        return None
    slots = np.full(int(terms.max()) + 1, len(terms), np.uint32)
    slots[terms] = np.arange(len(terms), dtype=np.uint32)
    return slots
