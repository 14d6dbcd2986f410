"""Postings that a segment file lacks: made of its payloads in memory, until a file has them."""

from __future__ import annotations

import threading

from ....storage.columns.payloads import PayloadColumn
from ... import deadline
from ...schema.payload_field import FieldType
from ..growing.postings import GrowingPostings, GrowingReader

_ROWS_AT_A_TIME = 4096

_Field = tuple[str, FieldType]


class PayloadScans:
    """The postings of payload fields that were added after a segment was written. Safe to share.

    A field is read from the payloads when a filter first asks for it, and kept. Threads that ask at the same
    time read it together, some rows each; what one has read when its time is over is there for the next.
    """

    def __init__(self, payloads: PayloadColumn) -> None:
        self._payloads = payloads
        self._found: dict[_Field, GrowingReader] = {}
        # How far the reading of each other field has come.
        self._begun: dict[_Field, tuple[GrowingPostings, int]] = {}
        self._lock = threading.Lock()

    def postings(self, path: str, kind: FieldType) -> GrowingReader:
        """Return the postings of one field.

        Raises
        ------
        DeadlineExceeded
            The time was over before all payloads were read.
        """
        while True:
            found = self._found.get((path, kind))
            if found is not None:
                return found
            deadline.check()
            with self._lock:
                self._read_on(path, kind)

    def forget(self) -> None:
        """Drop what was read; who has got it goes on with it."""
        with self._lock:
            self._found, self._begun = {}, {}

    def _read_on(self, path: str, kind: FieldType) -> None:
        if (path, kind) in self._found:
            return
        # Taken out meanwhile: after an interrupt, rows could be in it that are not counted.
        postings, start = self._begun.pop((path, kind), (None, 0))
        if postings is None:
            postings = GrowingPostings({path: kind})
        n = len(self._payloads)
        stop = min(start + _ROWS_AT_A_TIME, n)
        postings.apply(start, postings.parse(self._payloads.slice(start, stop), stored=True))
        if stop == n:
            self._found[path, kind] = postings.reader(n)
        else:
            self._begun[path, kind] = postings, stop
