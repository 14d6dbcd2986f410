"""Arrays that are filled in and stored later, and need not fit in memory until then."""

from __future__ import annotations

import mmap
import os
import tempfile
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray


def scratch_array(shape: tuple[int, ...], dtype: np.dtype[Any], folder: str | None) -> NDArray[Any]:
    """Return zeros at the start of a page, in a file without a name in ``folder``; in memory if it is None.

    The system writes what was filled in to the file and takes its memory back when it is short of it. The
    file is gone with the last view of the array.

    Raises
    ------
    OSError
        There is no room in the folder: it is taken now, as nobody can say so while the array is filled in.
    """
    size = prod(shape) * dtype.itemsize
    if not size:
        return np.zeros(shape, dtype)
    if folder is None:
        return np.frombuffer(mmap.mmap(-1, size), dtype).reshape(shape)
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, size)
        return np.frombuffer(mmap.mmap(file.fileno(), size), dtype).reshape(shape)
