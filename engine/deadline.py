"""How long a caller waits: a moment, or the caller's own leaving, after which its calls give up."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import cast

from .errors import DeadlineExceeded, InvalidArgument

_GONE_POLL_SECONDS = 0.05


class Deadline:
    """The time that calls have, counted from when this object was made, and whether anybody waits for them.

    Immutable and safe to share between threads.

    Parameters
    ----------
    seconds : float or None
        Time from now; None for no end.
    is_gone : callable, optional
        Returns whether the caller left. Asked at every look at the deadline, from whichever thread works.
    """

    __slots__ = ("_callers", "_end", "_seconds")

    def __init__(self, seconds: float | None, is_gone: Callable[[], bool] | None = None) -> None:
        self._seconds = math.inf if seconds is None else seconds
        self._end = time.monotonic() + self._seconds
        self._callers: tuple[Callable[[], bool], ...] = () if is_gone is None else (is_gone,)

    def within(self) -> AbstractContextManager[None]:
        """Return a context whose calls give up at this deadline, or at one around it if that is sooner.

        Not for the main thread; see `_Block`.
        """
        return _Within(self)

    def check(self) -> None:
        """Raise DeadlineExceeded when the time is over or the caller is gone."""
        if time.monotonic() >= self._end:
            raise DeadlineExceeded(
                f"the call was given {self._seconds:g} s and is not done; allow more time, or ask for less "
                "at once"
            )
        for is_gone in self._callers:
            if is_gone():
                raise DeadlineExceeded("the caller is gone, so the call was given up")

    def remaining(self) -> float | None:
        """Return the seconds that are left, at least 0; None when there is no end."""
        return None if self._end == math.inf else max(0.0, self._end - time.monotonic())

    def wait(self, attempt: Callable[[float], bool]) -> None:
        """Repeat ``attempt``, which waits for as long as it is told, until it returns True; at least once.

        Raises
        ------
        DeadlineExceeded
            The time was over, or the caller gone, before that.
        """
        # A caller who leaves wakes nobody.
        longest = _GONE_POLL_SECONDS if self._callers else threading.TIMEOUT_MAX
        while True:
            left = self.remaining()
            if attempt(longest if left is None else min(left, longest)):
                return
            self.check()

    def _under(self, outer: Deadline) -> Deadline:
        sooner = min(self, outer, key=lambda limit: limit._end)
        both = Deadline(None)
        both._seconds, both._end = sooner._seconds, sooner._end
        both._callers = self._callers + outer._callers
        return both


class _Within:
    """A block of code under a deadline, in a thread that is not interrupted."""

    __slots__ = ("_limit", "_token")

    def __init__(self, limit: Deadline) -> None:
        self._limit = limit

    def __enter__(self) -> None:
        outer = current()
        self._token = _current.set(self._limit if outer is None else self._limit._under(outer))

    def __exit__(self, *ended: object) -> None:
        _current.reset(self._token)


class _Block:
    """A ``with`` block of a caller; entering and leaving it are one step each, those of a lock.

    An interrupt may come between any two steps of Python, and would leave a deadline that nobody takes back.
    """

    __slots__ = ("__enter__", "__exit__", "limit", "locked", "outer")

    def __init__(self, limit: Deadline, outer: Deadline | _Block | None) -> None:
        inside = threading.Lock()
        self.__enter__ = inside.__enter__
        self.__exit__ = inside.__exit__
        self.locked = inside.locked
        self.limit = limit
        self.outer = outer


_current: ContextVar[Deadline | _Block | None] = ContextVar("vicinal_deadline", default=None)


def deadline(seconds: float) -> AbstractContextManager[None]:
    """Give the calls of this thread, or of this asyncio task, only so much time together.

    Parameters
    ----------
    seconds : float
        From this call on. Where contexts are nested, the sooner end counts.

    Raises
    ------
    DeadlineExceeded
        By a call within that is not done when the time is over. A search looks at the time between segments
        and between pieces of a batch, so it may end a little late. A write that raises this changed nothing:
        one that was begun by then is waited for, so that its outcome is known.

    Examples
    --------
    >>> with vicinal.deadline(0.2):
    ...     hits = films.search(queries)
    """
    check_seconds("seconds", seconds)
    outer = _current.get()
    while isinstance(outer, _Block) and not outer.locked():
        outer = outer.outer
    around, limit = current(), Deadline(seconds)
    block = _Block(limit if around is None else limit._under(around), outer)
    _current.set(block)
    return cast(AbstractContextManager[None], block)


def check_seconds(name: str, value: float) -> None:
    """Raise InvalidArgument unless ``value`` is a time to wait for."""
    # NaN is refused too: no comparison with it is true. So is a whole number that is no float.
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not (0 <= value <= sys.float_info.max or value == float("inf")):
        raise InvalidArgument(f"{name} is {value!r:.80}; expected seconds, 0 or more", field=name)


def current() -> Deadline | None:
    """Return the deadline of the calls of this thread or task, None when there is none.

    A thread started by one of them does not have it, so work that goes on in another thread takes it along.
    """
    held = _current.get()
    while isinstance(held, _Block):
        if held.locked():
            return held.limit
        held = held.outer
    return held


def check() -> None:
    """Raise DeadlineExceeded when the deadline of this thread or task is over."""
    held = _current.get()
    if isinstance(held, _Block):
        held = current()
    if held is not None:
        held.check()


def remaining() -> float | None:
    """Return the seconds that are left to this thread or task, at least 0; None when there is no deadline."""
    limit = current()
    return None if limit is None else limit.remaining()


@contextmanager
def suspended() -> Iterator[Deadline | None]:
    """Return a context without a deadline, and the deadline there was: for what must not stop half done."""
    limit = current()
    token = _current.set(None)
    try:
        yield limit
    finally:
        _current.reset(token)
