"""A linear map with orthonormal rows, as a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..protocol import Arrays


class LinearMap:
    """Multiplies vectors with a matrix.

    Parameters
    ----------
    matrix
        float32 ``(width, dim)``, its rows orthonormal.
    """

    def __init__(self, matrix: NDArray[np.float32]) -> None:
        self.width, self.dim = matrix.shape
        self._matrix = matrix

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the matrix."""
        return {"matrix": self._matrix}

    def apply(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Multiply."""
        return block @ self._matrix.T

    def restore(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Multiply with the transpose, which is the inverse on what the map keeps."""
        return block @ self._matrix


def open_map(arrays: Arrays, dim: int, width: int) -> LinearMap:
    """Return the map out of the arrays of an index; ValueError if it does not fit."""
    return LinearMap(check_array("matrix", arrays, np.float32, (width, dim)))
