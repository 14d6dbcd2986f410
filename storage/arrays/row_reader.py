"""Rows of a matrix that stay in their file: read in batches when they are asked for, each one verified."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptionError

CHECKSUMS = ".crc"
"""What is put behind the name of a matrix to name the checksums of its rows."""

_PAGE = 4096


class RowReader:
    """Reads rows by number. Safe to share; it holds a descriptor, so the file may be deleted meanwhile.

    Every row is compared with its checksum each time it is read, so nobody has to read the whole file before
    the first row may be believed.

    Parameters
    ----------
    descriptor
        The open file, closed with the reader.
    path
        What errors name.
    name
        Name of the matrix.
    offset
        Where in the file its first row begins.
    shape, dtype
        ``(n, width)`` of little endian numbers.
    checksums
        ``(n,)`` uint32, as :func:`row_checksums` gives them.
    damaged
        Told what was found to be damaged, before that is raised.
    """

    def __init__(
        self,
        descriptor: int,
        path: str,
        name: str,
        offset: int,
        shape: tuple[int, int],
        dtype: np.dtype[Any],
        checksums: NDArray[np.uint32],
        damaged: Callable[[str], None],
    ) -> None:
        self._descriptor = descriptor
        self._path, self._name, self._offset = path, name, offset
        self.shape, self.dtype = shape, dtype
        self._row_bytes = shape[1] * dtype.itemsize
        self._checksums, self._damaged = checksums, damaged
        if checksums.dtype != np.uint32 or checksums.shape != shape[:1]:
            raise CorruptionError(path, f"{checksums.dtype} {checksums.shape} checksums of {shape} {name!r}")

    # Bound now, because modules are emptied before the last reader goes when the interpreter ends.
    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        if hasattr(self, "_descriptor"):
            close(self._descriptor)

    def __len__(self) -> int:
        return self.shape[0]

    def read_ahead(self, rows: NDArray[np.integer[Any]]) -> None:
        """Have the system begin to read ``rows``, ascending and each once, all at the same time."""
        starts = self._offset + rows.astype(np.int64) * self._row_bytes
        first, last = starts // _PAGE, (starts + self._row_bytes - 1) // _PAGE
        for begin, end in _runs(first[1:] > last[:-1] + 1, len(rows)):
            offset = int(first[begin]) * _PAGE
            size = (int(last[end - 1]) + 1) * _PAGE - offset
            os.posix_fadvise(self._descriptor, offset, size, os.POSIX_FADV_WILLNEED)

    def read(self, rows: NDArray[np.integer[Any]], into: NDArray[Any]) -> None:
        """Fill ``into``, C-contiguous ``(len(rows), width)``, with ``rows``, ascending and each once.

        Raises
        ------
        CorruptionError
            A row is not what was written.
        OSError
            The disk does not give it.
        """
        size, memory = self._row_bytes, into.reshape(-1).view(np.uint8).data
        for begin, end in _runs(np.diff(rows.astype(np.int64)) != 1, len(rows)):
            self._fill(memory[begin * size : end * size], self._offset + int(rows[begin]) * size)
        crc32, stated = zlib.crc32, self._checksums[rows].tolist()
        for place, known in enumerate(stated):
            if crc32(memory[place * size : (place + 1) * size]) != known:
                self._refuse(f"row {int(rows[place])} of array {self._name!r} fails its checksum")

    def _fill(self, memory: memoryview, offset: int) -> None:
        while len(memory):
            got = os.preadv(self._descriptor, [memory], offset)
            if not got:
                self._refuse(f"it ends inside the array {self._name!r}")
            memory, offset = memory[got:], offset + got

    def _refuse(self, detail: str) -> None:
        self._damaged(detail)
        raise CorruptionError(self._path, detail)


def row_checksums(matrix: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the crc32 of each row of a C-contiguous matrix, little endian: (n,) uint32."""
    size = matrix.shape[1] * matrix.itemsize
    memory = matrix.reshape(-1).view(np.uint8).data
    crcs = (zlib.crc32(memory[at : at + size]) for at in range(0, matrix.nbytes, size))
    return np.fromiter(crcs, np.uint32, len(matrix))


def _runs(breaks: NDArray[np.bool_], count: int) -> list[tuple[int, int]]:
    """Return begin and end of each run of ``count`` places, which ``breaks`` (count - 1,) part."""
    if not count:
        return []
    cuts = (np.flatnonzero(breaks) + 1).tolist()
    return list(zip([0, *cuts], [*cuts, count], strict=True))
