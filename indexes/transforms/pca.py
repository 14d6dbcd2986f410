"""Principal components: the directions in which vectors are longest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays, BuildJob
from ..rows.vectors import Vectors
from .linear_map import LinearMap, open_map

# The error on other rows is within a few thousandths of that of all rows from some ten rows a dimension on.
_SAMPLE_ROWS = 65536
_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Pca:
    """The ``dim`` orthogonal directions that keep most of the vectors' squared length.

    Nothing is subtracted first, so that the map is linear and serves rows, queries and what is left of rows
    beside centres alike: the mean of the rows is one of the directions where it is long. No axis is
    stretched, so that products stay what they are. The directions come from a sample, in double precision.

    Parameters
    ----------
    dim
        How many directions are kept.
    """

    dim: int

    name = "pca"

    def __post_init__(self) -> None:
        if type(self.dim) is not int or self.dim < 1:
            raise ValueError(f"Pca.dim is {self.dim!r}; expected a whole number of at least 1")

    def to_json(self) -> dict[str, Any]:
        """Return the name and the dimensions."""
        return {"name": self.name, "dim": self.dim}

    def width(self, dim: int) -> int:
        """Return how many directions are kept."""
        if self.dim > dim:
            raise ValueError(f"Pca({self.dim}) of vectors of {dim} dimensions; expected at most {dim}")
        return self.dim

    def fit(self, vectors: Vectors, job: BuildJob) -> LinearMap:
        """Find the directions."""
        return LinearMap(axes_of(sample_of(vectors, _SAMPLE_ROWS), self.width(vectors.dim)))

    def open(self, arrays: Arrays, dim: int) -> LinearMap:
        """Return the map that was fitted."""
        return open_map(arrays, dim, self.width(dim))


def sample_of(vectors: Vectors, most: int) -> NDArray[np.float32]:
    """Return all vectors, or ``most`` spread evenly over them."""
    n = len(vectors)
    return vectors.floats(np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64)))


def axes_of(sample: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Return the ``width`` eigenvectors of the sample's second moments with the largest eigenvalues.

    float32 ``(width, dim)``, orthonormal whatever the sample, largest first, each with the sign that makes
    its largest coordinate positive.
    """
    dim = sample.shape[1]
    moments = np.zeros((dim, dim), np.float64)
    for start in range(0, len(sample), _BLOCK_ROWS):
        block = sample[start : start + _BLOCK_ROWS].astype(np.float64)
        moments += block.T @ block
    _, vectors = np.linalg.eigh(moments)
    axes = vectors.T[::-1][:width]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return np.ascontiguousarray(np.where(largest < 0, -axes, axes), np.float32)
