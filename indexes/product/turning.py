"""A linear map of rows whose images do not depend on what stands beside a row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..clustering.centroids import panels_of, tiled
from ..kernels.centroids import PANEL, products_of_rows
from ..rows.addresses import address
from ..rows.dense import aligned


class Turning:
    """``rows @ rotation.T``, each product summed in the order of the dimensions; immutable.

    A product of matrices sums otherwise at the end of a block, so that equal rows had different codes.
    """

    def __init__(self, rotation: NDArray[np.float32]) -> None:
        self._panels, _ = panels_of(rotation)
        self._width = len(rotation)

    def __call__(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the ``(n, width)`` images of ``(n, dim)`` rows; rows of theirs lie a little apart."""
        floats = tiled(rows)
        turned = aligned((len(floats), len(self._panels) * PANEL), np.float32)
        products_of_rows(
            address(floats),
            floats.strides[0],
            len(floats),
            floats.shape[1],
            address(self._panels),
            len(self._panels),
            address(turned),
            turned.strides[0],
        )
        return turned[: len(rows), : self._width]
