"""A sealed segment: one LMDB environment in one file, written once, then only read."""

from __future__ import annotations

import builtins
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from numpy.typing import NDArray

from ..arrays import header as array_header
from ..arrays.row_reader import CHECKSUMS, RowReader
from ..catalog.envelope import OVERHEAD, unseal
from ..errors import ClosedError, CorruptionError
from . import check as segment_check
from . import keys as segment_keys
from .mapping import SegmentMapping, advise_reading

# So many are looked at in a few milliseconds.
_FEW_KEYS = 4096
# A checksum of more bytes takes as long as all else that is done with them.
_LARGE_POSTING = 4096


class SegmentFile:
    """A `Segment` in a file. Opening reads the file's first pages and its directory; values are read when
    asked for.

    Arrays of 4 KiB and more are views of the file and cost no memory of their own. A view keeps the file
    mapped, also after `close` and after the file was deleted.
    """

    in_memory = False

    def __init__(self, mapping: SegmentMapping) -> None:
        self._mapping: SegmentMapping | None = mapping
        self._path = mapping.path
        self._uuid = mapping.directory.uuid

    @classmethod
    def open(cls, path: str | Path) -> SegmentFile:
        """Open a segment file. It is mapped, and no descriptor is held for it.

        Raises
        ------
        FileNotFoundError
            When it is not there, or was deleted while it was being opened; `filename` says which.
        CorruptionError
            When the file cannot be a segment. Values are not checked; `verify` does that.
        FormatVersionError
            When a newer release wrote it.
        """
        return cls(SegmentMapping(os.fspath(path)))

    @property
    def path(self) -> str:
        """The file."""
        return self._path

    @property
    def uuid(self) -> str:
        """The segment's uuid."""
        self._held()
        return self._uuid

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return self._held().size_bytes

    def names(self) -> list[str]:
        """Return the names of the arrays, byte strings and records, sorted."""
        keys = [*self._held().arrays]
        for kind in (segment_keys.BYTES, segment_keys.RECORD):
            keys += [key for key, _ in self._scan(kind, kind + b"\xff")]
        return sorted(segment_keys.name_of(key) for key in keys)

    def array(self, name: str) -> NDArray[Any]:
        """Return one array; its header is checked, its data is not."""
        mapping = self._held()
        key = segment_keys.array(name)
        if key not in mapping.arrays:
            raise self._missing(key)
        return mapping.view(key)

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return the arrays whose names start with `prefix`, by the rest of their names."""
        mapping = self._held()
        start = segment_keys.ARRAY + prefix.encode()
        return {
            segment_keys.name_of(key)[len(prefix) :]: mapping.view(key)
            for key in mapping.arrays
            if key.startswith(start)
        }

    def row_reader(self, name: str, offsets: str | None = None) -> RowReader:
        """Return what reads rows of a matrix that has checksums by row, through a descriptor of its own.

        ``offsets`` names the array that says where in the matrix each begins, where they are of several rows
        of it; it is not checked here.

        Raises
        ------
        KeyError
            When there is no such matrix, or no checksums of its rows, or no offsets.
        FileNotFoundError
            When the file was deleted since it was mapped.
        CorruptionError
            When another file has its name by now, or it is no matrix.
        """
        mapping = self._held()
        checksums, key = self.array(name + CHECKSUMS), segment_keys.array(name)
        begins = None if offsets is None else self.array(offsets)
        if key not in mapping.arrays:
            raise self._missing(key)
        header = mapping.header(key)
        if len(header.shape) != 2:
            raise CorruptionError(self._path, f"array {name!r} has shape {header.shape}, expected a matrix")
        descriptor = mapping.descriptor()
        offset = mapping.arrays[key].offset + array_header.HEADER_BYTES
        return RowReader(
            descriptor,
            self._path,
            name,
            offset,
            (header.shape[0], header.shape[1]),
            header.dtype,
            checksums,
            partial(segment_check.note_damage, mapping),
            begins,
        )

    def bytes(self, name: str) -> builtins.bytes:
        """Return one byte string, checked against its checksum."""
        return builtins.bytes(self._payload(segment_keys.byte_string(name)))

    def record(self, name: str) -> dict[str, Any]:
        """Return one JSON record, checked against its checksum."""
        key = segment_keys.record(name)
        return self._decode(key, self._payload(key))

    def posting(self, field: str, key: builtins.bytes) -> memoryview | None:
        """Return what was stored for a value of a field, checked against its checksum: a view of the file.

        A large one is checked once by those who share the file's mapping.
        """
        mapping = self._held()
        whole = segment_keys.posting(field, key)
        value = mapping.get(whole)
        if value is not None:
            if whole in mapping.sound_postings:
                return value[OVERHEAD:]
            found = unseal(whole, value, path=self._path)
            if len(found) >= _LARGE_POSTING:
                mapping.sound_postings.add(whole)
            return found
        # It may be missed because of a damaged key. Of more keys the background tells.
        if mapping.directory.entries <= _FEW_KEYS:
            segment_check.check_keys(mapping)
        return None

    def postings(
        self, field: str, prefix: builtins.bytes = b""
    ) -> Iterator[tuple[builtins.bytes, builtins.bytes]]:
        """Yield the keys of a field that begin with `prefix`, each with what was stored, checked."""
        mapping = self._held()
        # One may be missing because of a damaged key.
        segment_check.check_keys(mapping)
        start, name = segment_keys.posting(field, prefix), len(segment_keys.posting(field, b""))
        for whole, value in self._scan(start, segment_keys.after_postings(field, prefix)):
            yield whole[name:], builtins.bytes(unseal(whole, value, path=self._path))

    def verify(self) -> list[str]:
        """Read the whole file and return what is damaged."""
        mapping = self._held()
        advise_reading(self._path)
        problems = []
        try:
            for key, value in self._scan(b"\0", b"\xff"):
                try:
                    self._check(key, value)
                except (CorruptionError, ValueError) as error:
                    problems.append(str(error))
            segment_check.check_keys(mapping)
        except CorruptionError as error:
            problems.append(str(error))
        return problems

    def check_in_background(self) -> None:
        """Have arrays and keys verified by a thread, unless they were in this process."""
        segment_check.check_in_background(self._held())

    def check(self) -> None:
        """Raise CorruptionError unless arrays and keys are sound."""
        found = segment_check.check_now(self._held())
        if found:
            raise CorruptionError(self._path, found)

    @property
    def damage(self) -> str:
        """What a check found to be damaged, empty while nothing is known."""
        mapping = self._mapping
        return "" if mapping is None else segment_check.known_damage(mapping)

    def close(self) -> None:
        """Refuse every later call. Calls under way finish, and arrays taken before stay valid."""
        mapping, self._mapping = self._mapping, None
        if mapping is not None:
            mapping.let_go()

    def _held(self) -> SegmentMapping:
        mapping = self._mapping
        if mapping is None:
            raise ClosedError(f"{self._path} was closed")
        return mapping

    def _payload(self, key: builtins.bytes) -> memoryview:
        value = self._held().get(key)
        if value is None:
            raise self._missing(key)
        return unseal(key, value, path=self._path)

    def _missing(self, key: builtins.bytes) -> KeyError:
        return KeyError(f"{self._path} has no {segment_keys.name_of(key)!r}; it has {self.names()}")

    def _decode(self, key: builtins.bytes, payload: memoryview) -> dict[str, Any]:
        try:
            return msgspec.json.decode(payload, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise CorruptionError(self._path, f"the record {segment_keys.name_of(key)!r}: {error}") from error

    def _scan(
        self, start: builtins.bytes, stop: builtins.bytes
    ) -> Iterator[tuple[builtins.bytes, memoryview]]:
        mapping = self._held()
        for key, place in mapping.tree.entries(start, stop):
            yield key, mapping.at(place)

    def _check(self, key: builtins.bytes, value: memoryview) -> None:
        """Raise when a value is damaged."""
        kind = key[:1]
        if kind == segment_keys.ARRAY:
            header = array_header.decode(key, value, path=self._path)
            array_header.check_data(key, header, value[array_header.HEADER_BYTES :], path=self._path)
            return
        if kind not in (
            segment_keys.DIRECTORY,
            segment_keys.BYTES,
            segment_keys.POSTING,
            segment_keys.RECORD,
        ):
            raise CorruptionError(self._path, f"key {key.hex()} is of no kind a segment has")
        payload = unseal(key, value, path=self._path)
        if kind == segment_keys.RECORD:
            self._decode(key, payload)
