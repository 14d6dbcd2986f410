"""An open LMDB environment that can be reopened under the stores that share it."""

from __future__ import annotations

import errno
import os
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress

import lmdb

from ..catalog.key_value_store import StoreUse
from ..errors import ClosedError, StorageError, SystemLimitError, UncertainCommitError
from ..folder.held_folder import FileId, file_id
from .errors import storage_error, storage_errors

DATA_NAME = "data.mdb"
# With less than this to grow into, a database is of no use.
_SMALLEST_ROOM = 1 << 26
_DRAIN_SECONDS = 10.0


class LmdbEnvironment:
    """The one LMDB environment of a folder in this process.

    LMDB wants an environment closed and opened again after a failed last write of a commit, and py-lmdb
    refuses a second one beside it. Both need a moment without transactions, so every transaction is counted
    here.

    `where` returns the path that the folder has now. The data file that was opened first is the only one ever
    written: a folder that has another in its place is refused.

    The map has `room_bytes` of address space beyond the file, or less where the system gives no more. It is
    made anew when half of that is used up, or another process has written beyond it.
    """

    def __init__(
        self,
        where: Callable[[], str],
        *,
        read_only: bool,
        room_bytes: int,
        guard: object | None = None,
    ) -> None:
        self._where = where
        self.path = where()
        self.read_only = read_only
        self._room_bytes = room_bytes
        # Keeps writers away from an environment that is opened without LMDB's own locks.
        self._guard = guard
        # Taken bare where the main thread comes by: entering a Condition can be interrupted half way.
        self._lock = threading.Lock()
        self._gate = threading.Condition(self._lock)
        self._open_transactions = 0
        self._draining = False
        self._failed = False
        self._writing_thread: int | None = None
        self._forked = False
        self._seen = -1
        self._environment, self._file_id = self._open_what_is_there()
        _open.add(self)

    def begin(self, *, write: bool) -> lmdb.Transaction[bytes]:
        """Begin a transaction; `end` must follow it."""
        if write:
            self._refuse_inside_a_write()
            self._make_room()
        while True:
            self._enter()
            try:
                if write:
                    # A killed reader keeps its slot, and with it old pages, until somebody looks.
                    self._environment.reader_check()
                transaction = self._environment.begin(write=write)
            except lmdb.Error as error:
                self._leave()
                self._recover(error)
                continue
            except BaseException:
                self._leave()
                raise
            if write:
                self._writing_thread = threading.get_ident()
            return transaction

    def end(self, *, write: bool) -> None:
        """Count a transaction that was committed or aborted as gone."""
        if write:
            self._writing_thread = None
        self._leave()

    def failed_commit(self, error: lmdb.Error, written: int) -> StorageError:
        """Return what a commit that raised means, and see to it that the next transaction works."""
        try:
            self._environment.begin().abort()
        except lmdb.PanicError:
            # Only a failed write of the page that publishes the commit makes LMDB panic.
            self._failed = True
            return UncertainCommitError(
                f"{self.path}: {error}: the commit failed in its last step: read the state back first"
            )
        except lmdb.Error:
            self._failed = True
        return storage_error(error, self.path, written=written)

    def outgrown(self, written: int) -> None:
        """Say that a transaction that wrote so much did not fit, so that the next one has room for it."""
        self._room_bytes = max(self._room_bytes, 4 * written)

    def known_version(self) -> int | None:
        """Return :meth:`version` where nothing was written since it was asked for, or None.

        An interrupt does no harm here.
        """
        seen = self._seen
        with suppress(lmdb.Error):
            return seen if self._last_written() == seen else None
        return None

    def version(self) -> int:
        """Return the number of the last transaction, of any process, that whoever begins one now sees.

        Not to be interrupted: where it is not known, a transaction is begun.
        """
        seen = self._seen
        try:
            if self._last_written() == seen:
                return seen
        except lmdb.Error:
            # It is closed when opening it again has failed.
            self._alone(self._reopen)
        # The page that publishes a commit can be read for as long as the disk takes to keep it, and only then
        # do transactions see what was committed.
        transaction = self.begin(write=False)
        try:
            self._seen = seen = int(transaction.id())
        finally:
            abort(transaction)
            self.end(write=False)
        return seen

    def use(self) -> StoreUse:
        """Return how much of the file is in use, and who holds the rest."""
        with self._lock, storage_errors(self.path):
            self._check_own()
            tree, last = self._environment.stat(), self._environment.info()["last_txnid"]
            pages = 2 + tree["branch_pages"] + tree["leaf_pages"] + tree["overflow_pages"]
            readers = [line.split() for line in self._environment.readers().splitlines()[1:]]
        # A line is pid, thread and transaction, or "-" for a reader between two transactions.
        reading = [(int(line[2]), int(line[0])) for line in readers if len(line) == 3 and line[2].isdigit()]
        behind, pid = (last - min(reading)[0], min(reading)[1]) if reading else (0, None)
        return StoreUse(pages * tree["psize"], behind, pid if behind else None)

    def _last_written(self) -> int:
        with self._lock:
            self._check_own()
            return int(self._environment.info()["last_txnid"])

    def check_in_place(self) -> str:
        """Return the path of the folder; StorageError when the data file that is open is not in it.

        LMDB would go on writing to a file that was deleted or put elsewhere, and nobody would find it.
        """
        path = self._where()
        with suppress(FileNotFoundError):
            if file_id(os.path.join(path, DATA_NAME)) == self._file_id:
                return path
        raise StorageError(
            f"{path}: {DATA_NAME} was deleted or replaced while it was open: nothing was written; open the "
            "database again"
        )

    def copy_to(self, folder: str, *, compact: bool = False) -> None:
        """Copy the last committed state; pages are copied as they are, damaged or not.

        A compact copy has only the pages that are in use, and counts transactions anew.
        """
        self._refuse_inside_a_write()
        self._enter()
        try:
            with storage_errors(self.path):
                self._environment.copy(folder, compact=compact)
        finally:
            self._leave()

    def make_writable(self) -> None:
        """Reopen a read-only environment for writing."""
        if self.read_only:
            self._alone(self._reopen_writable)

    def shut(self) -> None:
        """Close the environment; nothing refers to it any more."""
        if not self._forked:
            self._environment.close()
        self._guard = None

    def after_fork(self) -> None:
        """Leave the environment to the parent: closing it here would end the parent's reads."""
        self._forked = True
        self._lock = threading.Lock()
        self._gate = threading.Condition(self._lock)
        self._guard = None
        del self._environment

    def _check_own(self) -> None:
        if self._forked:
            raise ClosedError(f"{self.path}: opened before this process was forked: open it again here")

    def _refuse_inside_a_write(self) -> None:
        if self._writing_thread == threading.get_ident():
            raise RuntimeError("this thread is inside a write already: LMDB would wait for it forever")

    def _enter(self) -> None:
        with self._gate:
            if not self._gate.wait_for(lambda: not self._draining, timeout=_DRAIN_SECONDS):
                raise self._stuck()
            self._check_own()
            self._open_transactions += 1

    def _leave(self) -> None:
        with self._gate:
            self._open_transactions -= 1
            self._gate.notify_all()

    def _recover(self, error: lmdb.Error) -> None:
        """Repair what made `begin` fail, or raise."""
        if isinstance(error, lmdb.PanicError) or self._failed or isinstance(error, lmdb.MapResizedError):
            self._alone(self._reopen)
        elif isinstance(error, lmdb.ReadersFullError) and self._environment.reader_check():
            return
        else:
            raise storage_error(error, self.path) from error

    def _alone(self, action: Callable[[], None]) -> None:
        """Run `action` while no transaction is open."""
        with self._gate:
            self._draining = True
            try:
                if not self._gate.wait_for(lambda: self._open_transactions == 0, timeout=_DRAIN_SECONDS):
                    raise self._stuck()
                action()
            finally:
                self._draining = False
                self._gate.notify_all()

    def _make_room(self) -> None:
        """Make the map larger before a write needs it, at a moment without transactions if there is one."""
        with self._gate:
            self._check_own()
            if self._failed or self._draining:
                return
            with storage_errors(self.path):
                info = self._environment.info()
                used = (info["last_pgno"] + 1) * self._environment.stat()["psize"]
            left = info["map_size"] - used
            if left >= self._room_bytes // 2:
                return
            if self._open_transactions == 0:
                self._reopen()
                return
        if left < self._room_bytes // 8:
            self._alone(self._reopen)

    def _stuck(self) -> StorageError:
        return StorageError(
            f"{self.path} has to be reopened, but {self._open_transactions} transactions stayed open for "
            f"{_DRAIN_SECONDS:.0f} s: end them and try again"
        )

    def _reopen(self) -> None:
        path = self.check_in_place()
        # Until it is open again: whoever comes next tries that first.
        self._failed = True
        self._environment.close()
        self._environment = self._open(path)
        self._failed = False

    def _reopen_writable(self) -> None:
        self.check_in_place()
        self.read_only = False
        self._reopen()

    def _open_what_is_there(self) -> tuple[lmdb.Environment, FileId]:
        """Open the environment and return it with its data file.

        A reader opens the data file before it waits for LMDB's lock, and behind that lock a writer that opens
        may put a smaller file in its place.
        """
        data = os.path.join(self.path, DATA_NAME)
        while True:
            before = file_id(data) if self.read_only else None
            environment = self._open(self.path)
            after = file_id(data)
            if before in (None, after):
                return environment, after
            environment.close()

    def _open(self, path: str) -> lmdb.Environment:
        room = self._room_bytes
        while True:
            map_bytes = _file_bytes(path) + room
            try:
                return lmdb.open(
                    path,
                    map_size=map_bytes,
                    readonly=self.read_only,
                    create=not self.read_only,
                    lock=self._guard is None,
                    sync=True,
                    metasync=True,
                    writemap=False,
                    max_readers=1024,
                    mode=0o644,
                    lib_version=0,
                )
            except lmdb.Error as error:
                if error.code != errno.ENOMEM:
                    raise storage_error(error, path) from error
                if room // 2 < _SMALLEST_ROOM:
                    raise SystemLimitError(
                        f"{path}: the system refuses a memory map of {map_bytes:,} bytes: raise "
                        "`ulimit -v` or `vm.max_map_count`, or close databases"
                    ) from error
                room //= 2


def _file_bytes(path: str) -> int:
    with suppress(FileNotFoundError):
        return os.path.getsize(os.path.join(path, DATA_NAME))
    return 0


def abort(transaction: lmdb.Transaction[bytes]) -> None:
    """Abort a transaction that may have ended already."""
    with suppress(lmdb.Error):
        transaction.abort()


_open: weakref.WeakSet[LmdbEnvironment] = weakref.WeakSet()


def _after_fork() -> None:
    for environment in _open:
        environment.after_fork()
    _open.clear()


os.register_at_fork(after_in_child=_after_fork)
