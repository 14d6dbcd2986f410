"""What a transform is to the codec behind it: a linear map of vectors that was fitted to some of them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..protocol import Arrays, BuildJob
from ..rows.vectors import Vectors


class Transform(Protocol):
    """A fitted map; immutable, thread-safe."""

    @property
    def dim(self) -> int:
        """Dimensions of what goes in."""

    @property
    def width(self) -> int:
        """Dimensions of what comes out."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what was fitted, as arrays of an index."""

    def apply(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the ``(m, width)`` images of ``(m, dim)`` vectors, contiguous.

        The rows of the map are orthonormal: lengths and products within what it keeps stay what they are. It
        is linear, so rows, queries and what is left of a row beside a centre go through it alike.
        """

    def restore(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the ``(m, dim)`` shortest vectors that have these images."""


class TransformSpec(Protocol):
    """Parameters of a transform: frozen, hashable, JSON as part of a codec's."""

    @property
    def name(self) -> str:
        """The name the transform is registered under."""

    def to_json(self) -> dict[str, Any]:
        """Return ``{"name": ..., parameters}``; the registry reads it back."""

    def width(self, dim: int) -> int:
        """Return the dimensions of what comes out of vectors of ``dim``; ValueError if those do not fit."""

    def fit(self, vectors: Vectors, job: BuildJob) -> Transform:
        """Fit the map to vectors."""

    def open(self, arrays: Arrays, dim: int) -> Transform:
        """Return the map that was fitted; ValueError if the arrays do not fit."""


TRANSFORM_METHODS = ("to_json", "width", "fit", "open")
"""What the spec of a transform has beside its name."""
