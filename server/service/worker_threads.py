"""The threads that calls run in."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

log = logging.getLogger("vicinal.server")

_Work = tuple[Callable[..., Any], tuple[Any, ...]]


class WorkerThreads(Executor):
    """Threads made on demand, of which the one that rested last works next.

    That one's stack is still in the caches of the processor, where a queue would go round all threads; and a
    call needs no future, whose making costs as much as a small call does. Of an executor it has what a gRPC
    server uses.

    Parameters
    ----------
    most : int
        Threads; work beyond waits for one to be free.
    name : str
        What their names begin with.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._lock = threading.Lock()
        self._resting: list[_Worker] = []
        self._made: list[threading.Thread] = []
        self._backlog: deque[_Work] = deque()
        self._ended = False

    @property
    def resting(self) -> int:
        """Threads that have nothing to do."""
        return len(self._resting)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run ``fn(*args)`` in a thread; return nothing that could be waited for."""
        assert not kwargs
        work = fn, args
        with self._lock:
            if self._ended:
                raise RuntimeError("the threads have ended")
            if not self._resting:
                if not self._grow(work):
                    self._backlog.append(work)
                return
            worker = self._resting.pop()
        worker.wake(work)

    def next_work(self, worker: _Worker) -> _Work | None:
        """Return work that waits; None when there is none, and the worker then rests until it is woken."""
        with self._lock:
            if self._backlog:
                return self._backlog.popleft()
            if self._ended:
                worker.wake(None)
            else:
                self._resting.append(worker)
            return None

    def _grow(self, work: _Work) -> bool:
        """Make a thread that begins with ``work``; return False when there can be no more."""
        made = len(self._made)
        if made >= self._most:
            return False
        thread = threading.Thread(target=_Worker(self, work).run, name=f"{self._name}-{made}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            if not made:
                raise
            log.warning("the system gives no more than %d threads: %s", made, error)
            self._most = made
            return False
        self._made.append(thread)
        return True

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End every thread once its work is done; work that waits for a thread is still done."""
        with self._lock:
            self._ended = True
            resting, self._resting = self._resting, []
        for worker in resting:
            worker.wake(None)
        if wait:
            for thread in self._made:
                thread.join()


class _Worker:
    """One thread's side: what it does next, and a lock that it sleeps on."""

    __slots__ = ("_asleep", "_next", "_threads")

    def __init__(self, threads: WorkerThreads, first: _Work) -> None:
        self._threads = threads
        self._next: _Work | None = first
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def wake(self, work: _Work | None) -> None:
        """Give it work, or None to end it."""
        self._next = work
        self._asleep.release()

    def run(self) -> None:
        """Do work until there is no more to come."""
        work = self._next
        while work is not None:
            function, arguments = work
            # Kept, the arguments of a call would live on while its thread rests.
            work = self._next = None
            try:
                function(*arguments)
            except BaseException as error:
                log.error("a call ended its thread's work with %s", type(error).__name__, exc_info=error)
            del function, arguments
            work = self._threads.next_work(self)
            if work is None:
                self._asleep.acquire()
                work, self._next = self._next, None
