"""Every step that makes bytes survive a power cut, by name.

Callers go through the module (``durable.rename(...)``), so that a crash test can wrap one step and die before
or after it.
"""

import os
from contextlib import suppress
from pathlib import Path

import lmdb


def commit(transaction: "lmdb.Transaction[bytes] | lmdb.Transaction[memoryview]") -> None:
    """Commit an LMDB write transaction; LMDB syncs its data before the page that publishes it."""
    transaction.commit()


def fsync_file(path: str | Path) -> None:
    """Wait until the contents of a file are on disk."""
    _fsync(path, os.O_RDONLY)


def fsync_folder(path: str | Path, within: int | None = None) -> None:
    """Wait until the names in a folder are on disk: a new or renamed file is not safe before.

    `within` is the descriptor of the folder that a relative path starts from.
    """
    _fsync(path, os.O_RDONLY | os.O_DIRECTORY, within)


def rename(source: str | Path, target: str | Path, within: int | None = None) -> None:
    """Give a file its final name in one step; `fsync_folder` of both folders makes it last."""
    os.rename(source, target, src_dir_fd=within, dst_dir_fd=within)


def make_folder(path: str | Path) -> None:
    """Create a folder and its missing parents, each one on disk before the next."""
    path = Path(path)
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        os.mkdir(path)
    except FileExistsError:
        if not path.is_dir():
            raise
    fsync_name(path)


def fsync_name(folder: str | Path) -> None:
    """Wait until a folder's own name is on disk, as far as its parent may be read."""
    with suppress(PermissionError):
        fsync_folder(os.path.dirname(folder))


def _fsync(path: str | Path, flags: int, within: int | None = None) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC, dir_fd=within)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
