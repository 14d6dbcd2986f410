"""Codes of a product quantizer: packed, read back, and as kernels see them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..product.codebooks import Codebooks
from ..product.turning import Turning
from ..protocol import Arrays
from ..rows.addresses import address
from ..rows.metric import Metric
from ..rows.vectors import Vectors
from .encoding import Block, checked_coded, encode_blocks
from .protocol import Coded
from .record import codes_record


class ProductCodec:
    """Codes of which a row is one centroid in each part, after a rotation if there is one.

    With 8 bits a row is a byte a part. With 4 bits byte ``j`` holds part ``2 j`` in its lower half and part
    ``2 j + 1`` in the upper, zero where there is none. Rows follow one another without padding. Kernels sum
    a query's table, float32: what each code of each part adds to the product. For l2 half the squared length
    of the centroid is taken off there, so that rows need no bias of their own; rows beside anchors have
    ``<c, r'>`` for theirs.

    Parameters
    ----------
    codebooks
        The centroids of the parts.
    rotation
        Orthonormal, float32 ``(dim, dim)``; None for none.
    metric
        How the vectors are compared.
    length_share
        The share of a row's squared length that its code has; None where codes are the nearest alone.
    """

    def __init__(
        self,
        codebooks: Codebooks,
        rotation: NDArray[np.float32] | None,
        metric: Metric,
        length_share: float | None = None,
    ) -> None:
        self.codebooks, self.rotation, self.metric = codebooks, rotation, metric
        self._turning = None if rotation is None else Turning(rotation)
        # As it is stored, so that codes made later are the same.
        self._length_share = None if length_share is None else np.float32(length_share)
        self.bits = 8 if codebooks.width == 256 else 4
        self.row_bytes = -(-codebooks.m * self.bits // 8)
        tables = codebooks.m * codebooks.width * 4
        # Of 4-bit codes two parts are looked up at once, in tables made of the parts' own behind them.
        self.query_bytes = tables if self.bits == 8 else self.row_bytes * 256 * 4 + tables
        offsets = np.zeros((codebooks.m, codebooks.width), np.float32)
        if metric is Metric.L2:
            offsets -= codebooks.halves()
        self._tables = np.concatenate([codebooks.centroids, offsets])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the centroids, and the rotation and the share of lengths if there are any."""
        learnt: dict[str, NDArray[Any]] = {"centroids": self.codebooks.centroids}
        if self.rotation is not None:
            learnt["rotation"] = self.rotation
        if self._length_share is not None:
            learnt["length_share"] = np.array([self._length_share], np.float32)
        return learnt

    def encode(self, vectors: Vectors, anchors: Vectors | None = None, threads: int = 1) -> Coded:
        """Return the codes of every vector; a bias for l2 beside anchors."""
        biased = anchors is not None and self.metric is Metric.L2
        return encode_blocks(
            vectors, anchors, self.row_bytes, self._block, bias=biased, factors=False, threads=threads
        )

    def _block(self, block: NDArray[np.float32], anchors: NDArray[np.float32] | None) -> Block:
        turned = block if self._turning is None else self._turning(block)
        share = None if anchors is not None or self._length_share is None else float(self._length_share)
        codes = self.codebooks.encode(turned, share)
        bias = None
        if anchors is not None and self.metric is Metric.L2:
            bias = np.einsum("ij,ij->i", self.prepare(anchors), self.codebooks.decode(codes))
        return self._packed(codes), bias, None

    def _packed(self, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.bits == 8:
            return codes
        packed = codes[:, ::2].copy()
        packed[:, : codes.shape[1] // 2] |= codes[:, 1::2] << np.uint8(4)
        return packed

    @property
    def groups(self) -> int:
        """How many nibbles a row has for lists to look up: one a part; 0 for codes of bytes."""
        return self.codebooks.m if self.bits == 4 else 0

    def nibbles(self, coded: Coded) -> NDArray[np.uint8]:
        """Return the code of each part, ``(n, m)`` uint8 below 16."""
        return self.parts_of(coded)

    def parts_of(self, coded: Coded) -> NDArray[np.uint8]:
        """Return the ``(n, m)`` codes, one a byte."""
        if self.bits == 8:
            return coded.codes
        codes = np.empty((len(coded), 2 * self.row_bytes), np.uint8)
        codes[:, ::2], codes[:, 1::2] = coded.codes & 15, coded.codes >> 4
        return codes[:, : self.codebooks.m]

    def decode(self, coded: Coded) -> NDArray[np.float32]:
        """Return the centroids of each row, turned back."""
        rows = self.codebooks.decode(self.parts_of(coded))
        return rows if self.rotation is None else rows @ self.rotation

    def prepare(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the queries rotated."""
        if self.rotation is None:
            return np.ascontiguousarray(queries, np.float32)
        return queries @ self.rotation.T

    def checked(self, arrays: Arrays, n: int) -> Coded:
        """Return the codes out of the arrays of an index; those beside anchors have a bias."""
        biased = self.metric is Metric.L2 and "bias" in arrays
        return checked_coded(arrays, n, self.row_bytes, bias=biased, factors=False)

    def record(self, coded: Coded) -> NDArray[Any]:
        """Describe codes to kernels."""
        from ..kernels.codes import PRODUCT4, PRODUCT8

        dim = self.codebooks.dim
        form = PRODUCT8 if self.bits == 8 else PRODUCT4
        record = codes_record(form, coded, dim=dim, given_bytes=4 * dim)
        record["parts"], record["starts"] = self.codebooks.m, address(self.codebooks.starts)
        record["centroids"] = address(self._tables)
        return record
