"""LMDB's errors in the terms of this package, once."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

import lmdb

from .. import system_errors
from ..errors import CorruptionError, DiskFullError, MapFullError, StorageError

_DAMAGE = (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError, lmdb.VersionMismatchError)
# What LMDB itself needs beside the values of a transaction: branch pages, the free list, page rounding.
_COMMIT_SLACK = 1 << 20


def storage_error(error: lmdb.Error, path: str, *, written: int = 0) -> StorageError:
    """Return the `StorageError` for what LMDB raised.

    `written` is the number of bytes the failed transaction tried to store. LMDB reports a write cut short by
    a full disk as an I/O error, so the free space decides between the two.
    """
    if isinstance(error, lmdb.MapFullError):
        return MapFullError(
            f"{path}: the write is larger than the memory map has room for: "
            "try again, which makes the map larger; where that fails, raise `ulimit -v` or write less"
        )
    if isinstance(error, _DAMAGE):
        return CorruptionError(path, str(error).removeprefix(f"{path}: "))
    # LMDB keeps errno values in `code`; its own errors are negative.
    if error.code == errno.EIO and written and _free_bytes(path) < written + _COMMIT_SLACK:
        return DiskFullError(f"{path}: the write was cut short because the disk is full: free some space")
    if error.code > 0:
        return system_errors.in_words(OSError(error.code, os.strerror(error.code)), path)
    return StorageError(f"{path}: {error}: try again")


@contextmanager
def storage_errors(path: str) -> Iterator[None]:
    """Raise what LMDB raises inside the block as a `StorageError`."""
    try:
        yield
    except lmdb.Error as error:
        raise storage_error(error, path) from error


def _free_bytes(path: str) -> int:
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
