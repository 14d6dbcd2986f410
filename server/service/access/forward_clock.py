"""A time of day that never goes back."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable


def now() -> datetime.datetime:
    """Return the time of day."""
    return datetime.datetime.now(datetime.UTC)


class ForwardClock:
    """Tells the latest time of day it ever saw, and what has passed since, when the system's is set back.

    Otherwise a clock that is set back would make keys valid that were not. One that was ahead by mistake
    keeps its mistake until a restart. Thread-safe.

    Parameters
    ----------
    wall : callable
        The system's time of day.
    monotonic : callable
        Seconds that only grow.
    """

    def __init__(
        self,
        wall: Callable[[], datetime.datetime] = now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._latest = wall()
        self._seen_at = monotonic()

    def __call__(self) -> datetime.datetime:
        """Return the time of day."""
        with self._lock:
            seen_at, wall = self._monotonic(), self._wall()
            passed = datetime.timedelta(seconds=seen_at - self._seen_at)
            self._latest = max(wall, self._latest + passed)
            self._seen_at = seen_at
            return self._latest
