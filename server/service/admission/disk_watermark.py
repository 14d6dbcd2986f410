"""Refusing writes before the disk is full."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ....engine.errors import DiskFull

# The system is asked this often; in between, a fast disk takes a few hundred megabytes.
_FRESH_SECONDS = 0.2


class DiskWatermark:
    """Compares the free bytes of a folder's file system with a minimum.

    Deletes, merges and reads go on below it, so that there is a way back.
    """

    def __init__(self, folder: str | Path, least: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._least = least
        self._clock = clock
        self._looked = float("-inf")
        self._free = 0

    def check(self) -> None:
        """Raise DiskFull when there is less room than the minimum."""
        now = self._clock()
        if now - self._looked > _FRESH_SECONDS:
            status = os.statvfs(self._folder)
            self._free, self._looked = status.f_bavail * status.f_frsize, now
        if self._free < self._least:
            raise DiskFull(
                f"the disk has {self._free >> 20:,} MB left and the server takes no writes below "
                f"{self._least >> 20:,} MB (--min-free-disk-mb); free some space or delete points"
            )
