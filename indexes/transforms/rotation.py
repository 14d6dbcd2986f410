"""Vectors turned at random, so that no direction of theirs is coded worse than another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..protocol import Arrays, BuildJob
from ..rows.addresses import address
from ..rows.vectors import Vectors

_ROUNDS = 4


@dataclass(frozen=True)
class Rotation:
    """A random rotation in O(D log D): rounds of random signs, fast Hadamard transforms and small turns.

    Variance that sits in a few dimensions is spread over all of them, which is what codes of equal steps a
    dimension want. Products and distances stay what they are, to the rounding of float32. The transform of
    a round covers the largest power of two of the dimensions, the first or the last ones in turns; where
    that is not all of them, the halves are then mixed by turns of 45 degrees. As in the library of RaBitQ
    ("FhtKacRotator"), but for vectors that are not padded.

    Parameters
    ----------
    seed
        What the signs are drawn from.
    """

    seed: int = 0

    name = "rotation"

    def __post_init__(self) -> None:
        if type(self.seed) is not int or not 0 <= self.seed < 1 << 64:
            raise ValueError(f"Rotation.seed is {self.seed!r}; expected a whole number from 0 to 2**64 - 1")

    def to_json(self) -> dict[str, Any]:
        """Return the name and the seed."""
        return {"name": self.name, "seed": self.seed}

    def width(self, dim: int) -> int:
        """Return ``dim``: nothing is left out."""
        return dim

    def fit(self, vectors: Vectors, job: BuildJob) -> FittedRotation:
        """Draw the signs; nothing is learnt from the vectors."""
        return FittedRotation.drawn(vectors.dim, self.seed)

    def open(self, arrays: Arrays, dim: int) -> FittedRotation:
        """Return the rotation with the signs that were drawn."""
        return FittedRotation(check_array("signs", arrays, np.uint8, (_ROUNDS, -(-dim // 8))), dim)


class FittedRotation:
    """The rotation of vectors of ``dim`` dimensions that these signs make.

    Parameters
    ----------
    signs
        ``(4, ceil(dim / 8))`` uint8: a set bit, the lowest first, turns the sign of its dimension in that
        round.
    dim
        Dimensions of a vector.
    """

    def __init__(self, signs: NDArray[np.uint8], dim: int) -> None:
        self.dim = self.width = dim
        self._signs = signs
        self._length = 1 << (dim.bit_length() - 1)
        self._factors = self._factors_of(np.unpackbits(signs, axis=1, count=dim, bitorder="little"))
        self._factors_address = address(self._factors)
        # Loaded when it is first used: a search of one query would spend as long on finding it again.
        self._rotate: Callable[..., None] | None = None

    @classmethod
    def drawn(cls, dim: int, seed: int) -> FittedRotation:
        """Return the rotation that a seed stands for."""
        bits = np.random.default_rng(seed).integers(0, 2, (_ROUNDS, dim), np.uint8)
        return cls(np.packbits(bits, axis=1, bitorder="little"), dim)

    def _factors_of(self, negative: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what kernels multiply by before each round and behind the last, which keeps lengths."""
        dim, length = self.dim, self._length
        factors = np.ones((_ROUNDS + 1, dim), np.float64)
        factors[:_ROUNDS][negative == 1] = -1
        for step in range(_ROUNDS):
            first = (dim - length) * (step % 2)
            factors[step, first : first + length] /= np.sqrt(length)
        if length < dim:
            half = dim // 2
            factors[1:, :half] *= np.sqrt(0.5)
            factors[1:, dim - half :] *= np.sqrt(0.5)
        return factors.astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the signs."""
        return {"signs": self._signs}

    def apply(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the vectors rotated."""
        return self._turned(block, back=False)

    def restore(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the vectors rotated back."""
        return self._turned(block, back=True)

    def _turned(self, block: NDArray[np.float32], *, back: bool) -> NDArray[np.float32]:
        if self._rotate is None:
            from ..kernels.rotating import rotate

            self._rotate = rotate
        turned = np.array(block, np.float32, order="C")
        self._rotate(address(turned), len(turned), self.dim, self._length, self._factors_address, back)
        return turned
