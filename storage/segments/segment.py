"""What a segment can do, wherever its bytes are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays.row_reader import RowReader

_Bytes = bytes


class Segment(Protocol):
    """An immutable set of named values. Safe to use from many threads.

    Arrays are read-only, C-contiguous and 64-byte aligned, and stay valid after `close`, however long they
    are kept. Every method raises `ClosedError` after `close`. A name that is not there is a KeyError.
    """

    @property
    def uuid(self) -> str:
        """The segment's uuid."""
        ...

    @property
    def size_bytes(self) -> int:
        """How much room the segment takes."""
        ...

    @property
    def in_memory(self) -> bool:
        """Whether that room is memory, and not a file."""
        ...

    def names(self) -> list[str]:
        """Return the names of the arrays, byte strings and records, sorted."""
        ...

    def array(self, name: str) -> NDArray[Any]:
        """Return one array."""
        ...

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return the arrays whose names start with `prefix`, by the rest of their names."""
        ...

    def row_reader(self, name: str, offsets: str | None = None) -> RowReader | None:
        """Return what reads rows of a matrix that has checksums by row; None where it lies in memory anyway.

        ``offsets`` names the array that says where in the matrix each row begins, where one is several rows
        of it. The reader goes on after `close`, and after the segment was removed.
        """
        ...

    def bytes(self, name: str) -> _Bytes:
        """Return one byte string."""
        ...

    def record(self, name: str) -> dict[str, Any]:
        """Return one JSON record."""
        ...

    def posting(self, field: str, key: _Bytes) -> _Bytes | memoryview | None:
        """Return what was stored for a value of a field, None if nothing was; as valid as arrays."""
        ...

    def postings(self, field: str, prefix: _Bytes = b"") -> Iterator[tuple[_Bytes, _Bytes]]:
        """Yield the keys of a field that begin with `prefix`, in order, each with what was stored for it."""
        ...

    def verify(self) -> list[str]:
        """Read everything and return what is damaged."""
        ...

    def check_in_background(self) -> None:
        """Have arrays and keys verified beside other work; records and postings are when they are read."""
        ...

    def check(self) -> None:
        """Raise CorruptionError unless arrays and keys are sound; they are read once a process."""
        ...

    @property
    def damage(self) -> str:
        """What a check found to be damaged, empty while nothing is known; also after `close`."""
        ...

    def close(self) -> None:
        """Refuse every later call; it is allowed to close twice."""
        ...


class SegmentWriting(Protocol):
    """Collects the values of one segment; nothing of it can be read before `finish`.

    Names are unique across arrays, byte strings and records. Arrays are not copied before `finish`, so they
    must not be changed until then.
    """

    @property
    def uuid(self) -> str:
        """The segment's uuid."""
        ...

    def put_array(self, name: str, array: NDArray[np.generic]) -> None:
        """Add an array: bool, integer or float, at most 3 dimensions, below 4 GiB."""
        ...

    def put_bytes(self, name: str, value: bytes) -> None:
        """Add a byte string below 4 GiB."""
        ...

    def put_record(self, name: str, record: dict[str, Any]) -> None:
        """Add a JSON object."""
        ...

    def put_posting(self, field: str, value_key: bytes, value: bytes) -> None:
        """Add the value for one key of a field."""
        ...

    def room(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return zeros to be filled in and put as an array, on disk where segments are.

        So that memory need not hold them; they are there for as long as the array is.
        """
        ...

    def finish(self) -> int:
        """Store everything durably, read it back, and return its size in bytes."""
        ...

    def abort(self) -> None:
        """Throw everything away; it does nothing after `finish`."""
        ...


class SegmentStore(Protocol):
    """Where the segments of a database are."""

    def new_writer(self) -> tuple[str, SegmentWriting]:
        """Return a new uuid and a writer for it."""
        ...

    def publish(self, uuid: str) -> None:
        """Give a finished segment its final place."""
        ...

    def open(self, uuid: str) -> Segment:
        """Open a published segment; FileNotFoundError when there is none."""
        ...

    def remove(self, uuid: str) -> None:
        """Delete a segment, published or not; who has it open may read on."""
        ...

    def quarantine(self, uuid: str) -> None:
        """Move a damaged segment aside, never to be opened again or deleted."""
        ...

    def strays(self, known: set[str], older_than_s: float) -> list[str]:
        """Return the segments not in `known` that were last written more than `older_than_s` seconds ago."""
        ...

    def free_bytes(self) -> int | None:
        """Return how much room there is for segments; None when nobody can tell."""
        ...
