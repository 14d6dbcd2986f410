"""Recurrent binarization: vectors as a few binary codes, each halving what those before left over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array, within
from ..protocol import Arrays, BuildJob, FieldShape
from ..rows.metric import Metric
from ..rows.vectors import Vectors
from ..transforms.linear_map import LinearMap, open_map
from ..transforms.pca import axes_of, sample_of
from .encoding import mean_of
from .signs import QUERY_BITS_MORE, PlanesCodec, check_numbers, levels
from .transformed import CODEC, TRANSFORM, Images, TransformedCodec

_MOST_CODES = 4
_MOST_QUERY_CODES = 8
# Rows that the map is learnt from. Its error falls by less than a hundredth from there to all.
_SAMPLE_ROWS = 16384
_ROUNDS = 20


@dataclass(frozen=True)
class RecurrentBinary:
    """``codes`` binary codes a vector, compared by counting differing bits, fitted to the vectors alone.

    After "Binary Embedding-based Retrieval at Tencent" (arXiv 2302.08714, section 3.1): the first code is
    the sign of a learnt image of the vector, each further one the sign of what the codes before leave over,
    with half their weight, and a product of two vectors is a sum of popcounts over pairs of codes. There a
    network with two layers for every code is trained on pairs that belong together. Here one orthogonal map
    serves all codes and is found in closed form, by iterative quantization (Gong and Lazebnik 2011): codes
    of the rotated sample, then the rotation that brings the sample closest to its codes, in turn. And a row
    keeps a factor of 4 bytes, where the paper normalises.

    Parameters
    ----------
    codes
        Binary codes a vector, 1 to 4.
    dim
        Bits of a code; as many as the vectors have dimensions unless given, at most so many.
    query_codes
        Binary codes of a query, up to 8; three more than a row's unless given. As many as a row's is the
        symmetric distance of the paper.
    """

    codes: int = 2
    dim: int | None = None
    query_codes: int | None = None

    name = "recurrent_binary"

    def __post_init__(self) -> None:
        for named, most in (("codes", _MOST_CODES), ("dim", None), ("query_codes", _MOST_QUERY_CODES)):
            value = getattr(self, named)
            if value is None and named != "codes":
                continue
            if type(value) is not int or value < 1 or (most is not None and value > most):
                expected = "at least 1" if most is None else f"1 to {most}"
                raise ValueError(f"RecurrentBinary.{named} is {value!r}; expected a whole number, {expected}")

    def to_json(self) -> dict[str, Any]:
        """Return the name and the parameters that were given."""
        given = {"dim": self.dim, "query_codes": self.query_codes}
        return {"name": self.name, "codes": self.codes} | {k: v for k, v in given.items() if v is not None}

    def check(self, field: FieldShape) -> None:
        """Refuse binary vectors, and those with fewer dimensions than a code is to have."""
        check_numbers(self.name, field)
        assert field.dim is not None
        if self.dim is not None and self.dim > field.dim:
            raise ValueError(f"RecurrentBinary.dim is {self.dim}; the field has {field.dim} dimensions")

    def train(self, vectors: Vectors, job: BuildJob) -> TransformedCodec:
        """Learn the map and the mean of what comes out."""
        sample = sample_of(vectors, _SAMPLE_ROWS)
        mapped = LinearMap(_learnt_map(sample, self.dim or vectors.dim, self.codes, job.seed))
        mean = mean_of(Images(vectors, mapped))
        return TransformedCodec(mapped, self._planes(mean, vectors.metric))

    def open(self, arrays: Arrays, dim: int, metric: Metric) -> TransformedCodec:
        """Return the map and the codec that were learnt."""
        width = self.dim or dim
        mapped = open_map(within(TRANSFORM, arrays), dim, width)
        mean = check_array("mean", within(CODEC, arrays), np.float32, (width,))
        return TransformedCodec(mapped, self._planes(mean, metric))

    def _planes(self, mean: NDArray[np.float32], metric: Metric) -> PlanesCodec:
        wide = self.query_codes or self.codes + QUERY_BITS_MORE
        return PlanesCodec(self.codes, wide, mean, metric)


def _learnt_map(sample: NDArray[np.float32], width: int, codes: int, seed: int) -> NDArray[np.float32]:
    left = sample - sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    # Products of large numbers would leave the range of float32.
    left /= np.abs(left).max() or np.float32(1)
    axes = axes_of(left, width)
    reduced = left @ axes.T
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.standard_normal((width, width)))[0].astype(np.float32)
    for _ in range(_ROUNDS):
        rotated = reduced @ rotation.T
        middle = levels(rotated, codes)
        lengths = np.einsum("ij,ij->i", middle, middle)
        factors = np.einsum("ij,ij->i", rotated, middle) / lengths
        away, _, back = np.linalg.svd((factors[:, None] * middle).T @ reduced)
        rotation = (away @ back).astype(np.float32)
    return rotation @ axes
