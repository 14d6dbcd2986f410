"""Opening the LMDB environment of a segment file."""

import time
from typing import Any

import lmdb

_ATTEMPTS = 200
_PAUSE_SECONDS = 0.005


def open_environment(path: str, **options: Any) -> lmdb.Environment:
    """Open the single-file environment at `path`.

    py-lmdb knows what a process has open by inode, and strikes an environment off its list only after the
    file was let go of. A new file may get the inode of a deleted segment that another thread is about to
    strike off; that passes at once, so the open is tried again.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return lmdb.open(path, subdir=False, lock=False, lib_version=0, **options)
        except lmdb.Error as error:
            if "already open" not in str(error) or attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_PAUSE_SECONDS)
    raise AssertionError(path)
