"""Dense vectors as an index sees them: aligned, padded rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .addresses import address
from .element import ROW_ALIGNMENT, Element
from .metric import Metric
from .neighbors import SearchStats
from .reader import RowReader

NO_NORMS: NDArray[np.float32] = np.empty(0, np.float32)
_BLOCK_BYTES = 1 << 22
_ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class DenseRows:
    """Rows of one field, stored as they were given, in memory or where they are read from.

    Parameters
    ----------
    rows
        ``(n, element.stride(dim))``, C-contiguous, 64-byte aligned; what lies behind ``dim`` is zero.
    dim
        Dimensions of a vector.
    element
        What a vector is made of.
    inv_norms
        ``1 / |x|`` of each row when the metric is the cosine, else empty.
    metric
        How two of them are compared.
    reader
        What reads them where they are not in memory: then ``rows`` has none of them, so that no kernel that
        wants them there is given any. `stored`, `floats` and `in_memory` read what they return.
    """

    rows: NDArray[Any]
    dim: int
    element: Element
    inv_norms: NDArray[np.float32]
    metric: Metric
    reader: RowReader | None = None

    def __post_init__(self) -> None:
        rows, stride = self.rows, self.element.stride(self.dim)
        if self.reader is not None:
            found = self.reader.dtype, *self.reader.shape[1:], len(rows)
            if found != (self.element.dtype, stride, 0):
                raise ValueError(
                    f"rows that are read are {found}; expected {self.element.dtype}, {stride}, 0"
                )
        if rows.dtype != self.element.dtype or rows.ndim != 2 or rows.shape[1] != stride:
            raise ValueError(
                f"rows are {rows.dtype} {rows.shape}; {self.element} rows of {self.dim} dimensions are "
                f"{self.element.dtype} (n, {stride}): use pad()"
            )
        if not rows.flags.c_contiguous or (rows.size and rows.ctypes.data % ROW_ALIGNMENT):
            raise ValueError(f"rows are not contiguous or not aligned to {ROW_ALIGNMENT} bytes: use pad()")
        if (self.metric is Metric.HAMMING) != (self.element is Element.BINARY):
            raise ValueError(f"metric {self.metric} does not fit {self.element} vectors: hamming is for bits")
        norms = self.inv_norms
        if norms.dtype != np.float32 or norms.ndim != 1 or len(norms) not in (0, len(self)):
            raise ValueError(
                f"inv_norms are {norms.dtype} {norms.shape}; expected float32 ({len(self)},) or (0,)"
            )
        if self.metric is Metric.COSINE and len(norms) != len(self):
            raise ValueError("cosine needs inv_norms: use inverse_norms()")

    def __len__(self) -> int:
        return len(self.rows) if self.reader is None else self.reader.shape[0]

    def __getitem__(self, chosen: Any) -> NDArray[Any]:
        """Return some rows as queries: float32, or packed bits."""
        matrix = self.stored(chosen)
        return np.ascontiguousarray(matrix, self.query_dtype)

    @cached_property
    def query_dtype(self) -> np.dtype[Any]:
        """What queries are made of: float32, or packed bits."""
        return np.dtype(np.uint8 if self.element is Element.BINARY else np.float32)

    @cached_property
    def query_width(self) -> int:
        """How many of those a query takes."""
        return self.element.width(self.dim)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row and its padding."""
        return self.element.stride(self.dim) * self.element.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of the rows and their norms."""
        return len(self) * self.row_bytes + self.inv_norms.nbytes

    @property
    def matrix(self) -> NDArray[Any]:
        """The rows without their padding (a view), which are in memory."""
        if self.reader is not None:
            raise TypeError("the rows are not in memory: use stored()")
        return self.rows[:, : self.element.width(self.dim)]

    def stored(self, chosen: slice | NDArray[Any]) -> NDArray[Any]:
        """Return some rows as they are stored, without their padding; a slice in memory is a view."""
        if self.reader is None:
            return self.matrix[chosen]
        width = self.element.width(self.dim)
        if isinstance(chosen, slice):
            return self._read(np.arange(len(self))[chosen])[:, :width]
        rows, places = np.unique(chosen, return_inverse=True)
        self.read_ahead(rows)
        block: NDArray[Any] = self._read(rows)[places.reshape(-1), :width]
        return block

    def read_ahead(self, rows: NDArray[np.integer[Any]]) -> None:
        """Begin to fetch ``rows``, ascending and each once; nothing is to be done for those in memory."""
        if self.reader is not None:
            self.reader.read_ahead(rows)

    def in_memory(self, rows: NDArray[np.integer[Any]], stats: SearchStats | None = None) -> DenseRows:
        """Return a copy of ``rows``, ascending and each once, numbered from 0 on, in memory.

        Rows at random places are asked for by `read_ahead` first. What is read is added to ``stats``.
        """
        norms = self.inv_norms[rows] if len(self.inv_norms) else NO_NORMS
        return DenseRows(self._read(rows, stats), self.dim, self.element, norms, self.metric)

    def _read(self, rows: NDArray[np.integer[Any]], stats: SearchStats | None = None) -> NDArray[Any]:
        block = aligned((len(rows), self.element.stride(self.dim)), self.element.dtype)
        if self.reader is None:
            np.take(self.rows, rows, axis=0, out=block)
        else:
            late = self.reader.read(rows, block)
            if stats is not None:
                stats.read_bytes += block.nbytes
                stats.late_bytes += late
        return block

    def floats(self, chosen: slice | NDArray[Any]) -> NDArray[np.float32]:
        """Return some rows as float32, of unit length under the cosine."""
        block: NDArray[np.float32] = self.stored(chosen).astype(np.float32)
        if self.metric is Metric.COSINE:
            block *= self.inv_norms[chosen, None]
        return block


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any] | type[Any]) -> NDArray[Any]:
    """Return a zeroed C-contiguous array whose first byte lies on a cache line."""
    kind = np.dtype(dtype)
    size = prod(shape) * kind.itemsize
    raw = np.zeros(size + ROW_ALIGNMENT, np.uint8)
    start = -int(address(raw)) % ROW_ALIGNMENT
    return raw[start : start + size].view(kind).reshape(shape)


def room(size: int) -> tuple[NDArray[np.uint8], np.uint64]:
    """Return zeroed bytes, and where among them a cache line begins that has ``size`` of them behind it.

    For kernels to write to, in less than half of the time of :func:`aligned` with the look-up of its address.
    """
    held = np.zeros(size + ROW_ALIGNMENT, np.uint8)
    at = int(address(held))
    return held, np.uint64(at + -at % ROW_ALIGNMENT)


def pad(matrix: NDArray[Any], element: Element, dim: int) -> NDArray[Any]:
    """Copy ``matrix`` (n, width) into aligned rows padded with zeros to whole cache lines."""
    width = element.width(dim)
    if matrix.ndim != 2 or matrix.shape[1] != width:
        raise ValueError(f"matrix has shape {matrix.shape}; {element} of {dim} dimensions needs (n, {width})")
    rows = aligned((len(matrix), element.stride(dim)), element.dtype)
    rows[:, :width] = matrix
    return rows


def inverse_norms(matrix: NDArray[Any]) -> NDArray[np.float32]:
    """Return ``1 / |x|`` of each row, summed in double precision; 0 for a row of zeros."""
    result = np.empty(len(matrix), np.float32)
    step = max(1, _BLOCK_BYTES // max(1, matrix.shape[1] * 8))
    for start in range(0, len(matrix), step):
        block = matrix[start : start + step].astype(np.float64)
        norms = np.sqrt(np.einsum("ij,ij->i", block, block))
        result[start : start + step] = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return result


def longest_row(rows: DenseRows) -> float:
    """Return the length of the longest of the rows, read a part at a time; 0 where there are none."""
    starts = range(0, len(rows), _ROWS_AT_ONCE)
    blocks = (rows.floats(slice(start, start + _ROWS_AT_ONCE)) for start in starts)
    return math.sqrt(max((float(np.einsum("ij,ij->i", block, block).max()) for block in blocks), default=0.0))
