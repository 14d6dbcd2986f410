"""The folder of compiled kernels: one a user, for all environments.

What lies in it is executed, so it is used only while nobody else can have written to it. Files are opened
relative to the folder that was looked at, which may be replaced by another in the meantime.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

# Files are some 100 kB each, thirty a version and processor; beyond this many the longest unused are removed.
MOST_FILES = 400
_TEMPORARY = ".tmp-"
_ABANDONED_SECONDS = 3600.0
_TOUCH_SECONDS = 24 * 3600.0


class NoCacheFolder(Exception):
    """Compiled kernels cannot be kept, or what lies there cannot be trusted; says why."""


def place() -> Path:
    """Return where compiled kernels are kept, whether or not the folder exists.

    Raises
    ------
    NoCacheFolder
        If the user has no home.
    """
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return Path(given).absolute() / "vicinal" / "kernels"
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(xdg):
        return Path(xdg) / "vicinal" / "kernels"
    home = os.path.expanduser("~")
    if not os.path.isabs(home):
        raise NoCacheFolder("this user has no home folder")
    caches = Path(home, "Library", "Caches") if sys.platform == "darwin" else Path(home, ".cache")
    return caches / "vicinal" / "kernels"


def read(name: str) -> bytes | None:
    """Return what was kept under a name, None if there is nothing.

    Raises
    ------
    NoCacheFolder
        If the folder cannot be used.
    """
    try:
        with _opened(place()) as folder:
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            with open(file, "rb") as opened:
                kept = opened.read()
                if time.time() - os.fstat(file).st_mtime > _TOUCH_SECONDS:
                    with contextlib.suppress(OSError):
                        os.utime(file)
            return kept
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NoCacheFolder(f"{error.strerror}: {place() / name}") from error


def write(name: str, content: bytes) -> None:
    """Keep bytes under a name, in one step as others see it, and remove what was unused the longest.

    Raises
    ------
    NoCacheFolder
        If the folder cannot be used or written.
    """
    path = place()
    try:
        for folder_path in (path.parent.parent, path.parent, path):
            with contextlib.suppress(FileExistsError):
                folder_path.mkdir(mode=0o700, parents=True)
        with _opened(path) as folder:
            temporary = _TEMPORARY + uuid.uuid4().hex
            file = os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder
            )
            try:
                with open(file, "wb") as opened:
                    opened.write(content)
                os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise
            _clean(folder)
    except OSError as error:
        raise NoCacheFolder(f"{error.strerror}: {error.filename or path}") from error


def usage() -> tuple[int, int]:
    """Return how many files are kept, and their bytes."""
    try:
        with _opened(place()) as folder:
            sizes = [entry.stat().st_size for entry in os.scandir(folder) if entry.is_file()]
    except (OSError, NoCacheFolder):
        return 0, 0
    return len(sizes), sum(sizes)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(folder)
        if found.st_uid != os.geteuid():
            raise NoCacheFolder(f"{path} belongs to user {found.st_uid}, this process is user {os.geteuid()}")
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise NoCacheFolder(f"others may write to {path}; take it from them: chmod go-w {path}")
        yield folder
    finally:
        os.close(folder)


def _clean(folder: int) -> None:
    entries = []
    for entry in os.scandir(folder):
        # Another process may have removed it since.
        with contextlib.suppress(FileNotFoundError):
            if entry.is_file():
                entries.append((entry.stat().st_mtime, entry.name))
    now = time.time()
    abandoned = [
        name for at, name in entries if name.startswith(_TEMPORARY) and now - at > _ABANDONED_SECONDS
    ]
    kept = sorted((entry for entry in entries if not entry[1].startswith(_TEMPORARY)), reverse=True)
    for name in [*abandoned, *(name for _, name in kept[MOST_FILES:])]:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
