"""One handle per file in a process, however often it is opened.

LMDB refuses to open an environment twice in a process, and closing one inside another thread's call is an
error there. So whoever needs an open environment holds a `Lease`; it is closed when the last lease is gone.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar, cast

from ..folder.held_folder import FileId


class Handle(Protocol):
    """Something that is closed once, when nobody holds it any more."""

    def shut(self) -> None:
        """Release the resource."""
        ...


H = TypeVar("H", bound=Handle)


class _Entry:
    __slots__ = ("file_id", "handle", "leases", "shut")

    def __init__(self, file_id: FileId, handle: Handle) -> None:
        self.file_id = file_id
        self.handle = handle
        self.leases = 0
        self.shut = False


_entries: dict[FileId, _Entry] = {}
# Re-entrant because the garbage collector may run `Lease.__del__` in a thread that is inside `lease`.
_lock = threading.RLock()


class Lease(Generic[H]):
    """Keeps `handle` open for as long as something refers to the lease."""

    __slots__ = ("__weakref__", "_entry", "handle")

    def __init__(self, entry: _Entry, handle: H) -> None:
        self.handle = handle
        self._entry = entry

    def __del__(self) -> None:
        with _lock:
            entry = self._entry
            entry.leases -= 1
            if entry.leases == 0:
                entry.shut = True
                if _entries.get(entry.file_id) is entry:
                    del _entries[entry.file_id]
                entry.handle.shut()


def lease(identity: FileId, open_handle: Callable[[], H]) -> Lease[H]:
    """Return a lease of the handle open for `identity`, opening it first if there is none."""
    with _lock:
        entry = _entries.get(identity)
        if entry is not None:
            entry.leases += 1
            # A collection between the two lines above may have ended the last other lease.
            if not entry.shut:
                return Lease(entry, cast(H, entry.handle))
        handle = open_handle()
        entry = _Entry(identity, handle)
        entry.leases = 1
        _entries[identity] = entry
        return Lease(entry, handle)


def _after_fork() -> None:
    # What the parent has open is its own; a child that wants it opens it again.
    global _lock
    _lock = threading.RLock()
    _entries.clear()


os.register_at_fork(after_in_child=_after_fork)
