"""One writer per database folder."""

import fcntl
import os
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..errors import AccessError, LockedError
from .held_folder import FileId, HeldFolder, file_id

LOCK_NAME = "LOCK"
_PID_WAIT_SECONDS = 0.2
# A build that is given up comes to its next step before the database lets go.
_LEAVING_SECONDS = 30.0
_POLL_SECONDS = 0.005


class DirectoryLock:
    """An exclusive lock of a folder, held from construction to `close` or to the end of the process.

    `flock` belongs to the open file: a second lock in this process is refused like one of another process,
    and reading the lock file from elsewhere, as a backup does, does not release it. A child made by fork has
    no part in it.

    Attributes
    ----------
    folder : HeldFolder
        What it locks.
    leaving : bool
        Whether it is about to be closed: another lock in this process waits for that.

    Raises
    ------
    LockedError
        When somebody holds it; the error has the pid, and says whether it is this process.
    """

    def __init__(self, folder: HeldFolder | str | Path) -> None:
        self.folder = folder if isinstance(folder, HeldFolder) else HeldFolder(folder)
        self.leaving = False
        self._descriptor: int | None = None
        descriptor = os.open(
            LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644, dir_fd=self.folder.descriptor
        )
        try:
            identity = file_id(descriptor)
            self._acquire(descriptor, identity)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            # Closing gives the lock back: this process must be able to try again.
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        _held[identity] = self

    def close(self) -> None:
        """Release the lock; it is allowed to close twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        # The file stays, without a pid: deleting a lock file is a race. A pid that stays misleads nobody,
        # because it is only read while somebody has the lock.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
        # Closing alone would leave the lock to a child that is just being started.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)

    def _acquire(self, descriptor: int, identity: FileId) -> None:
        deadline = time.monotonic() + _LEAVING_SECONDS
        while True:
            if _taken(descriptor):
                return
            holder = _held.get(identity)
            here = holder is not None and holder._descriptor is not None
            if holder is None or not holder.leaving or time.monotonic() > deadline:
                if _is_shared(descriptor):
                    raise LockedError(self.folder.path(), None, read=True)
                # The writer may have left meanwhile.
                if _taken(descriptor):
                    return
                pid = os.getpid() if here else _holder(descriptor)
                # Who has no pid may have been a look for readers.
                if pid is None and _taken(descriptor):
                    return
                raise LockedError(self.folder.path(), pid, here)
            time.sleep(_POLL_SECONDS)

    def after_fork(self) -> None:
        """Give up this copy: the lock is the parent's, and ends with the parent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> "DirectoryLock":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class ReadingLock:
    """Keeps writers out of a folder for as long as a process reads there that no writer could see.

    A reader that may not write `catalog/lock.mdb` is in no list of readers, so a writer would give its pages
    to others. This needs no write permission, and is released with the last reference.

    Raises
    ------
    AccessError
        When a writer is there already, or the folder has no lock file.
    """

    def __init__(self, folder: HeldFolder) -> None:
        needed = "reading beside a writer takes write permission for catalog/lock.mdb"
        try:
            self._descriptor = os.open(LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder.descriptor)
        except FileNotFoundError:
            raise AccessError(
                f"{folder.path()}: {needed}, and there is no file {LOCK_NAME} that would keep writers out: "
                "give the permission, or make an empty one"
            ) from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AccessError(
                f"{folder.path()}: {needed}, and a writer has it open: give it, or close the writer"
            ) from None

    # Bound now, because modules are emptied before the last lock goes when the interpreter ends.
    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        if hasattr(self, "_descriptor"):
            close(self._descriptor)


def check_no_unseen_reader(folder: str | Path) -> None:
    """Raise LockedError when somebody has a `ReadingLock`; for who writes without a `DirectoryLock`."""
    with suppress(FileNotFoundError):
        descriptor = os.open(os.path.join(folder, LOCK_NAME), os.O_RDONLY | os.O_CLOEXEC)
        try:
            if not _taken(descriptor) and _is_shared(descriptor):
                raise LockedError(os.fspath(folder), None, read=True)
        finally:
            os.close(descriptor)


def _is_shared(descriptor: int) -> bool:
    """Return whether readers hold the lock that was refused."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    # A writer that left in between refuses neither.
    shared = not _taken(descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return shared


def _taken(descriptor: int) -> bool:
    """Take the lock if nobody has it; return whether it was taken."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> int | None:
    """Return the pid in the lock file, None when the holder does not get to write it."""
    deadline = time.monotonic() + _PID_WAIT_SECONDS
    while True:
        text = os.pread(descriptor, 32, 0).strip()
        if text.isdigit():
            return int(text)
        if time.monotonic() > deadline:
            return None
        time.sleep(_POLL_SECONDS)


_held: weakref.WeakValueDictionary[FileId, DirectoryLock] = weakref.WeakValueDictionary()


def _after_fork() -> None:
    for lock in list(_held.values()):
        lock.after_fork()
    _held.clear()


os.register_at_fork(after_in_child=_after_fork)
