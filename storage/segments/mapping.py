"""An open segment file: its bytes in memory, and where in them each value is."""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from numpy.typing import NDArray

from ..arrays import header as array_header
from ..arrays.aligned import aligned_copy, is_aligned
from ..arrays.mapped_file import map_file
from ..catalog.envelope import unseal
from ..errors import ClosedError, CorruptionError, FormatVersionError
from ..lmdb_files.meta import parse_meta
from ..lmdb_files.tree import LmdbTree, Place
from . import keys as segment_keys

SEGMENT_FORMAT = 3
# Below this a copy is cheaper than the pages a view would keep mapped, and LMDB may store the value
# unaligned.
_SMALLEST_VIEW_BYTES = 4096
# So much goes through its checksum in 20 us, each time it is asked for.
_LARGEST_CHECKED_BYTES = 1 << 16


class Directory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a segment file says about itself; `keys_crc` covers every other key, in order."""

    format: int
    uuid: str
    entries: int
    keys_crc: int


class SegmentMapping:
    """One segment file in memory.

    Whatever is read out of it keeps the file mapped; nothing has to be closed. Opening reads the meta pages,
    the directory and the pages with the keys of the arrays.

    Attributes
    ----------
    identity : tuple of int
        The file and its state, as the system numbers them.
    memory : ndarray
        The bytes of the file.
    meta : MetaPage
        The one LMDB goes by.
    tree : LmdbTree
        Every key of the file.
    arrays : dict of bytes to Place
        Where each array is, by its key.
    keys_are_sound : bool
        Whether somebody found them to be the ones in the directory.
    sound_postings : set of bytes
        The keys of large postings that somebody found to be as they were written.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.identity = _identity(os.stat(path))
        self.memory = map_file(path)
        self._bytes = self.memory.data
        self.size_bytes = len(self.memory)
        meta = parse_meta(self._bytes, self.size_bytes, path)
        if meta.transactions != (0, 1) or meta.file_bytes != (meta.last_page + 1) * meta.page_size:
            raise CorruptionError(path, "the file is not what one transaction in a new LMDB file leaves")
        self.keys_are_sound = False
        self.sound_postings: set[bytes] = set()
        self._guard = threading.Lock()
        self._let_go = False
        self.tree = LmdbTree(self.memory, meta.newest, path)
        self.meta = meta.newest
        self.directory = self._read_directory()
        self.arrays = dict(self.tree.entries(segment_keys.ARRAY, segment_keys.BYTES))

    def get(self, key: bytes) -> memoryview | None:
        """Return the memory of a value, None when there is no such key."""
        place = self.tree.find(key)
        return None if place is None else self.at(place)

    def at(self, place: Place) -> memoryview:
        """Return the memory of a place."""
        return self._bytes[place.offset : place.offset + place.size]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Return a context in which a thread that nobody waits for may read the file; `let_go` waits for it.

        Raises
        ------
        ClosedError
            When the file was let go of: somebody may be writing another in its place.
        """
        with self._guard:
            if self._let_go:
                raise ClosedError(f"{self.path} was closed")
            yield

    def let_go(self) -> None:
        """Keep the background from reading the file; what was taken out of it may be read on."""
        with self._guard:
            self._let_go = True

    def bytes_at(self, offset: int, size: int) -> memoryview:
        """Return a part of the file."""
        return self._bytes[offset : offset + size]

    def view(self, key: bytes) -> NDArray[Any]:
        """Return an array: a view of the file if it is big and aligned, else an aligned copy.

        Of a big one only the page with the header is read, and its data is not verified.
        """
        place = self.arrays[key]
        value = self.memory[place.offset : place.offset + place.size]
        header = array_header.decode(key, value.data, path=self.path)
        if header.data_bytes <= _LARGEST_CHECKED_BYTES:
            array_header.check_data(key, header, value[array_header.HEADER_BYTES :].data, path=self.path)
        data = value[array_header.HEADER_BYTES :].view(header.dtype).reshape(header.shape)
        if header.data_bytes >= _SMALLEST_VIEW_BYTES and is_aligned(data.ctypes.data):
            return data
        return aligned_copy(data)

    def header(self, key: bytes) -> array_header.ArrayHeader:
        """Return what an array says of itself; its data is not looked at."""
        return array_header.decode(key, self.at(self.arrays[key]), path=self.path)

    def descriptor(self) -> int:
        """Return a descriptor of the file, opened anew and to be closed by the caller.

        Raises
        ------
        FileNotFoundError
            When it was deleted.
        CorruptionError
            When another has its name.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        if _identity(os.fstat(descriptor)) != self.identity:
            os.close(descriptor)
            raise CorruptionError(self.path, "another file was put in its place while it was being opened")
        return descriptor

    def _read_directory(self) -> Directory:
        value = self.get(segment_keys.DIRECTORY)
        if value is None:
            raise CorruptionError(self.path, "the file has no directory: it is not a segment")
        payload = unseal(segment_keys.DIRECTORY, value, path=self.path)
        try:
            stated = msgspec.json.decode(payload, type=_FormatOnly).format
            if stated > SEGMENT_FORMAT:
                raise FormatVersionError(stated, SEGMENT_FORMAT)
            return msgspec.json.decode(payload, type=Directory)
        except msgspec.DecodeError as error:
            raise CorruptionError(self.path, f"the directory: {error}") from error


class _FormatOnly(msgspec.Struct):
    format: int


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


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
