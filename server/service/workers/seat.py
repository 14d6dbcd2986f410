"""A process that the server is to have, whichever child it is at the moment."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ....engine.errors import VicinalError
from .child import Child

_FIRST_SECONDS, _LONGEST_SECONDS = 0.1, 10.0
# Who has served for so long did not fail at the start.
_PROVEN_SECONDS = 30.0


class Seat:
    """The child of a name, the one that is to replace it, and when one that died is to be started again.

    Attributes
    ----------
    name : str
    child, successor : Child or None
    failure : VicinalError or None
        Why the last one could not start.
    failures : int
        How many ended soon after their start, one after another.
    failed_starts : int
        How many of them, one after another, never let calls in.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.child: Child | None = None
        self.successor: Child | None = None
        self.failure: VicinalError | None = None
        self.failures = self.failed_starts = 0
        self._due: float | None = None

    def children(self) -> Iterator[Child]:
        """Yield the processes there are now."""
        yield from (child for child in (self.child, self.successor) if child is not None)

    def lose(self, child: Child) -> None:
        """Take in that a process has ended; it is started again, unless another is to take its place."""
        if child is self.successor:
            self.successor = None
            return
        self.child, self.successor = self.successor, None
        if self.child is None:
            self.failure = child.failure
            self.failed_starts = 0 if child.is_ready else self.failed_starts + 1
            proven = child.is_ready and time.monotonic() - child.ready_at > _PROVEN_SECONDS
            self.postpone(0 if proven else self.failures + 1)

    def postpone(self, failures: int) -> None:
        """Have a process started after so many that ended soon: at once, and later each time."""
        self.failures = failures
        pause = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0 ** (failures - 1)) if failures else 0.0
        self._due = time.monotonic() + pause

    def due_in(self) -> float:
        """Return in how many seconds a process is to be started."""
        return 60.0 if self._due is None else max(0.0, self._due - time.monotonic())

    def is_due(self) -> bool:
        """Return whether a process is to be started now; once."""
        if self._due is None or time.monotonic() < self._due:
            return False
        self._due = None
        return True

    def take_over(self) -> Child:
        """Put the successor in the place of the process there is, and return that."""
        assert self.child is not None
        assert self.successor is not None
        old, self.child, self.successor = self.child, self.successor, None
        return old
