"""Vectors rounded to shorter floating-point numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..protocol import Arrays, BuildJob, FieldShape
from ..rows.element import Element
from ..rows.metric import Metric
from ..rows.vectors import Vectors
from .encoding import BLOCK_ROWS, Block, checked_coded, encode_blocks, squared_bias
from .protocol import Coded
from .record import codes_record

# Kernels read rows sixteen numbers at a time.
_LANES = 16
# float32 has this power of two and its inverse.
_MOST_EXPONENT = 126
_HALF_LARGEST = 65504.0
_BFLOAT_LARGEST = 0x7F7F
_FLOAT8_LARGEST = 0x7E
# Exponents of float8 are biased by 7, those of float32 by 127; its fraction ends 20 bits before theirs.
_FLOAT8_UNIT, _FLOAT8_SHIFT = np.float32(2.0**-120), 20


def _rounded_bits(values: NDArray[np.float32], dropped: int) -> NDArray[np.uint32]:
    """Return the magnitudes without their last bits, to the nearest, ties to even."""
    bits = np.abs(values).view(np.uint32)
    rounded: NDArray[np.uint32] = bits + np.uint32((1 << (dropped - 1)) - 1) + (bits >> dropped & 1)
    return rounded >> np.uint32(dropped)


def _to_half(values: NDArray[np.float32]) -> NDArray[Any]:
    return np.clip(values, -_HALF_LARGEST, _HALF_LARGEST).astype(np.float16).view(np.uint16)


def _from_half(codes: NDArray[Any]) -> NDArray[np.float32]:
    return codes.view(np.float16).astype(np.float32)


def _to_bfloat(values: NDArray[np.float32]) -> NDArray[Any]:
    magnitudes = np.minimum(_rounded_bits(values, 16), _BFLOAT_LARGEST).astype(np.uint16)
    return magnitudes | np.left_shift(np.signbit(values), 15, dtype=np.uint16)


def _from_bfloat(codes: NDArray[Any]) -> NDArray[np.float32]:
    values: NDArray[np.float32] = np.left_shift(codes, 16, dtype=np.uint32).view(np.float32)
    return values


def _to_float8(values: NDArray[np.float32]) -> NDArray[Any]:
    # Numbers so small have the exponents of float8, and lose the same bits below its normal ones.
    rounded = _rounded_bits(values * _FLOAT8_UNIT, _FLOAT8_SHIFT)
    magnitudes = np.minimum(rounded, _FLOAT8_LARGEST).astype(np.uint8)
    return magnitudes | np.left_shift(np.signbit(values), 7, dtype=np.uint8)


def _from_float8(codes: NDArray[Any]) -> NDArray[np.float32]:
    bits = np.left_shift(codes & 0x7F, _FLOAT8_SHIFT, dtype=np.uint32)
    magnitudes: NDArray[np.float32] = bits.view(np.float32) / _FLOAT8_UNIT
    return np.where(codes & 0x80, -magnitudes, magnitudes)


@dataclass(frozen=True, slots=True)
class FloatFormat:
    """A way to write numbers, and how to get there and back."""

    dtype: type[Any]
    largest: float | None
    """The largest number, to which those of a collection are scaled; None where nothing is scaled."""
    encode: Callable[[NDArray[np.float32]], NDArray[Any]]
    decode: Callable[[NDArray[Any]], NDArray[np.float32]]
    form: str
    """The constant of ``kernels.codes`` that names it."""


@dataclass(frozen=True)
class _Floats:
    """What the specs of all formats do."""

    name: ClassVar[str]
    _format: ClassVar[FloatFormat]

    def to_json(self) -> dict[str, Any]:
        """Return the name."""
        return {"name": self.name}

    def check(self, field: FieldShape) -> None:
        """Refuse binary vectors, whose bits are codes already."""
        if field.element is Element.BINARY:
            raise ValueError(f"codec {self.name!r} rounds numbers; the field has binary vectors")

    def train(self, vectors: Vectors, job: BuildJob) -> FloatCodec:
        """Learn the power of two by which the largest number comes near the format's largest."""
        largest = 0.0
        for start in range(0, len(vectors), BLOCK_ROWS):
            largest = max(largest, float(np.abs(vectors.floats(slice(start, start + BLOCK_ROWS))).max()))
        limit = self._format.largest
        exponent = math.floor(math.log2(limit / largest)) if limit and largest else 0
        exponent = min(max(exponent, -_MOST_EXPONENT), _MOST_EXPONENT)
        return FloatCodec(self._format, np.float32(2.0**exponent), vectors.dim, vectors.metric)

    def open(self, arrays: Arrays, dim: int, metric: Metric) -> FloatCodec:
        """Return the codec that was learnt."""
        return FloatCodec(self._format, check_array("scale", arrays, np.float32, (1,))[0], dim, metric)


@dataclass(frozen=True)
class Float16(_Floats):
    """Half precision of IEEE 754, 2 bytes a dimension, within ``2**-11`` of each number.

    Numbers are multiplied with a power of two first, the same for all rows, so that the largest comes near
    the largest of the format. What is too small for it then becomes zero, what lies beyond (in rows that
    were not learnt from) the largest. Nothing becomes infinite or no number.
    """

    name = "float16"
    _format = FloatFormat(np.uint16, _HALF_LARGEST, _to_half, _from_half, "FLOAT16")


@dataclass(frozen=True)
class BFloat16(_Floats):
    """The upper halves of float32 numbers, rounded to the nearest: 2 bytes a dimension, within ``2**-8``.

    Coarser than :class:`Float16` but for rows whose numbers span more than the 40 powers of two of that.
    """

    name = "bfloat16"
    _format = FloatFormat(np.uint16, None, _to_bfloat, _from_bfloat, "BFLOAT16")


@dataclass(frozen=True)
class Float8(_Floats):
    """Eight-bit floating point, 4 bits of exponent and 3 of fraction: a byte a dimension, within ``2**-4``.

    The format e4m3fn of arXiv 2209.05433 (FP8 Formats for Deep Learning), under a power of two as
    :class:`Float16`, so that its 18 powers of two lie where the numbers are; saturating, without the code of
    what is no number.
    """

    name = "float8"
    _format = FloatFormat(np.uint8, 448.0, _to_float8, _from_float8, "FLOAT8")


class FloatCodec:
    """Codes of which ``value = number / scale``.

    A row is ``(row_bytes,)`` uint8: its numbers one after the other, then zeros up to a multiple of 16
    numbers, which is what kernels load at once. For l2 the bias is half the squared length of each decoded
    row.

    Parameters
    ----------
    format
        How numbers are written.
    scale
        A power of two.
    dim
        Dimensions.
    metric
        How the vectors are compared.
    """

    def __init__(self, format: FloatFormat, scale: np.float32, dim: int, metric: Metric) -> None:
        self._format, self.scale, self.dim, self.metric = format, scale, dim, metric
        items = -(-dim // _LANES) * _LANES
        self.row_bytes, self.query_bytes = items * np.dtype(format.dtype).itemsize, 4 * items

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the scale."""
        return {"scale": np.array([self.scale], np.float32)}

    def encode(self, vectors: Vectors, anchors: Vectors | None = None, threads: int = 1) -> Coded:
        """Return codes and, for l2, the bias of every row."""
        squared = self.metric is Metric.L2
        return encode_blocks(
            vectors, anchors, self.row_bytes, self._block, bias=squared, factors=False, threads=threads
        )

    def _block(self, block: NDArray[np.float32], anchors: NDArray[np.float32] | None) -> Block:
        codes = np.zeros((len(block), self.row_bytes), np.uint8)
        with np.errstate(over="ignore"):
            scaled = block * self.scale
        codes.view(self._format.dtype)[:, : self.dim] = self._format.encode(scaled)
        if self.metric is not Metric.L2:
            return codes, None, None
        return codes, squared_bias(self._decode(codes), anchors), None

    def decode(self, coded: Coded) -> NDArray[np.float32]:
        """Return the numbers that the codes write."""
        return self._decode(coded.codes)

    def _decode(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        numbers: NDArray[np.float32] = self._format.decode(codes.view(self._format.dtype)[:, : self.dim])
        return numbers / self.scale

    def prepare(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the queries as they are."""
        return queries

    def checked(self, arrays: Arrays, n: int) -> Coded:
        """Return codes and bias out of the arrays of an index."""
        return checked_coded(arrays, n, self.row_bytes, bias=self.metric is Metric.L2, factors=False)

    def record(self, coded: Coded) -> NDArray[Any]:
        """Describe codes to kernels."""
        from ..kernels import codes

        form: int = getattr(codes, self._format.form)
        return codes_record(form, coded, dim=self.dim, given_bytes=4 * self.dim, scale=float(self.scale))
