"""One writer per database folder."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from .errors import LockedError
from .held_folder import HeldFolder

LOCK_NAME = "LOCK"
_PID_WAIT_SECONDS = 0.2


class DirectoryLock:
    """An exclusive lock of a folder, held from construction to `close` or to the end of the process.

    `flock` belongs to the open file: a second lock in this process is refused like one of another process,
    and reading the lock file from elsewhere, as a backup does, does not release it. A child made by fork
    would share it; use spawn.

    Raises
    ------
    LockedError
        When somebody holds it; the error has the pid.
    """

    def __init__(self, folder: HeldFolder | str | Path) -> None:
        self._folder = folder if isinstance(folder, HeldFolder) else HeldFolder(folder)
        self._pid = os.getpid()
        self._descriptor: int | None = None
        descriptor = os.open(
            LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644, dir_fd=self._folder.descriptor
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{self._pid}\n".encode(), 0)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise LockedError(self._folder.path(), holder) from None
        except BaseException:
            # Closing gives the lock back: this process must be able to try again.
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def close(self) -> None:
        """Release the lock; it is allowed to close twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        # A forked child has the same lock, which is not its own to release.
        if os.getpid() == self._pid:
            # The file stays, without a pid: deleting a lock file is a race. A pid that stays misleads nobody,
            # because it is only read while somebody has the lock.
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
            # Closing alone would leave the lock to a child that is just being started.
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)

    def __enter__(self) -> "DirectoryLock":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def _holder(descriptor: int) -> int | None:
    """Return the pid in the lock file, None when the holder does not get to write it."""
    deadline = time.monotonic() + _PID_WAIT_SECONDS
    while True:
        text = os.pread(descriptor, 32, 0).strip()
        if text.isdigit():
            return int(text)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.005)
