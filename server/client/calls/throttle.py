"""Calls that a busy server would refuse are refused before they are sent."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable

from ....engine.errors import Overloaded
from .call import CallFailed, Repeat

# Calls sent for each that is let in: room in which a server that takes more again is found out.
_FOR_AN_ANSWER = 1.2
# Calls that are sent whatever becomes of them.
_SPARE = 5.0
_FADING_SECONDS = 0.5
_HINT_SECONDS = 0.5
# Of what was counted, too little to refuse anything for.
_FORGOTTEN = 0.1


class Throttle:
    """Adaptive throttling: what one connection sends follows what the server lets in. Thread-safe.

    A refusal costs a server more than half of what a small search does, so one that is sent several times
    its load does little but refuse. Of recent calls ``refused`` were refused, here or there, because
    the server had no room, and ``answered`` were not. A further one is refused here with probability

        (refused - 0.2 answered - 5) / (refused + answered)

    so that 1.2 calls are sent for each that is let in, and ten a second beside them. What was counted
    fades with a time constant of half a second. From "Handling Overload" in *Site Reliability Engineering*,
    which has two minutes, a factor of 2 and nothing beside.

    Parameters
    ----------
    clock, chance : callable
        Seconds that only grow; a number from 0 to 1.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._lock = threading.Lock()
        self._refused = 0.0
        self._answered = 0.0
        self._at = clock()
        self._answers = 0

    def answered(self) -> None:
        """Count a call that was let in. Threads that count at once may count one, which is no harm."""
        self._answers += 1

    def refused(self) -> None:
        """Count a call for which there was no room."""
        with self._lock:
            if not self._refused:
                # All answers since the last refusal, however long ago.
                self._answers = 0
            self._fade()
            self._refused += 1.0

    def check(self) -> None:
        """Refuse a call, by chance, that is about to be sent.

        Raises
        ------
        CallFailed
            With :class:`Overloaded`.
        """
        if not self._refused:
            return
        with self._lock:
            self._fade()
            excess = self._refused - (_FOR_AN_ANSWER - 1.0) * self._answered - _SPARE
            asked = self._refused + self._answered
        if excess > 0.0 and self._chance() * asked < excess:
            words = "the server has no room for most calls of this connection, so this one was not sent"
            raise CallFailed(
                Overloaded(f"{words}; make fewer at a time, or try again shortly", retry_after=_HINT_SECONDS),
                Repeat.ALWAYS,
            )

    def _fade(self) -> None:
        now = self._clock()
        left = math.exp((self._at - now) / _FADING_SECONDS)
        self._answered = self._answered * left + self._answers
        self._refused *= left
        if self._refused < _FORGOTTEN:
            self._refused = self._answered = 0.0
        self._at, self._answers = now, 0
