"""The centroids of every part of a vector, and codes by them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..clustering.centroids import panels_of, safe_scale, tiled
from ..kernels.centroids import PANEL, even_product_codes, product_codes
from ..rows.addresses import address
from ..rows.dense import aligned

# What an error of the length weighs beside that of the vector.
LENGTH_WEIGHT = np.float32(2.0)


def starts_of(dim: int, m: int) -> NDArray[np.int64]:
    """Return where each of ``m`` parts begins and the last ends: they differ by one dimension at most."""
    return np.arange(m + 1, dtype=np.int64) * dim // m


class Codebooks:
    """What parts of vectors are compared with; immutable.

    Parameters
    ----------
    centroids
        float32 ``(dim, width)``: in column ``j``, one part below the other, the centroids that code ``j``
        stands for. Where there are fewer centroids than codes the first fills up, and is never chosen there.
    m
        How many parts there are.
    """

    def __init__(self, centroids: NDArray[np.float32], m: int) -> None:
        self.centroids, self.m = centroids, m
        self.dim, self.width = centroids.shape
        self.starts = starts_of(self.dim, m)
        self._scale = safe_scale(centroids)
        self._n_panels = -(-self.width // PANEL)
        self._panels = aligned((self._n_panels * PANEL * self.dim,), np.float32)
        self._halves = aligned((m, self._n_panels * PANEL), np.float32)
        for part, (start, end) in enumerate(self.parts()):
            panels, self._halves[part] = panels_of(
                np.asarray(centroids[start:end].T * self._scale, np.float32)
            )
            self._panels[start * self._n_panels * PANEL :][: panels.size] = panels.ravel()

    def parts(self) -> list[tuple[int, int]]:
        """Return where each part begins and ends."""
        return [(int(start), int(end)) for start, end in zip(self.starts[:-1], self.starts[1:], strict=True)]

    def halves(self) -> NDArray[np.float32]:
        """Return half the squared length of each centroid, float32 ``(m, width)``."""
        with np.errstate(over="ignore"):
            squares = np.square(self.centroids, dtype=np.float64)
            return (np.add.reduceat(squares, self.starts[:-1], axis=0) / 2).astype(np.float32)

    def encode(self, rows: NDArray[np.float32], length_share: float | None = None) -> NDArray[np.uint8]:
        """Return the ``(n, m)`` codes of ``(n, dim)`` rows: the nearest centroid of each part, ties low.

        Distances are summed as ``|c|^2 / 2 - <x, c>`` in float32, the product over the dimensions in order.
        With a ``length_share`` parts are then chosen in turn, each among the nearest of sixteen classes of
        its centroids, to lower ``|x - x'|^2 + w (|x'|^2 - length_share |x|^2)^2 / |x|^2``.
        """
        with np.errstate(over="ignore"):
            floats = tiled(rows if self._scale == 1 else rows * self._scale)
        codes = np.empty((len(floats), self.m), np.uint8)
        given = (address(floats), floats.strides[0], len(floats), self.starts)
        known = (address(self._panels), address(self._halves), self._n_panels)
        if length_share is None:
            product_codes(*given, *known, codes)
        else:
            even_product_codes(*given, *known, LENGTH_WEIGHT, np.float32(length_share), codes)
        return codes[: len(rows)]

    def length_share(self, sample: NDArray[np.float32]) -> float:
        """Return which share of their squared length the rows of a sample keep on average once decoded."""
        with np.errstate(all="ignore"):
            rows = np.asarray(sample * safe_scale(sample), np.float64)
            decoded = np.asarray(self.decode(self.encode(sample)) * safe_scale(sample), np.float64)
            share = float((decoded**2).sum() / (rows**2).sum())
        return share if np.isfinite(share) else 1.0

    def decode(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the ``(n, dim)`` rows that ``(n, m)`` codes stand for."""
        rows = np.empty((len(codes), self.dim), np.float32)
        for part, (start, end) in enumerate(self.parts()):
            rows[:, start:end] = self.centroids[start:end].T[codes[:, part]]
        return rows
