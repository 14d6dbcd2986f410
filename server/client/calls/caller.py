"""Calls of one server: attempts, repetitions and the time they may take together."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from ....engine import deadline
from ....engine.errors import DeadlineExceeded, InvalidArgument, Overloaded, ResourceExhausted
from ...wire.methods import Method
from .call import Attempt, CallFailed, Operation, Pause, Repeat, StreamAttempt
from .retry_budget import RetryBudget
from .retry_policy import RetryPolicy, checked_retries
from .throttle import Throttle

RETRIES = 4
TIMEOUT_SECONDS = 60.0
_LONGEST_SECONDS = 1e9
"""Thirty years. gRPC takes a time that it cannot count for one that is over."""


class Caller:
    """Turns a request into the steps that bring its response. Does no input or output; safe between threads.

    Parameters
    ----------
    timeout : float or None
        Seconds that one call may take, repetitions included; a stream may take any time.
    policy : RetryPolicy
    clock, chance : callable
        Seconds that only grow; a number from 0 to 1.
    """

    def __init__(
        self,
        timeout: float | None,
        policy: RetryPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._timeout = _countable(timeout)
        self._policy = policy
        self._budget = RetryBudget(clock)
        self._throttle = Throttle(clock, chance)
        self._clock = clock
        self._chance = chance

    def call(self, method: Method, request: bytes, *, harmless: bool) -> Operation[bytes]:
        """Return the response to a request; ``harmless`` says that doing it twice does no harm."""
        left = self._timeout
        end = None if left is None else self._clock() + left
        if deadline.current() is not None:
            left = self._left(end)
        failures = _Failures()
        while True:
            try:
                self._throttle.check()
                response: bytes = yield Attempt(method.path, request, left)
                self._answered()
                return response
            except CallFailed as failure:
                error, pause = failure.error, self._pause(failures, failure, harmless, end)
            yield Pause(pause)
            left = self._left(end)
            if left is not None and left <= 0.0:
                # The pause took longer than it was to.
                raise error

    def once(self, method: Method, request: bytes) -> Operation[bytes | None]:
        """Return the response to a request that is not repeated; None when it fails."""
        left = self._timeout
        left = self._left(None if left is None else self._clock() + left)
        try:
            response: bytes = yield Attempt(method.path, request, left)
        except CallFailed:
            return None
        return response

    def stream(
        self, method: Method, request: bytes, receive: Callable[[bytes], None], *, harmless: bool
    ) -> Operation[None]:
        """Hand each response to ``receive`` and return after the last one."""
        failures = _Failures()
        while True:
            try:
                self._throttle.check()
                yield StreamAttempt(method.path, request, self._left(None), receive)
                self._answered()
                return
            except CallFailed as failure:
                pause = self._pause(failures, failure, harmless, None)
            yield Pause(pause)

    def _pause(self, failures: _Failures, failure: CallFailed, harmless: bool, end: float | None) -> float:
        """Return the seconds until the next attempt, or raise what the caller is to see."""
        if isinstance(failure.error, DeadlineExceeded):
            # In the words of the deadline that the caller set, if it is that one which is over.
            deadline.check()
        if isinstance(failure.error, Overloaded):
            self._throttle.refused()
        failed_for = failures.count(self._clock())
        # What did not reach the server, or was broken off, is no load that it refused.
        is_charged = isinstance(failure.error, ResourceExhausted) and failure.repeat is not Repeat.NEVER
        wait = self._budget.take() if is_charged else 0.0
        if wait is None:
            raise failure.error from None
        pause = self._policy.pause(failures.number, failed_for, failure, harmless, self._chance(), wait)
        if pause is None or pause >= self._time_left(end):
            if is_charged:
                self._budget.give_back()
            raise failure.error from None
        return pause

    def _answered(self) -> None:
        self._budget.answered()
        self._throttle.answered()

    def _left(self, end: float | None) -> float | None:
        """Return the seconds that the next attempt may take; DeadlineExceeded when there are none."""
        deadline.check()
        left = _countable(deadline.remaining())
        if end is None:
            return left
        own = end - self._clock()
        return own if left is None or own < left else left

    def _time_left(self, end: float | None) -> float:
        left = self._left(end)
        return float("inf") if left is None else left


class _Failures:
    """The failed attempts of one call."""

    __slots__ = ("_first", "number")

    def __init__(self) -> None:
        self.number = 0
        self._first = 0.0

    def count(self, now: float) -> float:
        """Count one more; return the seconds since the first."""
        if not self.number:
            self._first = now
        self.number += 1
        return now - self._first


def checked_caller(timeout: Any, retries: Any, retry_seconds: Any) -> Caller:
    """Return a caller with what was said to ``connect``; InvalidArgument when it makes no sense."""
    if timeout is not None:
        deadline.check_seconds("timeout", timeout)
    if retry_seconds is not None:
        deadline.check_seconds("retry_seconds", retry_seconds)
        if timeout is not None and retry_seconds > timeout:
            raise InvalidArgument(
                f"retry_seconds is {retry_seconds:g}, more than the {timeout:g} s of timeout, which bounds "
                "repetitions too; give a longer timeout",
                field="retry_seconds",
            )
    return Caller(timeout, RetryPolicy(checked_retries(retries), retry_seconds))


def _countable(seconds: float | None) -> float | None:
    """Return a time as gRPC takes it: what is beyond all waiting is any time."""
    return None if seconds is None or seconds > _LONGEST_SECONDS else seconds
