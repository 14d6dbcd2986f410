"""What a database that takes writes stands on, apart from whoever uses it: closed once, or when let go of."""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import queue
import threading
import weakref

from ...storage.catalog.catalog import Catalog
from ...storage.folder.directory_lock import DirectoryLock
from ...storage.opening.database_folder import give_back
from ...storage.segments.segment import SegmentStore
from .. import deadline
from ..audit.recall_audit import RecallAudit
from ..errors import ResourceExhausted
from ..maintenance.maintenance import Maintenance
from ..maintenance.merge_policy import MergePolicySettings, MergeTask
from ..maintenance.merger import Merger
from ..progress import silent
from ..state.collection_set import CollectionSet
from ..state.collection_state import CollectionState
from ..writing.writer import Writer

log = logging.getLogger("vicinal.database")


class WritingCore:
    """The threads of a database, and all they work on.

    Nothing in here refers to the host, so that a database whose last handle is gone can be closed although
    its threads go on.
    """

    def __init__(
        self,
        catalog: Catalog,
        folder: SegmentStore,
        settings: MergePolicySettings,
        lock: DirectoryLock | None,
        build_threads: int | None = None,
        audit_share: float = 0.0,
    ) -> None:
        self._settings = settings
        self._lock = lock
        self._close_lock = threading.Lock()
        self.closed = False
        self.forked = False
        self.catalog = catalog
        self.folder = folder
        self.collections = CollectionSet(catalog, folder)
        try:
            self.writer = Writer(catalog, self.collections)
            try:
                self._merger = Merger(catalog, folder, self.writer)
                self.audit = RecallAudit(audit_share)
                try:
                    self.maintenance = Maintenance(self._merger, settings, build_threads)
                except BaseException:
                    self.audit.close()
                    raise
            except BaseException:
                self.writer.close()
                raise
        except RuntimeError as error:
            raise ResourceExhausted(f"{error}: raise `ulimit -u`, or close databases") from error
        _open.add(self)

    def close(self, *, seal: bool = False) -> None:
        """Commit what is waiting, give up background work and let go of everything.

        With `seal` the rows that the next process would take long to read from the log become a segment.
        """
        # A second caller waits for the first, and returns when everything is let go of.
        with self._close_lock:
            if self.closed:
                return
            self.closed = True
            self.audit.close()
            if not self.forked:
                self.maintenance.close()
                # In memory nothing is read again.
                if seal and self._lock is not None:
                    for state in self.collections.loaded():
                        self._seal(state)
                self.writer.close()
            for state in self.collections.loaded():
                state.close()
            self.catalog.close()
            if self._lock is not None:
                if seal and not self.forked:
                    self._give_back(self._lock)
                self._lock.close()
            _open.discard(self)

    def _seal(self, state: CollectionState) -> None:
        # As many as background work would seal. Their index is left to it: that takes longer than anybody
        # waits for a database to close.
        if state.dropped or len(state.growing) < self._settings.seal_rows:
            return
        try:
            with deadline.suspended(), self.maintenance.exclusive(state):
                self._merger.perform(state, MergeTask((), True, False, "close"), silent)
        except Exception as error:
            # The log still holds every row.
            log.warning("%s: not sealed at closing: %s", state.name, error, exc_info=error)

    def _give_back(self, lock: DirectoryLock) -> None:
        """Give the pages of the log back to the system, where the catalog holds little else."""
        try:
            give_back(lock.folder)
        except Exception as error:
            # Everything is committed, and the next opening tries again.
            log.warning("the catalog was not compacted at closing: %s", error, exc_info=error)

    def close_with(self, owner: object) -> None:
        """Close when nothing refers to `owner` any more, in a thread of its own."""
        _closing.start()
        # When the interpreter ends, `_close_what_is_open` does it.
        weakref.finalize(owner, self._let_go).atexit = False

    def _let_go(self) -> None:
        # The garbage collector calls this inside whatever a thread does, so it may wait for no lock.
        if self._lock is not None:
            self._lock.leaving = True
        _closing.waiting.put(self)

    def after_fork(self) -> None:
        """Remember that this is a copy: its threads are in the process that was forked."""
        self._close_lock = threading.Lock()
        self.collections.after_fork()
        self.forked = True


class _Closing:
    """The thread that closes what was let go of."""

    def __init__(self) -> None:
        self.waiting: queue.SimpleQueue[WritingCore] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread unless it runs."""
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="vicinal-closing", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            core = self.waiting.get()
            try:
                core.close()
            except Exception as error:
                log.warning("closing a database that was let go of: %s", error, exc_info=error)
            # Not kept while the next is waited for.
            del core


# Builds load it in the background, which it refuses once the interpreter has begun to end.
importlib.import_module("concurrent.futures.thread")

_closing = _Closing()
_open: set[WritingCore] = set()


@atexit.register
def _close_what_is_open() -> None:
    # A build that runs on in C++ while the interpreter ends would abort the process.
    for core in list(_open):
        core.close()


def _after_fork() -> None:
    global _closing
    _closing = _Closing()
    for core in _open:
        core.after_fork()
    _open.clear()


os.register_at_fork(after_in_child=_after_fork)
