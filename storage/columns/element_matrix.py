"""Arrays of vector columns, checked as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptionError

_ELEMENT_DTYPES = (np.dtype(np.float32), np.dtype(np.float16), np.dtype(np.int8), np.dtype(np.uint8))


def named_arrays(
    arrays: Mapping[str, NDArray[Any]], names: tuple[str, ...], source: str
) -> list[NDArray[Any]]:
    """Return the arrays of these names; CorruptionError when there are others."""
    if set(arrays) != set(names):
        raise CorruptionError(source, f"vector arrays are {sorted(arrays)}, expected {sorted(names)}")
    return [arrays[name] for name in names]


def element_matrix(matrix: NDArray[Any], source: str) -> NDArray[Any]:
    """Return ``matrix``; CorruptionError unless it is one of an element type."""
    if matrix.ndim != 2 or matrix.dtype not in _ELEMENT_DTYPES:
        raise CorruptionError(
            source, f"vectors are {matrix.dtype} {matrix.shape}, expected a matrix of an element type"
        )
    return matrix
