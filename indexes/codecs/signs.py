"""Vectors as planes of bits: the signs of their coordinates, and finer halves behind them."""

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

_WORD = 64
# With so many more bits than a row's a query's rounding no longer shows beside theirs.
QUERY_BITS_MORE = 3


def levels(block: NDArray[np.float32], bits: int) -> NDArray[np.float32]:
    """Return each row in steps of its own, to the middle of one of ``2**bits`` of them around zero.

    The steps reach as far as suits coordinates that are spread normally: ``1.2 + 0.4 * bits`` times their
    root mean square.
    """
    half = 1 << (bits - 1)
    largest = np.abs(block).max(axis=1, keepdims=True, initial=0)
    shares = block / np.where(largest > 0, largest, np.float32(1))
    reach = np.sqrt(np.square(shares).mean(axis=1, keepdims=True)) * np.float32(1.2 + 0.4 * bits)
    steps = np.floor(shares * (np.float32(half) / np.where(reach > 0, reach, np.float32(1))))
    middle: NDArray[np.float32] = np.clip(steps, -half, half - 1) + np.float32(0.5)
    return middle


@dataclass(frozen=True)
class Sign:
    """The sign of each coordinate beside the mean of the rows: a bit a dimension, and 4 bytes a row.

    Those 4 bytes make the estimate of a product right on average, as in RaBitQ (arXiv 2405.12497, section
    3.2), but the axes are those that the vectors come in: nothing is rotated. For models whose coordinates
    are spread alike. The query keeps 4 bits a dimension, of which kernels count the differing ones.
    """

    name = "sign"

    def to_json(self) -> dict[str, Any]:
        """Return the name."""
        return {"name": self.name}

    def check(self, field: FieldShape) -> None:
        """Refuse binary vectors, whose bits are codes already."""
        check_numbers(self.name, field)

    def train(self, vectors: Vectors, job: BuildJob) -> PlanesCodec:
        """Learn the mean."""
        return PlanesCodec(1, 1 + QUERY_BITS_MORE, mean_of(vectors), vectors.metric)

    def open(self, arrays: Arrays, dim: int, metric: Metric) -> PlanesCodec:
        """Return the codec that was learnt."""
        return PlanesCodec(1, 1 + QUERY_BITS_MORE, check_array("mean", arrays, np.float32, (dim,)), metric)


def check_numbers(name: str, field: FieldShape) -> None:
    """Refuse binary vectors."""
    if field.element is Element.BINARY:
        raise ValueError(f"codec {name!r} takes signs of numbers; the field has binary vectors")


class PlanesCodec:
    """Codes of which ``value = factor * step + mean``, each bit of the steps in a plane of its own.

    A row is ``(row_bytes,)`` uint8: planes of ``dim`` bits, the least significant one first, each padded to
    words of 64 bits, dimension ``j`` in bit ``j % 8`` of byte ``j // 8``. A step of ``bits`` bits stands for
    its middle, ``step - (2**bits - 1) / 2``. The factor of a row ``r`` with the steps ``s`` is
    ``|r|^2 / <r, s>``, by which the estimated product of the row and itself is right.

    Parameters
    ----------
    bits
        Planes of a row.
    query_bits
        Planes of a query.
    mean
        What is subtracted, float32 ``(dim,)``; of queries too for l2.
    metric
        How the vectors are compared.
    """

    def __init__(self, bits: int, query_bits: int, mean: NDArray[np.float32], metric: Metric) -> None:
        self.bits, self.query_bits, self.mean, self.metric = bits, query_bits, mean, metric
        self._plane_bytes = -(-len(mean) // _WORD) * _WORD // 8
        self.row_bytes = bits * self._plane_bytes
        self.query_bytes = -(-query_bits * self._plane_bytes // 64) * 64

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the mean."""
        return {"mean": self.mean}

    def encode(self, vectors: Vectors, anchors: Vectors | None = None, threads: int = 1) -> Coded:
        """Return codes, factors and, for l2, the bias of every row."""
        squared = self.metric is Metric.L2
        return encode_blocks(
            vectors, anchors, self.row_bytes, self._block, bias=squared, factors=True, threads=threads
        )

    def _block(self, block: NDArray[np.float32], anchors: NDArray[np.float32] | None) -> Block:
        left = block - self.mean
        middle = levels(left, self.bits)
        # Of shares of the largest coordinate, whose squares float32 holds.
        largest = np.abs(left).max(axis=1, initial=0)
        shares = left / np.where(largest > 0, largest, np.float32(1))[:, None]
        products = np.einsum("ij,ij->i", shares, middle)
        lengths = np.einsum("ij,ij->i", shares, shares)
        factors = largest * (lengths / np.where(products > 0, products, np.float32(1)))
        codes = self._packed((middle + np.float32(0.5 * (1 << self.bits) - 0.5)).astype(np.uint8))
        if self.metric is not Metric.L2:
            return codes, None, factors
        bias = squared_bias(left, None)
        if anchors is not None:
            bias += np.einsum("ij,ij->i", anchors, factors[:, None] * middle + self.mean)
        return codes, bias, factors

    def _packed(self, steps: NDArray[np.uint8]) -> NDArray[np.uint8]:
        planes = np.zeros((len(steps), self.bits, self._plane_bytes), np.uint8)
        for plane in range(self.bits):
            bits = np.packbits(steps >> plane & 1, axis=1, bitorder="little")
            planes[:, plane, : bits.shape[1]] = bits
        return planes.reshape(len(steps), self.row_bytes)

    def decode(self, coded: Coded) -> NDArray[np.float32]:
        """Return the middles of the steps."""
        planes = coded.codes.reshape(len(coded), self.bits, self._plane_bytes)
        bits = np.unpackbits(planes, axis=2, count=len(self.mean), bitorder="little").astype(np.float32)
        weights = 2.0 ** np.arange(self.bits, dtype=np.float32)
        middle = np.einsum("ipj,p->ij", bits, weights) - np.float32(0.5 * (1 << self.bits) - 0.5)
        decoded: NDArray[np.float32] = coded.factors[:, None] * middle + self.mean
        return decoded

    def prepare(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the queries as they are."""
        return queries

    def checked(self, arrays: Arrays, n: int) -> Coded:
        """Return codes, bias and factors out of the arrays of an index."""
        return checked_coded(arrays, n, self.row_bytes, bias=self.metric is Metric.L2, factors=True)

    def record(self, coded: Coded) -> NDArray[Any]:
        """Describe codes to kernels."""
        from ..kernels.codes import PLANES

        return codes_record(
            PLANES,
            coded,
            dim=len(self.mean),
            given_bytes=4 * len(self.mean),
            mean=self.mean,
            centred=self.metric is Metric.L2,
            planes=self.bits,
            query_planes=self.query_bits,
        )
