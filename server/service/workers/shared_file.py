"""A file that the processes of a server have mapped together."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Self


class SharedFile:
    """Bytes that every process which opened the file sees change at once; zeros at first.

    Attributes
    ----------
    descriptor : int
        For locks of parts of it.
    bytes : memoryview
        All of it, to be read and written.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # What has the size keeps its content.
        os.ftruncate(self.descriptor, size)
        self._map = mmap.mmap(self.descriptor, size)
        self.bytes = memoryview(self._map)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it; views of its bytes must have been released."""
        self.bytes.release()
        self._map.close()
        os.close(self.descriptor)
