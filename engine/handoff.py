"""Work given to another thread, so that an interrupt of the thread that waits for it does no harm.

Signals reach the main thread alone, and Python raises what a handler raises between any two steps of the
code: between taking a lock and the ``try`` that gives it back, inside ``Condition.__enter__``, inside
``__exit__``. So the main thread takes no lock but by a bare ``with lock:``, which is one step, and waits on
nothing but a lock. What needs more is done by another thread. `Future` and `Event` are not for these places:
a waiter that is interrupted can leave their inner lock taken, and then the thread that does the work hangs.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Generic, TypeVar, cast

from .deadline import Deadline

R = TypeVar("R")


class Handoff(Generic[R]):
    """One piece of work between the thread that wants it and the one that does it."""

    __slots__ = ("_answer", "_begun", "_done", "_error", "is_done")

    def __init__(self) -> None:
        self._begun = threading.Lock()
        self._done = threading.Lock()
        self._done.acquire()
        self._answer: R | None = None
        self._error: BaseException | None = None
        self.is_done = False

    def begin(self) -> bool:
        """Return True to the first who asks: the worker, or the one who waits and wants to withdraw it."""
        return self._begun.acquire(blocking=False)

    def succeed(self, answer: R) -> None:
        """Hand over the answer."""
        self._answer = answer
        self.is_done = True
        self._done.release()

    def fail(self, error: BaseException) -> None:
        """Hand over an error, unless there is an answer or an error already."""
        if not self.is_done:
            self._error = error
            self.is_done = True
            self._done.release()

    def wait(self, seconds: float | None = None) -> bool:
        """Return whether it is done, after so many seconds at most."""
        return self.is_done or self._done.acquire(timeout=-1 if seconds is None else seconds)

    def outcome(self) -> R:
        """Return the answer, or raise the error, of what is done."""
        if self._error is not None:
            try:
                raise self._error
            finally:
                # The error holds this frame, and would hold itself.
                del self
        return cast(R, self._answer)


def undisturbed(work: Callable[[], R], undo: Callable[[R], object] | None = None) -> R:
    """Do ``work`` where no signal comes: in this thread, or in another when this is the main one.

    If the main thread is interrupted meanwhile, ``work`` is told to give up as at the end of a deadline. It
    does so at its next look at the deadline, or is done; then ``undo`` is called with its answer.
    """
    if _thread.get_ident() != threading.main_thread().ident:
        return work()
    handoff: Handoff[R] = Handoff()
    left: list[bool] = []
    limit = Deadline(None, lambda: bool(left))
    context = copy_context()

    def bounded() -> R:
        with limit.within():
            return work()

    def run() -> None:
        try:
            handoff.succeed(context.run(bounded))
        except BaseException as error:
            handoff.fail(error)

    def take_back() -> None:
        handoff.wait()
        with suppress(Exception):
            answer = handoff.outcome()
            if undo is not None:
                undo(answer)

    # Not `Thread.start`, which waits on an `Event`.
    _thread.start_new_thread(run, ())
    try:
        handoff.wait()
        return handoff.outcome()
    except BaseException:
        left.append(True)
        if undo is not None:
            _thread.start_new_thread(take_back, ())
        raise
