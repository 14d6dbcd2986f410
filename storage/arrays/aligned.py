"""Arrays whose first byte is at a multiple of 64, what vector instructions and cache lines want."""

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64


def aligned_copy(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return a read-only, C-contiguous copy of `array` that starts at a multiple of 64."""
    room = np.empty(array.nbytes + ALIGNMENT, dtype=np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    room[start : start + array.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    # Over a read-only buffer, so that nobody can make the array writable again.
    data = np.frombuffer(room.data.toreadonly(), dtype=np.uint8, offset=start)[: array.nbytes]
    return data.view(array.dtype).reshape(array.shape)


def is_aligned(address: int) -> bool:
    """Return whether an address is a multiple of 64."""
    return address % ALIGNMENT == 0
