"""Codes of rows that have no index: scans of floats read these first, and few of the floats."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..rows.addresses import address
from ..rows.dense import DenseRows, aligned
from ..rows.element import ROW_ALIGNMENT

# So many rows are coded by one search: as many as are worth it, and no more than it takes little longer for.
_FEWEST, _MOST = 128, 256
_MOST_BYTES = 32 << 20
_LARGEST = np.float32(127)
_ROUNDING = 2.0**-23


class CodedRows(NamedTuple):
    """The first rows that have codes, as kernels are given them: how many, and where their record is.

    ``held`` is what has to outlive the kernel.
    """

    held: Any
    record: np.uint64
    n: int


class RowCodes:
    """Bytes for the numbers of rows, with bounds of what those leave, made by the searches that read them.

    Each search codes some rows that have none yet, unless another is at it; what was coded stays as it is.
    Rows that nobody searches have no codes. Thread-safe.
    """

    def __init__(self) -> None:
        # Only ever tried, never waited for.
        self._coding = threading.Lock()
        self._buffers: tuple[NDArray[Any], ...] = ()
        self._coded: CodedRows | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the codes."""
        coded = self._coded
        return 0 if coded is None else coded.n * sum(array[0].nbytes for array in self._buffers)

    def of(self, rows: DenseRows) -> CodedRows:
        """Return the codes of the first of some rows, or of those before them that grew since.

        Parameters
        ----------
        rows
            Always the same, but that more may have come behind them.
        """
        coded = self._coded or no_codes()
        most = min(len(rows), _MOST_BYTES // code_bytes(rows.dim))
        if most - coded.n >= _FEWEST and self._coding.acquire(blocking=False):
            try:
                first = 0 if self._coded is None else self._coded.n
                coded = self._coded = self._more(rows, first, max(first, min(most, first + _MOST)))
            finally:
                self._coding.release()
        return coded

    def _more(self, rows: DenseRows, first: int, last: int) -> CodedRows:
        if not self._buffers or last > len(self._buffers[0]):
            # What searches read of the buffers before is theirs to hold.
            size = 2 * last
            grown = aligned((size, code_bytes(rows.dim)), np.int8), *np.zeros((3, size), np.float32)
            for old, new in zip(self._buffers, grown, strict=False):
                new[:first] = old[:first]
            self._buffers = grown
        for buffer, part in zip(self._buffers, _encoded(rows, first, last), strict=True):
            buffer[first:last, ...] = part
        return _described(self._buffers, last)


def code_bytes(dim: int) -> int:
    """Return the bytes of the code of a row."""
    return -(-dim // ROW_ALIGNMENT) * ROW_ALIGNMENT


def _encoded(rows: DenseRows, first: int, last: int) -> tuple[NDArray[Any], ...]:
    """Return codes, scales, misses and squares of some rows, as ``kernels.screening`` describes them."""
    floats = rows.matrix[first:last].astype(np.float32)
    largest = np.abs(floats).max(axis=1)
    inverse = np.divide(_LARGEST, largest, out=np.zeros_like(largest), where=largest > _LARGEST / 3e38)
    scales = np.divide(1, inverse, out=np.zeros_like(inverse), where=inverse > 0)
    codes = np.zeros((last - first, code_bytes(rows.dim)), np.int8)
    steps = np.rint(floats * inverse[:, None])
    codes[:, : rows.dim] = steps
    left = floats - steps * scales[:, None]
    squares, lengths = (np.einsum("ij,ij->i", numbers, numbers) for numbers in (floats, left))
    # What sums of float32 over a row may be wrong, of its exact scores and of these.
    rounded = np.float32(_ROUNDING * (rows.dim + 32))
    misses = np.sqrt(lengths) * (1 + rounded) + rounded * np.sqrt(squares)
    return codes, scales, misses, squares * (1 - rounded)


def _described(buffers: tuple[NDArray[Any], ...], n: int) -> CodedRows:
    from ..kernels.screening import CODED

    record = np.zeros(1, CODED)
    for name, buffer in zip(("codes", "scales", "misses", "squares"), buffers, strict=True):
        record[name] = address(buffer)
    record["n"], record["row_bytes"] = n, buffers[0].shape[1]
    return CodedRows((buffers, record), address(record), n)


def no_codes() -> CodedRows:
    """Return the codes of rows that have none."""
    from ..kernels.screening import CODED

    record = np.zeros(1, CODED)
    return CodedRows(record, address(record), 0)
