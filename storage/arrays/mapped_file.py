"""A file in memory, without a descriptor held for it."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptionError

# `mmap.mmap` of Python before 3.13 keeps a descriptor for as long as the mapping: a thousand segments would
# be a thousand open files.
_libc = ctypes.CDLL(None, use_errno=True)
_map = _libc.mmap
_map.restype = ctypes.c_void_p
_map.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
)
_unmap = _libc.munmap
_unmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_advise = _libc.madvise
_advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_FAILED = ctypes.c_void_p(-1).value


class _Mapping:
    """Pages of a file; whatever numpy makes of it refers to it, so nothing outlives the pages it reads."""

    def __init__(self, descriptor: int, size: int, path: str) -> None:
        address = _map(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
        if address == _FAILED:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
        self._address = address
        self._size = size
        self.__array_interface__: dict[str, Any] = {
            "version": 3,
            "typestr": "|u1",
            "shape": (size,),
            "data": (address, True),
        }
        # A search reads rows from all over the file; the pages around each would be read for nothing.
        _advise(address, size, mmap.MADV_RANDOM)

    # Bound now, because modules are emptied before the last mapping goes when the interpreter ends.
    def __del__(self, unmap: Any = _unmap) -> None:
        if hasattr(self, "_address"):
            unmap(self._address, self._size)


def map_file(path: str) -> NDArray[np.uint8]:
    """Return the bytes of a file, read-only, as they are in memory.

    Every view of the array keeps the file mapped, also after the file was deleted. The file must not become
    shorter.

    Raises
    ------
    FileNotFoundError
        When there is none; `filename` says which.
    CorruptionError
        When it is empty.
    OSError
        When the system has no descriptor or no memory map left for it, among others.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        if not size:
            raise CorruptionError(path, "the file is empty")
        return np.asarray(_Mapping(descriptor, size, path))
    finally:
        os.close(descriptor)
