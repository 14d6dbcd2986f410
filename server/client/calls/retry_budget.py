"""How many calls that a busy server refused are sent again: so few that they never are what keeps it busy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# Repetitions at once after a quiet time, for a call that was answered, and in a second whatever is answered.
_MOST = 50.0
_FOR_AN_ANSWER = 0.1
_A_SECOND = 10.0
_LONGEST_SECONDS = 5.0


class RetryBudget:
    """A token bucket of repetitions that all calls of one connection share. Thread-safe.

    A client of many threads whose calls are all refused would otherwise send each of them again and again,
    which is several times the load that was refused. It fills by a tenth for every call that is answered and
    by ten a second, and holds fifty. A repetition beyond waits until there is a token for it; one that would
    wait for more than 5 s is not made.

    Parameters
    ----------
    clock : callable
        Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = _MOST
        self._at = clock()
        self._answers = 0

    def answered(self) -> None:
        """Count a call that was answered. Threads that count at once may count one, which is no harm."""
        self._answers += 1

    def take(self) -> float | None:
        """Take a repetition; return the seconds until it may be made, None when that is too long."""
        with self._lock:
            now = self._clock()
            filled = self._tokens + (now - self._at) * _A_SECOND + self._answers * _FOR_AN_ANSWER
            self._tokens, self._at, self._answers = min(_MOST, filled), now, 0
            wait = max(0.0, 1.0 - self._tokens) / _A_SECOND
            if wait > _LONGEST_SECONDS:
                return None
            self._tokens -= 1.0
            return wait

    def give_back(self) -> None:
        """Take back a repetition that is not made."""
        with self._lock:
            self._tokens += 1.0
