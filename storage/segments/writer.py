"""Writing a segment file in one transaction."""

from __future__ import annotations

import ctypes
import mmap
import os
import uuid as uuids
from contextlib import suppress
from pathlib import Path
from typing import Any

import lmdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from .. import durable
from ..arrays import header as array_header
from ..arrays.scratch_array import scratch_array
from ..catalog.envelope import OVERHEAD, seal
from ..errors import ClosedError, CorruptionError
from ..lmdb_files.errors import storage_error
from ..lmdb_files.segment_environment import open_environment
from . import keys as segment_keys
from .file import SegmentFile
from .mapping import SEGMENT_FORMAT, Directory, crc_of_keys

# Address space, not memory or disk: room for page rounding, and for values just too big for a leaf page.
_MAP_FACTOR = 3
_MAP_SLACK = 1 << 26
_ENTRY_OVERHEAD = 1 << 11
_SMALLEST_RESERVED_BYTES = 1 << 20


class SegmentWriter:
    """Collects values, then writes them to a new file; a `SegmentWriting`.

    The arrays are not copied before `finish`, and from then on memory holds each of them at most twice: as it
    was given, and in the pages of the transaction.
    """

    def __init__(self, path: str | Path, *, uuid: str | None = None) -> None:
        self._path = os.fspath(path)
        self._uuid = uuid or str(uuids.uuid4())
        self._values: dict[bytes, bytes | NDArray[np.generic]] | None = {}
        self._names: set[str] = set()

    @property
    def uuid(self) -> str:
        """The segment's uuid."""
        return self._uuid

    def put_array(self, name: str, array: NDArray[np.generic]) -> None:
        """Add an array: bool, integer or float, at most 3 dimensions, below 4 GiB."""
        self._named(name, segment_keys.array(name), array_header.storable(array))

    def put_bytes(self, name: str, value: bytes) -> None:
        """Add a byte string below 4 GiB."""
        self._named(name, segment_keys.byte_string(name), value)

    def put_record(self, name: str, record: dict[str, Any]) -> None:
        """Add a JSON object."""
        self._named(name, segment_keys.record(name), msgspec.json.encode(record))

    def put_posting(self, field: str, value_key: bytes, value: bytes) -> None:
        """Add the value for one key of a field."""
        key = segment_keys.posting(field, value_key)
        if key in self._open():
            raise ValueError(f"field {field!r} has a posting for {value_key!r} already")
        self._put(key, value)

    def room(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return zeros to be filled in and put as an array, in a file without a name beside the segment's."""
        return scratch_array(shape, dtype, os.path.dirname(self._path))

    def finish(self) -> int:
        """Write the file, wait until it is on disk, read it back, and return its size.

        Raises
        ------
        DiskFullError
            When there is no room.
        CorruptionError
            When the file does not read back as it was written. In either case no file is left.
        """
        values = self._open()
        self._values = None
        keys = sorted(values)
        directory = Directory(SEGMENT_FORMAT, self._uuid, len(keys), crc_of_keys(keys))
        # Refuses a file that exists, which LMDB would add to.
        os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o644))
        try:
            self._write(keys, values, msgspec.json.encode(directory))
            durable.fsync_file(self._path)
            return self._read_back()
        except BaseException:
            self._remove()
            raise

    def abort(self) -> None:
        """Throw everything away; it does nothing after `finish`."""
        self._values = None

    def _named(self, name: str, key: bytes, value: bytes | NDArray[np.generic]) -> None:
        if name in self._names:
            raise ValueError(f"{name!r} was put already")
        self._put(key, value)
        self._names.add(name)

    def _put(self, key: bytes, value: bytes | NDArray[np.generic]) -> None:
        if isinstance(value, bytes) and len(value) + OVERHEAD > array_header.MAX_VALUE_BYTES:
            raise ValueError(f"a value of {len(value)} bytes is 4 GiB or more: make smaller segments")
        self._open()[key] = value

    def _open(self) -> dict[bytes, bytes | NDArray[np.generic]]:
        if self._values is None:
            raise ClosedError(f"{self._path}: this writer has finished")
        return self._values

    def _write(
        self, keys: list[bytes], values: dict[bytes, bytes | NDArray[np.generic]], directory: bytes
    ) -> None:
        total = sum(
            value.nbytes if isinstance(value, np.ndarray) else len(value) for value in values.values()
        )
        environment = None
        try:
            environment = open_environment(
                self._path,
                map_size=_MAP_FACTOR * (total + _ENTRY_OVERHEAD * len(keys)) + _MAP_SLACK,
                sync=True,
                metasync=True,
                writemap=False,
            )
            transaction = environment.begin(write=True, buffers=True)
            _put(transaction, segment_keys.DIRECTORY, directory)
            for key in keys:
                # Popped, so that memory nobody else holds is free as soon as LMDB has its copy.
                _put(transaction, key, values.pop(key))
            durable.commit(transaction)
        except lmdb.Error as error:
            raise storage_error(error, self._path, written=total) from error
        finally:
            if environment is not None:
                environment.close()

    def _read_back(self) -> int:
        segment = SegmentFile.open(self._path)
        try:
            problems = segment.verify()
            if problems:
                raise CorruptionError(self._path, f"it does not read back as written: {problems[0]}")
            return segment.size_bytes
        finally:
            segment.close()

    def _remove(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._path)


def _put(transaction: lmdb.Transaction[memoryview], key: bytes, value: bytes | NDArray[np.generic]) -> None:
    """Append one value; the keys come in order."""
    if not isinstance(value, np.ndarray):
        transaction.put(key, seal(key, value), append=True)
        return
    header = array_header.encode(key, value)
    if value.nbytes < _SMALLEST_RESERVED_BYTES:
        transaction.put(key, header + value.tobytes(), append=True)
    else:
        _put_reserved(transaction, key, header, array_header.data_of(value))


def _put_reserved(
    transaction: lmdb.Transaction[memoryview], key: bytes, header: bytes, data: memoryview
) -> None:
    """Store header and data as one value without joining them in memory first.

    LMDB has MDB_RESERVE for this: it makes room and the caller fills it in before the next change. py-lmdb
    does not offer the flag, so the room is made by storing as many zeros, which untouched anonymous memory
    provides for free, and is then filled in through the address of the new value. A big value of an open
    write transaction lies in memory LMDB has allocated for it, so this is allowed to write there. `finish`
    reads every byte back from the file.
    """
    size = len(header) + len(data)
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ) as zeros:
        transaction.put(key, zeros, append=True)
    stored = transaction.get(key)
    if stored is None or len(stored) != size:
        raise RuntimeError("LMDB does not return the value it was just given")
    address = np.frombuffer(stored, dtype=np.uint8).ctypes.data
    ctypes.memmove(address, header, len(header))
    ctypes.memmove(address + len(header), np.frombuffer(data, dtype=np.uint8).ctypes.data, len(data))
