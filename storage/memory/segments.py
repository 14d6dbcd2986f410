"""Segments without a disk, for databases in memory."""

from __future__ import annotations

import builtins
import threading
import time
import uuid as uuids
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from sortedcontainers import SortedDict

from ..arrays import header as array_header
from ..arrays.aligned import aligned_copy
from ..arrays.scratch_array import scratch_array
from ..errors import ClosedError
from ..segments import keys as segment_keys

Value = bytes | NDArray[Any]


class MemorySegment:
    """A `Segment` in memory."""

    in_memory = True

    def __init__(self, uuid: str, values: Mapping[bytes, Value]) -> None:
        self._uuid = uuid
        self._values: SortedDict[bytes, Value] | None = SortedDict(values)

    @property
    def uuid(self) -> str:
        """The segment's uuid."""
        self._open()
        return self._uuid

    @property
    def size_bytes(self) -> int:
        """The bytes of the values."""
        return sum(_size(value) for value in self._open().values())

    def names(self) -> list[str]:
        """Return the names of the arrays, byte strings and records, sorted."""
        kinds = (segment_keys.ARRAY, segment_keys.BYTES, segment_keys.RECORD)
        return sorted(segment_keys.name_of(key) for key in self._open() if key[:1] in kinds)

    def array(self, name: str) -> NDArray[Any]:
        """Return one array."""
        array: NDArray[Any] = self._value(segment_keys.array(name))
        return array

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return the arrays whose names start with `prefix`, by the rest of their names."""
        start = segment_keys.ARRAY + prefix.encode()
        return {
            key[len(start) :].decode(): value for key, value in self._open().items() if key.startswith(start)
        }

    def row_reader(self, name: str, offsets: str | None = None) -> None:
        """Return None: all of it is in memory."""

    def bytes(self, name: str) -> builtins.bytes:
        """Return one byte string."""
        return builtins.bytes(self._value(segment_keys.byte_string(name)))

    def record(self, name: str) -> dict[str, Any]:
        """Return one JSON record."""
        return msgspec.json.decode(self._value(segment_keys.record(name)), type=dict[str, Any])

    def posting(self, field: str, key: builtins.bytes) -> builtins.bytes | None:
        """Return what was stored for a value of a field, None if nothing was."""
        value: builtins.bytes | None = self._open().get(segment_keys.posting(field, key))
        return value

    def postings(
        self, field: str, prefix: builtins.bytes = b""
    ) -> Iterator[tuple[builtins.bytes, builtins.bytes]]:
        """Yield the keys of a field that begin with `prefix`, each with what was stored."""
        values, name = self._open(), len(segment_keys.posting(field, b""))
        start, stop = segment_keys.posting(field, prefix), segment_keys.after_postings(field, prefix)
        for whole in values.irange(start, stop):
            yield whole[name:], values[whole]

    def verify(self) -> list[str]:
        """Return nothing: memory has no checksums to fail."""
        self._open()
        return []

    def check_in_background(self) -> None:
        """Do nothing: memory is not verified."""

    def check(self) -> None:
        """Do nothing: memory is not verified."""

    @property
    def damage(self) -> str:
        """What is damaged: nothing."""
        return ""

    def close(self) -> None:
        """Refuse every later call; arrays taken before stay valid."""
        self._values = None

    def _open(self) -> SortedDict[builtins.bytes, Value]:
        if self._values is None:
            raise ClosedError(f"segment {self._uuid} was closed")
        return self._values

    def _value(self, key: builtins.bytes) -> Any:
        try:
            return self._open()[key]
        except KeyError:
            raise KeyError(f"there is no {segment_keys.name_of(key)!r}; there is {self.names()}") from None


class MemorySegmentWriter:
    """A `SegmentWriting` into a `MemorySegmentFolder`."""

    def __init__(self, folder: MemorySegmentFolder, uuid: str) -> None:
        self._folder = folder
        self._uuid = uuid
        self._values: dict[bytes, Value] | None = {}
        self._names: set[str] = set()

    @property
    def uuid(self) -> str:
        """The segment's uuid."""
        return self._uuid

    def put_array(self, name: str, array: NDArray[np.generic]) -> None:
        """Add an array: bool, integer or float, at most 3 dimensions, below 4 GiB."""
        self._named(name, segment_keys.array(name), array_header.storable(array))

    def put_bytes(self, name: str, value: bytes) -> None:
        """Add a byte string."""
        self._named(name, segment_keys.byte_string(name), bytes(value))

    def put_record(self, name: str, record: dict[str, Any]) -> None:
        """Add a JSON object."""
        self._named(name, segment_keys.record(name), msgspec.json.encode(record))

    def put_posting(self, field: str, value_key: bytes, value: bytes) -> None:
        """Add the value for one key of a field."""
        key = segment_keys.posting(field, value_key)
        if key in self._open():
            raise ValueError(f"field {field!r} has a posting for {value_key!r} already")
        self._open()[key] = bytes(value)

    def room(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return zeros to be filled in and put as an array."""
        return scratch_array(shape, dtype, None)

    def finish(self) -> int:
        """Copy the arrays, hand everything to the folder, and return its size in bytes."""
        values = self._open()
        self._values = None
        stored = {
            key: aligned_copy(value) if isinstance(value, np.ndarray) else value
            for key, value in values.items()
        }
        self._folder.finished(self._uuid, stored)
        return sum(_size(value) for value in stored.values())

    def abort(self) -> None:
        """Throw everything away; it does nothing after `finish`."""
        self._values = None

    def _named(self, name: str, key: bytes, value: Value) -> None:
        values = self._open()
        if name in self._names:
            raise ValueError(f"{name!r} was put already")
        values[key] = value
        self._names.add(name)

    def _open(self) -> dict[bytes, Value]:
        if self._values is None:
            raise ClosedError(f"the writer of segment {self._uuid} has finished")
        return self._values


class MemorySegmentFolder:
    """A `SegmentStore` in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unpublished: dict[str, tuple[dict[bytes, Value], float]] = {}
        self._published: dict[str, tuple[dict[bytes, Value], float]] = {}
        self._quarantined: dict[str, dict[bytes, Value]] = {}

    def new_writer(self) -> tuple[str, MemorySegmentWriter]:
        """Return a new uuid and a writer for it."""
        uuid = str(uuids.uuid4())
        return uuid, MemorySegmentWriter(self, uuid)

    def finished(self, uuid: str, values: dict[bytes, Value]) -> None:
        """Take over what a writer collected."""
        with self._lock:
            self._unpublished[uuid] = values, time.time()

    def publish(self, uuid: str) -> None:
        """Make a finished segment one that can be opened."""
        with self._lock:
            if uuid not in self._unpublished:
                raise FileNotFoundError(f"segment {uuid} was not finished")
            self._published[uuid] = self._unpublished.pop(uuid)

    def open(self, uuid: str) -> MemorySegment:
        """Open a published segment; FileNotFoundError when there is none."""
        with self._lock:
            if uuid not in self._published:
                raise FileNotFoundError(f"there is no segment {uuid}")
            return MemorySegment(uuid, self._published[uuid][0])

    def remove(self, uuid: str) -> None:
        """Delete a segment, published or not; who has it open may read on."""
        with self._lock:
            self._published.pop(uuid, None)
            self._unpublished.pop(uuid, None)

    def quarantine(self, uuid: str) -> None:
        """Move a segment aside, never to be opened again."""
        with self._lock:
            if uuid not in self._published:
                raise FileNotFoundError(f"there is no segment {uuid}")
            self._quarantined[uuid], _ = self._published.pop(uuid)

    def strays(self, known: set[str], older_than_s: float) -> list[str]:
        """Return the segments not in `known` that were finished more than `older_than_s` seconds ago."""
        oldest = time.time() - older_than_s
        with self._lock:
            everything = {**self._unpublished, **self._published}
        return sorted(
            uuid for uuid, (_, written) in everything.items() if uuid not in known and written <= oldest
        )

    def free_bytes(self) -> None:
        """Return nothing: how much memory there is the system does not say."""


def _size(value: Value) -> int:
    return value.nbytes if isinstance(value, np.ndarray) else len(value)
