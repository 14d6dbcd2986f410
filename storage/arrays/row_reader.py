"""Rows that stay in their file: read in batches when they are asked for, each one verified."""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptionError

CHECKSUMS = ".crc"
"""What is put behind the name of a matrix to name the checksums of what is read of it."""

_PAGE = 4096


class RowReader:
    """Reads rows by number. Safe to share; it holds a descriptor, so the file may be deleted meanwhile.

    A row is one of the matrix, or as many that follow one another as ``offsets`` says, at times none. Each is
    compared with its checksum when it is first read, and whenever it was waited for after that, so nobody has
    to read the whole file before the first row may be believed.

    Parameters
    ----------
    descriptor
        The open file, closed with the reader.
    path
        What errors name.
    name
        Name of the matrix.
    offset
        Where in the file it begins.
    shape, dtype
        ``(m, width)`` of little endian numbers.
    checksums
        ``(n,)`` uint32, as :func:`row_checksums` gives them.
    damaged
        Told what was found to be damaged, before that is raised.
    offsets
        ``(n + 1,)`` int64, rising from 0 to ``m``: where in the matrix each row begins. Whoever reads checked
        that. None where each row of the matrix is one.
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
        offsets: NDArray[np.int64] | None = None,
    ) -> None:
        self._descriptor = descriptor
        self._path, self._name, self._offset = path, name, offset
        self.shape, self.dtype = shape, dtype
        self._row_bytes = shape[1] * dtype.itemsize
        self._checksums, self._damaged, self._offsets = checksums, damaged, offsets
        n = shape[0] if offsets is None else len(offsets) - 1
        if checksums.dtype != np.uint32 or checksums.shape != (n,):
            raise CorruptionError(path, f"{checksums.dtype} {checksums.shape} checksums of {n} {name!r}")
        # Threads that verify the same row at the same time write the same.
        self._verified = np.zeros(n, np.bool_)

    # Bound now, because modules are emptied before the last reader goes when the interpreter ends.
    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        if hasattr(self, "_descriptor"):
            close(self._descriptor)

    def __len__(self) -> int:
        return len(self._checksums)

    def read_ahead(self, rows: NDArray[np.integer[Any]]) -> None:
        """Have the system begin to read ``rows``, ascending and each once, all at the same time."""
        starts, stops = self._places(rows)
        first, behind = starts // _PAGE, -(-stops // _PAGE)
        for begin, end in _runs(first[1:] > behind[:-1], len(rows)):
            offset = int(first[begin]) * _PAGE
            size = int(behind[end - 1]) * _PAGE - offset
            # A size of 0 stands for the rest of the file.
            if size:
                os.posix_fadvise(self._descriptor, offset, size, os.POSIX_FADV_WILLNEED)

    def read(self, rows: NDArray[np.integer[Any]], into: NDArray[Any]) -> int:
        """Fill ``into``, C-contiguous, with ``rows``, ascending and each once, one behind the other.

        Returns how many bytes were not in memory by then, and had to be waited for.

        Raises
        ------
        CorruptionError
            A row is not what was written.
        OSError
            The disk does not give it.
        """
        memory = into.reshape(-1).view(np.uint8).data
        starts, stops = self._places(rows)
        places, bounds = starts.tolist(), [0, *np.cumsum(stops - starts).tolist()]
        crc32, late, verified = zlib.crc32, 0, self._verified[rows].tolist()
        for begin, end in _runs(starts[1:] != stops[:-1], len(rows)):
            waited = self._fill(memory[bounds[begin] : bounds[end]], places[begin])
            late += waited
            if not waited and all(verified[begin:end]):
                continue
            # At once, as what comes next is on its way, and no sooner: the file may have been cut short.
            for at, stated in enumerate(self._checksums[rows[begin:end]].tolist(), begin):
                if crc32(memory[bounds[at] : bounds[at + 1]]) != stated:
                    self._refuse(f"row {int(rows[at])} of array {self._name!r} fails its checksum")
        self._verified[rows] = True
        return late

    def _places(self, rows: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where in the file each row begins and ends."""
        starts = rows.astype(np.int64)
        stops = starts + 1
        if self._offsets is not None:
            starts, stops = self._offsets[starts], self._offsets[stops]
        return self._offset + starts * self._row_bytes, self._offset + stops * self._row_bytes

    def _fill(self, memory: memoryview, offset: int) -> int:
        """Return how many bytes had to be waited for."""
        flags, late = os.RWF_NOWAIT, 0
        while len(memory):
            try:
                got = os.preadv(self._descriptor, [memory], offset, flags)
            except OSError as error:
                # Not there yet, or a file system that cannot tell.
                if not flags or error.errno not in (errno.EAGAIN, errno.EOPNOTSUPP):
                    raise
                flags, late = 0, len(memory)
                continue
            if not got:
                self._refuse(f"it ends inside the array {self._name!r}")
            memory, offset = memory[got:], offset + got
        return late

    def _refuse(self, detail: str) -> None:
        self._damaged(detail)
        raise CorruptionError(self._path, detail)


def row_checksums(matrix: NDArray[Any], offsets: NDArray[np.int64] | None = None) -> NDArray[np.uint32]:
    """Return the crc32 of each row of a C-contiguous matrix, little endian: (n,) uint32.

    With ``offsets`` (n + 1,), of the rows of it from one to the next.
    """
    bounds = range(len(matrix) + 1) if offsets is None else offsets.tolist()
    size = matrix.shape[1] * matrix.itemsize
    memory = matrix.reshape(-1).view(np.uint8).data
    crcs = (zlib.crc32(memory[start * size : stop * size]) for start, stop in pairwise(bounds))
    return np.fromiter(crcs, np.uint32, len(bounds) - 1)


def _runs(breaks: NDArray[np.bool_], count: int) -> list[tuple[int, int]]:
    """Return begin and end of each run of ``count`` places, which ``breaks`` (count - 1,) part."""
    if not count:
        return []
    cuts = (np.flatnonzero(breaks) + 1).tolist()
    return list(zip([0, *cuts], [*cuts, count], strict=True))
