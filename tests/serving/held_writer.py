"""Holding a database's writer up, so that a write stays under way until the test lets it go on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from waiting import wait_until

from vicinal.engine.writing.writer import Writer
from vicinal.storage.opening.database_folder import open_catalog

_PATIENCE = 60.0


class HeldWriter:
    """A write transaction of the catalog that waits; LMDB lets no other begin meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._held, self._released = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(folder,))
        self._thread.start()
        assert self._held.wait(_PATIENCE)

    def wait_for_writer(self) -> None:
        """Return when the database's writer has begun a commit, so that what comes now goes into the next."""
        wait_until(lambda: any(map(_is_committing, threading.enumerate())))

    def release(self) -> None:
        """Let writes go on."""
        self._released.set()
        self._thread.join()

    def _hold(self, folder: Path) -> None:
        catalog = open_catalog(folder, engine="test", create=False)
        try:
            with catalog.write():
                self._held.set()
                assert self._released.wait(_PATIENCE)
        finally:
            catalog.close()


def _is_committing(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None and frame.f_code is not Writer._commit.__code__:
        frame = frame.f_back
    return frame is not None


@contextmanager
def held_writer(folder: Path) -> Iterator[HeldWriter]:
    """Hold up all writes to a database that is open in this process, until the block ends at the latest."""
    held = HeldWriter(folder)
    try:
        yield held
    finally:
        held.release()
