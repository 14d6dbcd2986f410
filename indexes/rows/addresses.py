"""Addresses of arrays, which is how kernels are given them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NOWHERE = np.uint64(0)
"""The address of what there is not."""


def address(array: NDArray[Any] | None) -> np.uint64:
    """Return where an array begins, 0 for none. The caller keeps the array alive."""
    return NOWHERE if array is None else np.uint64(array.ctypes.data)
