"""The memory that the work of all calls may take."""

from __future__ import annotations

import threading

from ....engine.errors import LimitExceeded
from .refusals import Overloaded, overloaded


class MemoryBudget:
    """Counts the estimated bytes of the work under way; refuses what would exceed ``most``."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._taken = 0

    @property
    def taken(self) -> int:
        """Bytes that are taken."""
        return self._taken

    def take(self, n_bytes: int, beside: int = 0) -> None:
        """Take some bytes; :meth:`give_back` must follow.

        Parameters
        ----------
        n_bytes : int
        beside : int
            What the same call has taken already.

        Raises
        ------
        LimitExceeded
            The call would not fit if it were alone.
        ResourceExhausted
            It does not fit beside the others now.
        """
        if n_bytes + beside > self.most:
            raise LimitExceeded(
                f"this call would take about {_mb(n_bytes + beside)} of memory and all calls together have "
                f"{_mb(self.most)} (--max-memory-mb); ask for less at a time"
            )
        with self._lock:
            if self._taken + n_bytes <= self.most:
                self._taken += n_bytes
                return
        raise self._too_much()

    def give_back(self, n_bytes: int) -> None:
        """Count bytes as free again."""
        with self._lock:
            self._taken -= n_bytes

    def _too_much(self) -> Overloaded:
        return overloaded(f"the calls under way take the {_mb(self.most)} of memory of --max-memory-mb")


def _mb(n_bytes: int) -> str:
    return f"{n_bytes / (1 << 20):,.1f} MB"
