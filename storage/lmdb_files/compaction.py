"""Making a data file of LMDB small again, when little of it is in use and nobody else is there."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from contextlib import suppress
from itertools import zip_longest

from .. import durable
from ..errors import StorageError
from .environment import DATA_NAME, LmdbEnvironment, abort
from .meta import read_meta
from .state_check import Examine, check_state

log = logging.getLogger("vicinal.storage")

LOCK_FILE = "lock.mdb"
_SMALLEST_BYTES = 1 << 24
_USED_SHARE = 4
_ROOM_BYTES = 1 << 26


def is_sparse(path: str) -> bool:
    """Return whether little of the data file in `path` is in use, and the rest is worth a copy."""
    data = os.path.join(path, DATA_NAME)
    size = os.stat(data).st_size
    if size < _SMALLEST_BYTES:
        return False
    meta = read_meta(data)
    used = (2 + sum(meta.newest.main.counts[1:4])) * meta.page_size
    return used * _USED_SHARE <= size


def compact_if_sparse(path: str, staged: str, examine: Examine | None) -> None:
    """Replace the data file in `path` by a copy of what is in use, when that is a small share of it.

    LMDB never gives pages back to the system, and a reader that was stopped keeps it from using them again.
    The file is replaced only while no process has the environment open: the caller sees to this one and to
    readers without LMDB's locks, and the lock that LMDB takes to find itself alone sees to the others, who
    wait for it. `staged` is a folder on the same file system for the copy. Whatever interrupts this leaves
    the one file or the other.
    """
    status = os.stat(os.path.join(path, DATA_NAME))
    if not is_sparse(path):
        return
    if os.geteuid() not in (0, status.st_uid):
        # The copy would belong to another user.
        return
    descriptor = os.open(os.path.join(path, LOCK_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with suppress(BlockingIOError, PermissionError):
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
            _compact(path, staged, status, examine)
    finally:
        os.close(descriptor)


def _compact(path: str, staged: str, status: os.stat_result, examine: Examine | None) -> None:
    data, copy = os.path.join(path, DATA_NAME), os.path.join(staged, DATA_NAME)
    environment = _open_alone(path)
    try:
        check_state(environment, data, examine)
        os.mkdir(staged)
        try:
            environment.copy_to(staged, compact=True)
            _compare(environment, staged)
            os.chmod(copy, status.st_mode & 0o777)
            os.chown(copy, status.st_uid, status.st_gid)
            durable.fsync_file(copy)
            durable.rename(copy, data)
            durable.fsync_folder(path)
        except (StorageError, OSError) as error:
            # The database is sound without it; the next opening tries again.
            log.warning("%s: the catalog was not compacted: %s", path, error)
        else:
            log.info("%s: compacted from %d to %d bytes", path, status.st_size, os.path.getsize(data))
        finally:
            shutil.rmtree(staged)
    finally:
        environment.shut()


def _compare(environment: LmdbEnvironment, staged: str) -> None:
    """Raise StorageError unless the copy has exactly the entries of the environment."""
    copied = _open_alone(staged)
    try:
        transactions = [one.begin(write=False) for one in (environment, copied)]
        try:
            for ours, theirs in zip_longest(*(transaction.cursor() for transaction in transactions)):
                if ours != theirs:
                    raise StorageError(f"{staged}: the copy does not read back as it was written")
        finally:
            for one, transaction in zip((environment, copied), transactions, strict=True):
                abort(transaction)
                one.end(write=False)
    finally:
        copied.shut()


def _open_alone(path: str) -> LmdbEnvironment:
    # LMDB's own locks would take the place of the one that keeps others away.
    return LmdbEnvironment(lambda: path, read_only=True, room_bytes=_ROOM_BYTES, guard=object())
