"""Tokens as numbers of centroids and codes of what is left of them; immutable."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..protocol import Arrays
from ..rows.metric import Metric

if TYPE_CHECKING:
    from ..clustering.centroids import Centroids
    from .codebooks import Codebooks
    from .turning import Turning

WIDTH = 256
"""Codes of a part."""
_NUMBER, _SCALE, _LENGTH = 2, 2, 4
_LARGEST = float(np.finfo(np.float32).max)
_ARRAYS = "centroids", "codebooks", "rotation"


class TokenCodes:
    """What tokens of some segments are coded by.

    A token is a byte for each part, a u16 that numbers its nearest centroid, and the upper half of a float32:
    the decoded token is that times the sum of the centroid and of what each part adds, which makes it as long
    as the token was. Under the cosine the inverse of its length follows as a float32, under l2 its square.

    Parameters
    ----------
    centroids
        ``(k, dim)`` float32, at most 65,536; turned.
    codebooks
        ``(dim, 256)`` float32: in column ``j``, one part below the other, what code ``j`` adds.
    rotation
        Orthonormal, float32 ``(dim, dim)``, by which tokens were turned before; None for none.
    m
        How many parts there are.
    metric
        How tokens are compared.
    """

    def __init__(
        self,
        centroids: NDArray[np.float32],
        codebooks: NDArray[np.float32],
        rotation: NDArray[np.float32] | None,
        m: int,
        metric: Metric,
    ) -> None:
        self.centroids, self.codebooks, self.rotation = centroids, codebooks, rotation
        self.m, self.metric, self.dim = m, metric, len(codebooks)
        self.token_bytes = m + _NUMBER + _SCALE + (0 if metric is Metric.DOT else _LENGTH)
        self.starts = np.arange(m + 1, dtype=np.int64) * self.dim // m

    @classmethod
    def from_arrays(cls, arrays: Arrays, dim: int, m: int, metric: Metric) -> TokenCodes | None:
        """Return what :meth:`arrays` gave, among others; None where there is none of it."""
        if "centroids" not in arrays:
            return None
        count = len(arrays["centroids"])
        if not 1 <= count <= 1 << 8 * _NUMBER:
            raise ValueError(f"tokens have {count} centroids; expected 1 to {1 << 8 * _NUMBER}")
        centroids = check_array("centroids", arrays, np.float32, (count, dim))
        codebooks = check_array("codebooks", arrays, np.float32, (dim, WIDTH))
        is_turned = "rotation" in arrays
        rotation = check_array("rotation", arrays, np.float32, (dim, dim)) if is_turned else None
        return cls(centroids, codebooks, rotation, m, metric)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that a segment keeps."""
        given = zip(_ARRAYS, (self.centroids, self.codebooks, self.rotation), strict=True)
        return {name: array for name, array in given if array is not None}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TokenCodes):
            return NotImplemented
        mine, others = self.arrays(), other.arrays()
        same = (self.m, self.metric) == (other.m, other.metric) and mine.keys() == others.keys()
        return same and all(np.array_equal(array, others[name]) for name, array in mine.items())

    __hash__ = None  # type: ignore[assignment]

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum(array.nbytes for array in self.arrays().values())

    def encode(self, tokens: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return ``(t, dim)`` tokens as ``(t, token_bytes)``, each coded alone."""
        coded = np.zeros((len(tokens), self.token_bytes), np.uint8)
        turned = self.turned(tokens)
        numbers, _ = self._nearest.nearest(turned)
        coded[:, : self.m] = self._books.encode(turned - self.centroids[numbers])
        coded[:, self.m : self.m + _NUMBER] = _bytes_of(numbers.astype("<u2"))
        raw = _squares(self._sums(coded))
        given = _squares(turned)
        scales = np.sqrt(np.divide(given, raw, out=np.zeros_like(given), where=raw > 0))
        # Rounded to the upper half.
        halves = (scales.astype("<f4").view("<u4") + np.uint32(1 << 15)) >> 16
        at = self.m + _NUMBER
        coded[:, at : at + _SCALE] = _bytes_of(halves.astype("<u2"))
        if self.metric is not Metric.DOT:
            squares = raw * np.square(self._scales(coded), dtype=np.float64)
            if self.metric is Metric.COSINE:
                squares = np.divide(1, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)
            coded[:, at + _SCALE :] = _bytes_of(squares.clip(max=_LARGEST).astype("<f4"))
        return coded

    def decode(self, coded: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the ``(t, dim)`` tokens that coded ones stand for."""
        turned = self._sums(coded) * self._scales(coded)[:, None]
        if self._turning_back is None:
            return turned
        return np.ascontiguousarray(self._turning_back(turned))

    def turned(self, tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return tokens, or those of queries, as centroids and codebooks are, contiguous."""
        return np.ascontiguousarray(tokens if self._turning is None else self._turning(tokens), np.float32)

    def check(self, coded: NDArray[np.uint8]) -> None:
        """Refuse numbers of centroids that there are not."""
        highest = int(self._numbers(coded).max(initial=0))
        if highest >= len(self.centroids):
            raise ValueError(f"a token is of centroid {highest}; there are {len(self.centroids)}")

    @cached_property
    def parts(self) -> NDArray[np.float32]:
        """The codebooks part by part as kernels read them, ``(256, dimensions of the part)`` each."""
        bounds = zip(self.starts[:-1], self.starts[1:], strict=True)
        return np.concatenate([self.codebooks[start:end].T.reshape(-1) for start, end in bounds])

    def _numbers(self, coded: NDArray[np.uint8]) -> NDArray[np.uint16]:
        return np.ascontiguousarray(coded[:, self.m : self.m + _NUMBER]).view("<u2")[:, 0]

    def _scales(self, coded: NDArray[np.uint8]) -> NDArray[np.float32]:
        at = self.m + _NUMBER
        halves = np.ascontiguousarray(coded[:, at : at + _SCALE]).view("<u2")[:, 0]
        scales: NDArray[np.float32] = (halves.astype("<u4") << np.uint32(16)).view("<f4")
        return scales

    def _sums(self, coded: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the sums of centroids that tokens are, but for their scales."""
        sums = self.centroids[self._numbers(coded)]
        for part, (start, end) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            sums[:, start:end] += self.codebooks[start:end].T[coded[:, part]]
        return sums

    # Bound late, as they load kernels.

    @cached_property
    def _nearest(self) -> Centroids:
        from ..clustering.centroids import Centroids

        return Centroids(self.centroids)

    @cached_property
    def _books(self) -> Codebooks:
        from .codebooks import Codebooks

        return Codebooks(self.codebooks, self.m)

    @cached_property
    def _turning(self) -> Turning | None:
        return None if self.rotation is None else _turning_by(self.rotation)

    @cached_property
    def _turning_back(self) -> Turning | None:
        return None if self.rotation is None else _turning_by(np.ascontiguousarray(self.rotation.T))


def _turning_by(rotation: NDArray[np.float32]) -> Turning:
    # A product of matrices would sum otherwise at the end of a block: what comes back did not depend on a
    # token alone.
    from .turning import Turning

    return Turning(rotation)


def _squares(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    squares: NDArray[np.float64] = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    return squares


def _bytes_of(values: NDArray[Any]) -> NDArray[np.uint8]:
    return values.reshape(-1, 1).view(np.uint8)
