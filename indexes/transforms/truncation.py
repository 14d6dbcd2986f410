"""The first dimensions of a vector alone, for models that were trained to put most of the meaning there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays, BuildJob
from ..rows.vectors import Vectors


@dataclass(frozen=True)
class Truncation:
    """The first ``dim`` dimensions: what Matryoshka representation learning is for (arXiv 2205.13147).

    Candidates are found by the short vectors; exact scores are always those of the whole ones.

    Parameters
    ----------
    dim
        How many dimensions are kept.
    """

    dim: int

    name = "truncation"

    def __post_init__(self) -> None:
        if type(self.dim) is not int or self.dim < 1:
            raise ValueError(f"Truncation.dim is {self.dim!r}; expected a whole number of at least 1")

    def to_json(self) -> dict[str, Any]:
        """Return the name and the dimensions."""
        return {"name": self.name, "dim": self.dim}

    def width(self, dim: int) -> int:
        """Return how many dimensions are kept."""
        if self.dim > dim:
            raise ValueError(f"Truncation({self.dim}) of vectors of {dim} dimensions; expected at most {dim}")
        return self.dim

    def fit(self, vectors: Vectors, job: BuildJob) -> FittedTruncation:
        """Return the map; there is nothing to learn."""
        return FittedTruncation(vectors.dim, self.width(vectors.dim))

    def open(self, arrays: Arrays, dim: int) -> FittedTruncation:
        """Return the map; it has no arrays."""
        return FittedTruncation(dim, self.width(dim))


class FittedTruncation:
    """Keeps the first ``width`` of ``dim`` dimensions."""

    def __init__(self, dim: int, width: int) -> None:
        self.dim, self.width = dim, width

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return nothing."""
        return {}

    def apply(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cut."""
        return np.ascontiguousarray(block[:, : self.width])

    def restore(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Fill up with zeros."""
        restored = np.zeros((len(block), self.dim), np.float32)
        restored[:, : self.width] = block
        return restored
