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
from .encoding import Block, checked_coded, encode_blocks, mean_of
from .protocol import Coded
from .record import codes_record

LINE = 64
# With more dimensions the errors of 4-bit codes average out, and half the bytes are half the time.
_LAST_DIM_OF_8_BITS = 128
# Share of the coordinates that the code's range covers; what lies beyond is clipped.
_COVERED = {8: 0.9999, 4: 0.998}
_SAMPLE_ROWS = 8192


def bits_for(dim: int) -> int:
    """Return how many bits a dimension gets unless the caller says."""
    return 8 if dim <= _LAST_DIM_OF_8_BITS else 4


def code_bytes(dim: int, bits: int) -> int:
    """Return the bytes of one row of codes."""
    return -(-dim * bits // (8 * LINE)) * LINE


@dataclass(frozen=True)
class Scalar:
    """Coordinates rounded to evenly spaced steps around the mean of the rows, one scale for all.

    Parameters
    ----------
    bits
        4 or 8 a dimension; 8 up to 128 dimensions and 4 beyond unless given.
    """

    bits: int | None = None

    name = "scalar"

    def __post_init__(self) -> None:
        if self.bits is not None and (type(self.bits) is not int or self.bits not in _COVERED):
            raise ValueError(f"Scalar.bits is {self.bits!r}; expected 4 or 8")

    def to_json(self) -> dict[str, Any]:
        """Return the name, and the bits if they were given."""
        return {"name": self.name} if self.bits is None else {"name": self.name, "bits": self.bits}

    def check(self, field: FieldShape) -> None:
        """Refuse binary vectors, whose bits are codes already."""
        if field.element is Element.BINARY:
            raise ValueError("codec 'scalar' rounds numbers; the field has binary vectors")

    def train(self, vectors: Vectors, job: BuildJob) -> ScalarCodec:
        """Learn mean and scale; the bits a dimension come from the dimensions unless given."""
        n, bits = len(vectors), self._bits(vectors.dim)
        mean = mean_of(vectors)
        spread = np.unique(np.linspace(0, n - 1, min(n, _SAMPLE_ROWS)).astype(np.int64))
        reach = float(np.quantile(np.abs(vectors.floats(spread) - mean), _COVERED[bits])) or 1.0
        return ScalarCodec(bits, mean, np.float32((127 if bits == 8 else 8) / reach), vectors.metric)

    def open(self, arrays: Arrays, dim: int, metric: Metric) -> ScalarCodec:
        """Return the codec that was learnt."""
        check_array("mean", arrays, np.float32, (dim,))
        check_array("scale", arrays, np.float32, (1,))
        return ScalarCodec(self._bits(dim), arrays["mean"], arrays["scale"][0], metric)

    def _bits(self, dim: int) -> int:
        return bits_for(dim) if self.bits is None else self.bits


class ScalarCodec:
    """Codes of which ``value = (code - offset) / scale + mean``.

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
    """

    def __init__(self, bits: int, mean: NDArray[np.float32], scale: np.float32, metric: Metric) -> None:
        self.bits, self.mean, self.scale, self.metric = bits, mean, scale, metric
        self.row_bytes = code_bytes(len(mean), bits)
        self.query_bytes = self.row_bytes * 8 // bits

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return mean and scale."""
        return {"mean": self.mean, "scale": np.array([self.scale], np.float32)}

    def encode(self, vectors: Vectors, anchors: Vectors | None = None, threads: int = 1) -> Coded:
        """Return codes and, for l2, the bias of every row."""
        squared = self.metric is Metric.L2
        return encode_blocks(
            vectors, anchors, self.row_bytes, self._block, bias=squared, factors=False, threads=threads
        )

    def _block(self, block: NDArray[np.float32], anchors: NDArray[np.float32] | None) -> Block:
        bits, scale = self.bits, self.scale
        steps = (block - self.mean) * scale
        if bits == 8:
            rounded = np.clip(np.rint(steps), -127, 127)
        else:
            rounded = np.clip(np.floor(steps), -8, 7) + np.float32(0.5)
        bias = None
        if self.metric is Metric.L2:
            bias = np.einsum("ij,ij->i", rounded, rounded) / (2 * scale)
            if anchors is not None:
                bias += np.einsum("ij,ij->i", anchors, rounded + self.mean * scale)
        if bits == 4:
            return _pack((rounded + np.float32(7.5)).astype(np.uint8), self.row_bytes), bias, None
        codes = np.zeros((len(block), self.row_bytes), np.uint8)
        codes[:, : block.shape[1]] = (rounded + 128).astype(np.uint8)
        return codes, bias, None

    def decode(self, coded: Coded) -> NDArray[np.float32]:
        """Return the middle of each step."""
        codes, dim = coded.codes, len(self.mean)
        if self.bits == 8:
            steps = codes[:, :dim].astype(np.float32) - np.float32(128)
        else:
            lines = codes.reshape(len(codes), -1, 1, LINE)
            halves = np.concatenate([lines & 15, lines >> 4], axis=2).reshape(len(codes), -1)
            steps = halves[:, :dim].astype(np.float32) - np.float32(7.5)
        return steps / self.scale + self.mean

    def prepare(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the queries as they are."""
        return queries

    def checked(self, arrays: Arrays, n: int) -> Coded:
        """Return codes and bias out of the arrays of an index."""
        return checked_coded(arrays, n, self.row_bytes, bias=self.metric is Metric.L2, factors=False)

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
