"""How many calls are being worked on, and whether more may come."""

from __future__ import annotations

import threading

from .refusals import Overloaded, not_ready, overloaded

_OPENING = "the server is opening the database"
_STOPPING = "the server is stopping"


class RunningCalls:
    """Counts calls between the receiving of their message and their end; refuses those beyond ``most``.

    It is closed until :meth:`open`, and closed for good by :meth:`close`.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._running = 0
        self._refuses: str | None = _OPENING
        # Set when nothing is left to wait for.
        self._finished = threading.Event()

    @property
    def running(self) -> int:
        """How many there are."""
        return self._running

    def open(self) -> None:
        """Let calls in."""
        self._refuses = None

    def close(self) -> None:
        """Let no more calls in."""
        with self._lock:
            self._refuses = _STOPPING
            if not self._running:
                self._finished.set()

    def check(self) -> None:
        """Raise what :meth:`enter` would raise now, so that nothing is received in vain.

        Raises
        ------
        Unavailable
            The server is opening its database, or stopping.
        ResourceExhausted
            There are as many calls as there may be.
        """
        if self._refuses is not None:
            raise not_ready(self._refuses)
        if self._running >= self._most:
            raise self._too_many()

    def _too_many(self) -> Overloaded:
        return overloaded(f"the server works on {self._most} calls, --max-calls and a quarter")

    def enter(self) -> None:
        """Count a call; :meth:`leave` must follow. Raises as :meth:`check` does."""
        with self._lock:
            if self._refuses is not None or self._running >= self._most:
                self.check()
            self._running += 1

    def leave(self) -> None:
        """Count a call as ended."""
        with self._lock:
            self._running -= 1
            if not self._running and self._refuses is _STOPPING:
                self._finished.set()

    def wait_empty(self, seconds: float) -> bool:
        """Return, once closed, whether every call has ended, after at most so many seconds."""
        self._finished.wait(seconds)
        return not self._running

    def hurry(self) -> None:
        """End a :meth:`wait_empty` that waits now, and let none wait from now on."""
        self._finished.set()
