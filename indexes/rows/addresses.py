"""Addresses of arrays, which is how kernels are given them."""

from __future__ import annotations

from ctypes import c_uint64
from typing import Any

import numpy as np
from numpy.typing import NDArray

NOWHERE = np.uint64(0)
"""The address of what there is not."""

# The object of an array has where its data begins right behind its head, where compiled extensions read it by
# NumPy's binary interface. `array.ctypes.data` makes two objects on the way and takes four times as long.
_HEAD = object.__basicsize__
_number_at = c_uint64.from_address


def _read(array: NDArray[Any] | None) -> np.uint64:
    """Return where an array begins, 0 for none. The caller keeps the array alive."""
    return NOWHERE if array is None else np.uint64(_number_at(id(array) + _HEAD).value)


def _asked(array: NDArray[Any] | None) -> np.uint64:
    """Return where an array begins, 0 for none. The caller keeps the array alive."""
    return NOWHERE if array is None else np.uint64(array.ctypes.data)


_probe = np.empty(1)
address = _read if _read(_probe) == _asked(_probe) else _asked
