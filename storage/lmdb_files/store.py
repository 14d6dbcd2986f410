"""The catalog's store on disk: one LMDB environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import lmdb

from .. import durable
from ..catalog.key_value_store import StoreUse, check_key
from ..errors import ClosedError, CorruptionError, MapFullError, NotADatabaseError, StorageError
from ..folder.directory_lock import ReadingLock
from ..folder.held_folder import HeldFolder, file_id
from .compaction import compact_if_sparse
from .environment import DATA_NAME, LmdbEnvironment, abort
from .errors import storage_errors
from .meta import read_meta
from .shared_handle import Lease, lease
from .state_check import Examine, check_state, check_unopened

# Address space costs nothing, but a process has 128 TiB of it for all its databases.
_ROOM_BYTES = 1 << 34


class LmdbReadTransaction:
    """A `ReadTransaction` of LMDB."""

    def __init__(self, transaction: lmdb.Transaction[bytes], path: str) -> None:
        self._transaction: lmdb.Transaction[bytes] | None = transaction
        self._path = path

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, None if there is none."""
        check_key(key)
        with storage_errors(self._path):
            return self._open().get(key)

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs with ``start <= key < stop`` in byte order of the keys."""
        while True:
            # Seeking anew each time keeps the scan right when the caller deletes what it was just given.
            with storage_errors(self._path):
                cursor = self._open().cursor()
                pair = cursor.item() if cursor.set_range(start) else None
            if pair is None or pair[0] >= stop:
                return
            yield pair
            start = pair[0] + b"\0"

    def finish(self) -> None:
        """Refuse every later call."""
        self._transaction = None

    def _open(self) -> lmdb.Transaction[bytes]:
        if self._transaction is None:
            raise ClosedError(f"{self._path}: this transaction has ended")
        return self._transaction


class LmdbWriteTransaction(LmdbReadTransaction):
    """A `WriteTransaction` of LMDB."""

    def __init__(self, transaction: lmdb.Transaction[bytes], path: str) -> None:
        super().__init__(transaction, path)
        self.bytes_written = 0

    def put(self, key: bytes, value: bytes) -> None:
        """Set `key`, replacing what it had."""
        check_key(key)
        # Before, because what did not fit counts too.
        self.bytes_written += len(key) + len(value)
        with storage_errors(self._path):
            self._open().put(key, value)

    def delete(self, key: bytes) -> bool:
        """Remove `key`; return whether it was there."""
        check_key(key)
        with storage_errors(self._path):
            return self._open().delete(key)

    def delete_range(self, start: bytes, stop: bytes) -> int:
        """Remove every key with ``start <= key < stop``; return how many there were."""
        with storage_errors(self._path):
            cursor = self._open().cursor()
            deleted = 0
            found = cursor.set_range(start)
            while found and cursor.key() < stop:
                cursor.delete()
                deleted += 1
                # Deleting moves the cursor to the next key, or to none.
                found = bool(cursor.key())
        return deleted


class LmdbStore:
    """A `KeyValueStore` in a folder.

    Two stores of the same folder in one process share one environment. Reads may run in any thread; writes in
    one thread at a time, and a thread must not begin a write inside a write.

    Parameters
    ----------
    path : str or Path
        The folder; created, unless `read_only`.
    within : HeldFolder, optional
        Where a relative path starts, also when that folder has another name by now; without it, a relative
        path starts where the process is when this is called.
    read_only : bool
        Refuse writes. Other processes may write meanwhile.
    guard : ReadingLock, optional
        Keeps writers away in the place of LMDB's locks, for who may not write them.
    compact_in : str, optional
        A folder beside this one, which is not there yet; with it, a file of which little is in use is made
        small again in there, if nobody else has it open.
    room_bytes : int
        Address space beyond the file, which is more than one transaction ever writes. Halved, down to 64 MiB,
        while the system refuses it.
    examine : callable, optional
        Looks at the file and its entries before anybody else does, and raises CorruptionError.

    Raises
    ------
    NotADatabaseError
        When `read_only` and there is no store in the folder.
    CorruptionError
        When the file is cut short or its pages are damaged. Values are not looked at.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        within: HeldFolder | None = None,
        read_only: bool = False,
        guard: ReadingLock | None = None,
        compact_in: str | None = None,
        room_bytes: int = _ROOM_BYTES,
        examine: Examine | None = None,
    ) -> None:
        # The environment keeps it and may outlive this store, so it is no method of the store.
        self._where = partial(_path_now, os.fspath(path) if within else os.path.abspath(path), within)
        self._path = self._where()
        self.read_only = read_only
        data_path = os.path.join(self._path, DATA_NAME)
        if read_only and not os.path.isfile(data_path):
            raise NotADatabaseError(self._path, f"there is no {DATA_NAME} in it")
        durable.make_folder(self._path)

        def open_checked(existed: bool) -> LmdbEnvironment:
            if existed and compact_in is not None:
                compact_if_sparse(self._path, _path_now(compact_in, within), examine)
            environment = LmdbEnvironment(
                self._where, read_only=read_only, room_bytes=room_bytes, guard=guard
            )
            try:
                check_state(environment, data_path, examine)
            except BaseException:
                environment.shut()
                raise
            return environment

        def open_sound() -> LmdbEnvironment:
            existed = os.path.isfile(data_path)
            if existed:
                read_meta(data_path)
            try:
                return open_checked(existed)
            except CorruptionError:
                raise
            except StorageError:
                # One that LMDB had just begun to make is unfinished, not damaged.
                if existed:
                    check_unopened(data_path)
                raise

        self._lease: Lease[LmdbEnvironment] | None = lease(file_id(self._path), open_sound)
        if not read_only:
            self._lease.handle.make_writable()
            durable.fsync_folder(self._path)

    @property
    def path(self) -> str:
        """The folder."""
        return self._path

    @property
    def size_bytes(self) -> int:
        """The size of the data file; it never shrinks."""
        return os.path.getsize(os.path.join(self._where(), DATA_NAME))

    def use(self) -> StoreUse:
        """Return how much of the file is in use, and who holds the rest."""
        return self._held().handle.use()

    @contextmanager
    def read(self) -> Iterator[LmdbReadTransaction]:
        """Begin a read; see `KeyValueStore`."""
        held = self._held()
        handle = held.handle.begin(write=False)
        transaction = LmdbReadTransaction(handle, self._path)
        try:
            yield transaction
        finally:
            transaction.finish()
            abort(handle)
            held.handle.end(write=False)

    @contextmanager
    def write(self) -> Iterator[LmdbWriteTransaction]:
        """Begin a write; see `KeyValueStore`.

        Raises
        ------
        DiskFullError, MapFullError
            When there is no room; nothing was changed and the store can be used.
        UncertainCommitError
            When the last step failed; the store can be used, its state tells whether the write is there.
        """
        held = self._held()
        if self.read_only:
            raise StorageError(f"{self._path} was opened read-only")
        environment = held.handle
        handle = environment.begin(write=True)
        transaction = LmdbWriteTransaction(handle, self._path)
        try:
            yield transaction
            transaction.finish()
            environment.check_in_place()
            try:
                durable.commit(handle)
            except lmdb.Error as error:
                raise environment.failed_commit(error, transaction.bytes_written) from error
        except MapFullError:
            environment.outgrown(transaction.bytes_written)
            raise
        finally:
            transaction.finish()
            abort(handle)
            environment.end(write=True)

    def version(self) -> int:
        """Return the number of the last commit, of any process."""
        # Held by name: the environment of a store that another thread closes meanwhile stays open.
        held = self._held()
        return held.handle.version()

    def known_version(self) -> int | None:
        """Return that number where it is what it was, None otherwise; about a microsecond."""
        held = self._held()
        return held.handle.known_version()

    def copy_to(self, folder: str | Path) -> None:
        """Write a copy of the last committed state into an empty folder.

        It begins between two writes of any process and does not hold up those that come after.
        """
        held = self._held()
        held.handle.copy_to(os.fspath(folder))

    def close(self) -> None:
        """Close the store; a transaction still open in another thread may finish."""
        self._lease = None

    def _held(self) -> Lease[LmdbEnvironment]:
        held = self._lease
        if held is None:
            raise ClosedError(f"{self._path} was closed")
        return held


def _path_now(name: str, within: HeldFolder | None) -> str:
    return name if within is None else within.path(name)
