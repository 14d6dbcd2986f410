"""An open segment file: the LMDB environment, and the arrays that look into its memory."""

from __future__ import annotations

import errno
import mmap
import os
import threading
import zlib
from collections.abc import Iterable
from typing import Any

import lmdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from . import array_header, segment_keys
from .aligned import aligned_copy, is_aligned
from .envelope import unseal
from .errors import CorruptionError, FormatVersionError
from .lmdb_errors import translated
from .lmdb_meta import read_meta
from .lmdb_tree import Place, places
from .segment_environment import open_environment
from .shared_handle import Lease, file_id, lease

SEGMENT_FORMAT = 1
# Below this a copy is cheaper than the pages a view would keep mapped, and LMDB may store the value
# unaligned.
_SMALLEST_VIEW_BYTES = 4096


class Directory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a segment file says about itself; `keys_crc` covers every other key, in order."""

    format: int
    uuid: str
    entries: int
    keys_crc: int


class SegmentMapping:
    """The environment of one segment file and one read transaction that lasts as long as it.

    The file never changes, so an address inside it is good until the environment is closed.

    Attributes
    ----------
    arrays : dict of bytes to Place
        Where each array is, by its key.
    """

    def __init__(self, path: str) -> None:
        meta = read_meta(path)
        if meta.transactions != (0, 1) or meta.file_bytes != (meta.last_page + 1) * meta.page_size:
            raise CorruptionError(path, "the file is not what one transaction in a new LMDB file leaves")
        self.path = path
        self.size_bytes = meta.file_bytes
        self._lock = threading.Lock()
        self._environment = _open(path, meta.file_bytes)
        with translated(path):
            self._transaction = self._environment.begin(buffers=True)
        try:
            self.arrays = dict(places(path, segment_keys.BYTES))
            self.directory, self._start = self._read_directory(self.arrays.pop(segment_keys.DIRECTORY, None))
        except BaseException:
            self.shut()
            raise

    def get(self, key: bytes) -> memoryview | None:
        """Return the memory of a value; it is there while the mapping is."""
        # A transaction must not be used by two threads at once.
        with self._lock, translated(self.path):
            return self._transaction.get(key)

    def begin(self) -> lmdb.Transaction[memoryview]:
        """Return a transaction of one's own, for a scan."""
        with translated(self.path):
            return self._environment.begin(buffers=True)

    def shut(self) -> None:
        """Unmap the file; nothing looks into it any more."""
        self._transaction.abort()
        self._environment.close()

    def address(self, place: Place) -> int:
        """Return where in memory a place of the file is."""
        return self._start + place.offset

    def _read_directory(self, place: Place | None) -> tuple[Directory, int]:
        """Return the directory and the address of the start of the file."""
        value = self.get(segment_keys.DIRECTORY)
        if value is None or place is None:
            raise CorruptionError(self.path, "the file has no directory: it is not a segment")
        payload = unseal(segment_keys.DIRECTORY, value, path=self.path)
        start = np.frombuffer(value, dtype=np.uint8).ctypes.data - place.offset
        if start % mmap.PAGESIZE or len(value) != place.size:
            raise CorruptionError(
                self.path, "LMDB finds the directory elsewhere than in the tree of its keys"
            )
        try:
            stated = msgspec.json.decode(payload, type=_FormatOnly).format
            if stated > SEGMENT_FORMAT:
                raise FormatVersionError(stated, SEGMENT_FORMAT)
            return msgspec.json.decode(payload, type=Directory), start
        except msgspec.DecodeError as error:
            raise CorruptionError(self.path, f"the directory: {error}") from error


def _open(path: str, file_bytes: int) -> lmdb.Environment:
    with translated(path):
        try:
            return open_environment(path, map_size=file_bytes, readonly=True, create=False, readahead=False)
        except lmdb.Error as error:
            if error.code != errno.ENOENT:
                raise
            # A merge in another process may delete the file at any moment, also after its meta was read.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error


class _FormatOnly(msgspec.Struct):
    format: int


class _ArrayOwner:
    """What a view's `base` is: it keeps the mapping open, which a buffer of LMDB does not."""

    __slots__ = ("__array_interface__", "lease")

    def __init__(
        self,
        lease: Lease[SegmentMapping],
        address: int,
        shape: tuple[int, ...],
        dtype: np.dtype[np.generic],
    ) -> None:
        self.lease = lease
        self.__array_interface__ = {
            "version": 3,
            "typestr": dtype.str,
            "shape": shape,
            "data": (address, True),
        }


def lease_mapping(path: str) -> Lease[SegmentMapping]:
    """Return a lease of the file's mapping, the one already open in this process if there is one."""
    return lease(file_id(path), lambda: SegmentMapping(path))


def view(held: Lease[SegmentMapping], key: bytes, place: Place) -> NDArray[Any]:
    """Return the array stored at `place`: a view of the file if big and aligned, else an aligned copy.

    Of a view only the page with the header is read.
    """
    address = held.handle.address(place)
    value = np.asarray(_ArrayOwner(held, address, (place.size,), np.dtype(np.uint8)))
    header = array_header.decode(key, value.data, path=held.handle.path)
    address += array_header.HEADER_BYTES
    if header.data_bytes >= _SMALLEST_VIEW_BYTES and is_aligned(address):
        return np.asarray(_ArrayOwner(held, address, header.shape, header.dtype))
    return aligned_copy(value[array_header.HEADER_BYTES :].view(header.dtype).reshape(header.shape))


def crc_of_keys(keys: Iterable[bytes | memoryview]) -> int:
    """Return the crc32 of the keys in order, each preceded by its length (u16, little endian)."""
    crc = 0
    for key in keys:
        crc = zlib.crc32(key, zlib.crc32(len(key).to_bytes(2, "little"), crc))
    return crc


def advise_reading(path: str) -> None:
    """Ask the system to read the whole file now; the mapping itself asks for no read-ahead."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
    finally:
        os.close(descriptor)
