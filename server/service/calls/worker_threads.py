"""The threads that calls run in."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

log = logging.getLogger("vicinal.server")

Work = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function, and what it is called with."""

# Threads that rest for longer than this end, but for a few, which calls that come now and then find.
_REST_SECONDS = 10.0
_KEPT = 16


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
    kept : int
        Threads that stay however long they rest.
    rest_seconds : float
        After how long others end.
    """

    def __init__(
        self, most: int, name: str, *, kept: int = _KEPT, rest_seconds: float = _REST_SECONDS
    ) -> None:
        self._most = most
        self._name = name
        self._kept = kept
        self.rest_seconds = rest_seconds
        self._lock = threading.Lock()
        self._resting: list[_Worker] = []
        self._alive: set[threading.Thread] = set()
        self._made = 0
        self._backlog: deque[Work] = deque()
        self._ended = False

    @property
    def resting(self) -> int:
        """Threads that have nothing to do."""
        return len(self._resting)

    @property
    def waiting(self) -> int:
        """Work that waits for a thread."""
        return len(self._backlog)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run ``fn(*args)`` in a thread; return nothing that could be waited for."""
        assert not kwargs
        self.begin((fn, args))

    def begin(self, work: Work) -> bool:
        """Have a function called with arguments; return False when that waits for a thread to be free."""
        with self._lock:
            if self._ended:
                raise RuntimeError("the threads have ended")
            if not self._resting:
                begun = self._grow(work)
                if not begun:
                    self._backlog.append(work)
                return begun
            worker = self._resting.pop()
        worker.wake(work)
        return True

    def withdraw(self, work: Work) -> bool:
        """Take back work that waits for a thread; return False when it has begun."""
        with self._lock:
            try:
                self._backlog.remove(work)
            except ValueError:
                return False
            return True

    def next_work(self, worker: _Worker) -> Work | None:
        """Return work that waits; None when there is none, and the worker then rests until it is woken."""
        with self._lock:
            if self._backlog:
                return self._backlog.popleft()
            if self._ended:
                worker.wake(None)
            else:
                self._resting.append(worker)
            return None

    def may_leave(self, worker: _Worker) -> bool:
        """Return whether a worker that has rested long is to end; if not, it rests on or has been woken."""
        with self._lock:
            leaves = worker in self._resting and len(self._alive) > self._kept
            if leaves:
                self._resting.remove(worker)
                self._alive.discard(threading.current_thread())
            return leaves

    def _grow(self, work: Work) -> bool:
        """Make a thread that begins with ``work``; return False when there can be no more."""
        alive = len(self._alive)
        if alive >= self._most:
            return False
        name = f"{self._name}-{self._made}"
        thread = threading.Thread(target=_Worker(self, work).run, name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            if not alive:
                raise
            log.warning("the system gives no more than %d threads: %s", alive, error)
            self._most = alive
            return False
        self._alive.add(thread)
        self._made += 1
        return True

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End every thread once its work is done; work that waits for a thread is still done."""
        with self._lock:
            self._ended = True
            resting, self._resting = self._resting, []
            alive = list(self._alive)
        for worker in resting:
            worker.wake(None)
        if wait:
            for thread in alive:
                thread.join()


class _Worker:
    """One thread's side: what it does next, and a lock that it sleeps on."""

    __slots__ = ("_asleep", "_next", "_threads")

    def __init__(self, threads: WorkerThreads, first: Work) -> None:
        self._threads = threads
        self._next: Work | None = first
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def wake(self, work: Work | None) -> None:
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
                while not self._asleep.acquire(timeout=self._threads.rest_seconds):
                    if self._threads.may_leave(self):
                        return
                work, self._next = self._next, None
