"""A folder that stays the same one, whatever becomes of its name or of the working directory."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from ..errors import StorageError

if sys.platform == "darwin":
    import fcntl

FileId = tuple[int, int]


class HeldFolder:
    """An open folder. Names are looked up in it through `descriptor`; where only a path will do, `path` finds
    the one it has now.

    The descriptor is closed with the last reference, because whoever shares an environment needs the folder
    for as long as anybody uses it.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        When there is no such folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self._path = os.path.abspath(os.fspath(folder))
        self.descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._file_id = _file_id(os.fstat(self.descriptor))

    def path(self, name: str = "") -> str:
        """Return the absolute path that the folder, or `name` in it, has now.

        Raises
        ------
        StorageError
            When the folder was deleted, or moved to where the system does not say.
        """
        if not self._is_at(self._path):
            found = _path_of(self.descriptor)
            if not self._is_at(found):
                raise StorageError(
                    f"{self._path}: the folder was moved or deleted while it was open, and what is there now "
                    "is another: open the database again where it is now"
                )
            self._path = found
        return os.path.join(self._path, name) if name else self._path

    # Bound now, because modules are emptied before the last folder goes when the interpreter ends.
    def __del__(self, close: object = os.close) -> None:
        if hasattr(self, "descriptor"):
            assert callable(close)
            close(self.descriptor)

    def _is_at(self, path: str) -> bool:
        with suppress(OSError):
            return _file_id(os.stat(path)) == self._file_id
        return False


def file_id(path: str | os.PathLike[str] | int) -> FileId:
    """Return what makes a file the same file under any name."""
    return _file_id(os.stat(path))


def _file_id(status: os.stat_result) -> FileId:
    return status.st_dev, status.st_ino


def _path_of(descriptor: int) -> str:
    """Return the path that the system has for an open folder; empty when it says none."""
    if sys.platform == "darwin":
        return os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    with suppress(OSError):
        return os.readlink(f"/proc/self/fd/{descriptor}")
    return ""
