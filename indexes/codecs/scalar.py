"""Scalar quantization: vectors rounded to 4 or 8 bits a dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..protocol import Arrays, BuildJob, FieldShape
from ..rows.element import Element
from ..rows.metric import Metric
from ..rows.vectors import Vectors
from .encoding import Block, checked_coded, encode_blocks, mean_of, squared_bias
from .protocol import Coded
from .record import codes_record

LINE = 64
# With more dimensions the errors of 4-bit codes average out, and half the bytes are half the time.
_LAST_DIM_OF_8_BITS = 128
# Share of the coordinates that the code's range covers; what lies beyond is clipped.
_COVERED = {8: 0.9999, 4: 0.998}
_SAMPLE_ROWS = 8192
# Of rows that are closer than this there are no steps in the range of float32: they count as equal.
_LEAST_REACH = 1e-36
# How far the 4-bit codes of a row with a scale of its own reach at most, in root mean squares.
_REACH_OF_4_BITS = np.float32(2.9)


def bits_for(dim: int) -> int:
    """Return how many bits a dimension gets unless the caller says."""
    return 8 if dim <= _LAST_DIM_OF_8_BITS else 4


def code_bytes(dim: int, bits: int) -> int:
    """Return the bytes of one row of codes."""
    return -(-dim * bits // (8 * LINE)) * LINE


@dataclass(frozen=True)
class Scalar:
    """Coordinates rounded to evenly spaced steps around the mean of the rows.

    Parameters
    ----------
    bits
        4 or 8 a dimension; 8 up to 128 dimensions and 4 beyond unless given.
    per_vector
        Whether each vector has a scale of its own, in 4 bytes more, and not the collection one for all. As
        in locally-adaptive vector quantization (arXiv 2304.04759, section 3), where a vector also has an
        offset of its own: here its steps lie evenly around the mean, so that one number a row is enough.
    """

    bits: int | None = None
    per_vector: bool = False

    name = "scalar"

    def __post_init__(self) -> None:
        if self.bits is not None and (type(self.bits) is not int or self.bits not in _COVERED):
            raise ValueError(f"Scalar.bits is {self.bits!r}; expected 4 or 8")
        if type(self.per_vector) is not bool:
            raise ValueError(f"Scalar.per_vector is {self.per_vector!r}; expected True or False")

    def to_json(self) -> dict[str, Any]:
        """Return the name and the parameters that were given."""
        record: dict[str, Any] = (
            {"name": self.name} if self.bits is None else {"name": self.name, "bits": self.bits}
        )
        return record | {"per_vector": True} if self.per_vector else record

    def check(self, field: FieldShape) -> None:
        """Refuse binary vectors, whose bits are codes already."""
        if field.element is Element.BINARY:
            raise ValueError("codec 'scalar' rounds numbers; the field has binary vectors")

    def train(self, vectors: Vectors, job: BuildJob) -> ScalarCodec:
        """Learn mean and scale; the bits a dimension come from the dimensions unless given."""
        n, bits, mean = len(vectors), self._bits(vectors.dim), mean_of(vectors)
        if self.per_vector:
            return ScalarCodec(bits, mean, np.float32(1), vectors.metric, per_vector=True)
        spread = np.unique(np.linspace(0, n - 1, min(n, _SAMPLE_ROWS)).astype(np.int64))
        reach = float(np.quantile(np.abs(vectors.floats(spread) - mean), _COVERED[bits]))
        if reach < _LEAST_REACH:
            reach = 1.0
        return ScalarCodec(bits, mean, np.float32((127 if bits == 8 else 8) / reach), vectors.metric)

    def open(self, arrays: Arrays, dim: int, metric: Metric) -> ScalarCodec:
        """Return the codec that was learnt."""
        check_array("mean", arrays, np.float32, (dim,))
        check_array("scale", arrays, np.float32, (1,))
        bits, scale = self._bits(dim), arrays["scale"][0]
        return ScalarCodec(bits, arrays["mean"], scale, metric, per_vector=self.per_vector)

    def _bits(self, dim: int) -> int:
        return bits_for(dim) if self.bits is None else self.bits


class ScalarCodec:
    """Codes of which ``value = factor * (code - offset) / scale + mean``, the factor 1 without one.

    A row of codes is ``(row_bytes,)`` uint8, padded to whole cache lines. 8 bits: a byte a dimension. 4 bits:
    byte ``j`` of a line holds dimension ``j`` of its 128 in its lower half and dimension ``64 + j`` in the
    upper. For l2 the bias is half the squared length of each row as its code has it, in steps times units,
    and queries are taken beside the mean too.

    Parameters
    ----------
    bits
        4 or 8.
    mean
        What is subtracted, float32 ``(dim,)``.
    scale
        Steps per unit.
    metric
        How the vectors are compared.
    per_vector
        Whether rows have factors; the scale is 1 then.
    """

    def __init__(
        self,
        bits: int,
        mean: NDArray[np.float32],
        scale: np.float32,
        metric: Metric,
        *,
        per_vector: bool = False,
    ) -> None:
        self.bits, self.mean, self.scale, self.metric = bits, mean, scale, metric
        self.per_vector = per_vector
        self.row_bytes = code_bytes(len(mean), bits)
        self.query_bytes = self.row_bytes * 8 // bits

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return mean and scale."""
        return {"mean": self.mean, "scale": np.array([self.scale], np.float32)}

    def encode(self, vectors: Vectors, anchors: Vectors | None = None, threads: int = 1) -> Coded:
        """Return codes, the bias of every row for l2, and factors if rows have them."""
        encode = self._adapted if self.per_vector else self._block
        squared = self.metric is Metric.L2
        return encode_blocks(
            vectors, anchors, self.row_bytes, encode, bias=squared, factors=self.per_vector, threads=threads
        )

    def _block(self, block: NDArray[np.float32], anchors: NDArray[np.float32] | None) -> Block:
        scale = self.scale
        rounded = self._rounded((block - self.mean) * scale)
        bias = None
        if self.metric is Metric.L2:
            bias = np.einsum("ij,ij->i", rounded, rounded) / (2 * scale)
            if anchors is not None:
                bias += np.einsum("ij,ij->i", anchors, rounded + self.mean * scale)
        return self._packed(rounded), bias, None

    def _adapted(self, block: NDArray[np.float32], anchors: NDArray[np.float32] | None) -> Block:
        left = block - self.mean
        largest = np.abs(left).max(axis=1, initial=0)
        largest[largest == 0] = 1
        # Of shares of the largest coordinate, whose squares float32 holds.
        shares = left / largest[:, None]
        if self.bits == 8:
            rounded = self._rounded(shares * np.float32(127))
        else:
            spread = np.sqrt(np.square(shares).mean(axis=1, keepdims=True)) * _REACH_OF_4_BITS
            rounded = self._rounded(shares * (8 / np.where(spread > 0, np.minimum(spread, 1), np.float32(1))))
        # The multiple of the steps that comes closest to the row.
        lengths = np.einsum("ij,ij->i", rounded, rounded)
        factors = largest * (
            np.einsum("ij,ij->i", shares, rounded) / np.where(lengths > 0, lengths, np.float32(1))
        )
        bias = None
        if self.metric is Metric.L2:
            bias = squared_bias(factors[:, None] * rounded, anchors)
            if anchors is not None:
                bias += anchors @ self.mean
        return self._packed(rounded), bias, factors

    def _rounded(self, steps: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.bits == 8:
            return np.clip(np.rint(steps), -127, 127)
        rounded: NDArray[np.float32] = np.clip(np.floor(steps), -8, 7) + np.float32(0.5)
        return rounded

    def _packed(self, rounded: NDArray[np.float32]) -> NDArray[np.uint8]:
        if self.bits == 4:
            return _pack((rounded + np.float32(7.5)).astype(np.uint8), self.row_bytes)
        codes = np.zeros((len(rounded), self.row_bytes), np.uint8)
        codes[:, : rounded.shape[1]] = (rounded + 128).astype(np.uint8)
        return codes

    def decode(self, coded: Coded) -> NDArray[np.float32]:
        """Return the middle of each step."""
        codes, dim = coded.codes, len(self.mean)
        if self.bits == 8:
            steps = codes[:, :dim].astype(np.float32) - np.float32(128)
        else:
            lines = codes.reshape(len(codes), -1, 1, LINE)
            halves = np.concatenate([lines & 15, lines >> 4], axis=2).reshape(len(codes), -1)
            steps = halves[:, :dim].astype(np.float32) - np.float32(7.5)
        scaled = steps * coded.factors[:, None] if self.per_vector else steps / self.scale
        return scaled + self.mean

    def prepare(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the queries as they are."""
        return queries

    def checked(self, arrays: Arrays, n: int) -> Coded:
        """Return codes, bias and factors out of the arrays of an index."""
        squared = self.metric is Metric.L2
        return checked_coded(arrays, n, self.row_bytes, bias=squared, factors=self.per_vector)

    def record(self, coded: Coded) -> NDArray[Any]:
        """Describe codes to kernels."""
        from ..kernels.codes import SCALAR4, SCALAR8

        return codes_record(
            SCALAR8 if self.bits == 8 else SCALAR4,
            coded,
            dim=len(self.mean),
            given_bytes=4 * len(self.mean),
            mean=self.mean,
            centred=self.metric is Metric.L2,
            scale=float(self.scale),
            bias_unit=1 / float(self.scale),
        )


def _pack(codes: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    padded = np.zeros((len(codes), width * 2), np.uint8)
    padded[:, : codes.shape[1]] = codes
    halves = padded.reshape(len(codes), width // LINE, 2, LINE)
    packed = halves[:, :, 0] | np.left_shift(halves[:, :, 1], np.uint8(4))
    return packed.reshape(len(codes), width)
