"""How many calls a second each key may make."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ....engine.errors import InvalidArgument


class RateLimiter:
    """A token bucket for each key: it holds a second's worth of calls, and fills evenly. Thread-safe.

    Parameters
    ----------
    calls_per_second : float or None
        None lets everything pass.
    clock : callable
        Monotonic seconds.

    Raises
    ------
    InvalidArgument
        A rate that lets nothing pass.
    """

    def __init__(self, calls_per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        if calls_per_second is not None and not calls_per_second > 0:
            raise InvalidArgument(
                f"calls_per_second is {calls_per_second!r}; expected a number above 0, or None for no limit",
                field="calls_per_second",
            )
        self._interval = 0.0 if calls_per_second is None else 1.0 / calls_per_second
        # What a bucket that is full lets pass beyond the first call: the rest of a second's worth.
        self._burst = max(0.0, 1.0 - self._interval)
        self._clock = clock
        self._lock = threading.Lock()
        # When the bucket of a key would be full again. Only keys that exist get here, so there are not
        # too many.
        self._full_at: dict[str, float] = {}

    def take(self, key_id: str) -> float | None:
        """Take one call from a key's bucket; return None, or in how many seconds there will be one."""
        if not self._interval:
            return None
        with self._lock:
            now = self._clock()
            full_at = max(now, self._full_at.get(key_id, now))
            wait = full_at - now - self._burst
            # Sums of intervals are not exact; what is owed for by less than this is not worth a refusal.
            if wait > 1e-9:
                return wait
            self._full_at[key_id] = full_at + self._interval
            return None
