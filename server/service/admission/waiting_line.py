"""First come, first served: reads wait here for one of a few places to run."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from ....engine.errors import DeadlineExceeded

OnGone = Callable[[Callable[[], None]], bool]
"""Registers what is called when the caller is gone; False when that has happened already."""


class _Waiter:
    """One that waits, until it is woken because it has a place or because its caller is gone."""

    __slots__ = ("_asleep", "has_place")

    def __init__(self) -> None:
        self.has_place = False
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def sleep(self, seconds: float | None) -> None:
        """Return when woken, or when the time is over."""
        self._asleep.acquire(timeout=-1 if seconds is None else min(seconds, threading.TIMEOUT_MAX))

    def wake(self) -> None:
        """End the sleep; any number of times."""
        with suppress(RuntimeError):
            self._asleep.release()


class WaitingLine:
    """A number of places, given out in the order they were asked for.

    More searches at a time than cores would share the interpreter and all take longer; here the later ones
    wait, asleep, and who came first is served first.
    """

    def __init__(self, places: int) -> None:
        self._lock = threading.Lock()
        self._free = places
        self._waiting: deque[_Waiter] = deque()

    @property
    def free(self) -> int:
        """Places that nobody has."""
        return self._free

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def enter(self, seconds: float | None, on_gone: OnGone) -> None:
        """Take a place, waiting for one if need be; :meth:`leave` must follow.

        Parameters
        ----------
        seconds : float or None
            How long the caller waits.
        on_gone : callable
            Where to leave word for the case that the caller does not wait any longer.

        Raises
        ------
        DeadlineExceeded
            The time was over, or the caller gone, before there was a place.
        """
        with self._lock:
            if self._free:
                self._free -= 1
                return
            waiter = _Waiter()
            self._waiting.append(waiter)
        if on_gone(waiter.wake):
            waiter.sleep(seconds)
        if waiter.has_place:
            return
        with self._lock:
            # The place may have come at the same moment as the end.
            if waiter.has_place:
                return
            self._waiting.remove(waiter)
        raise DeadlineExceeded("the time was over while the call waited for others to be answered")

    def leave(self) -> None:
        """Give the place to whoever has waited longest."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            waiter = self._waiting.popleft()
            waiter.has_place = True
        waiter.wake()
