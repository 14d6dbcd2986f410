"""The threads over which batches of queries are spread."""

from __future__ import annotations

import _thread
import os
import queue
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import cache, partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from ..handoff import Handoff

R = TypeVar("R")


class SearchThreads:
    """As many threads as the machine has cores, for searches of every database of the process."""

    def __init__(self, count: int) -> None:
        self._waiting: queue.SimpleQueue[tuple[Callable[[], Any], Handoff[Any]]] = queue.SimpleQueue()
        for _ in range(count):
            # As in `undisturbed`, not by `Thread.start`; they end with the process.
            _thread.start_new_thread(self._run, ())

    def each(self, works: Sequence[Callable[[], R]]) -> list[R]:
        """Return the answers of all works, in order; they have the deadline of the caller."""
        handoffs: list[Handoff[R]] = [Handoff() for _ in works]
        for work, handoff in zip(works, handoffs, strict=True):
            self._waiting.put((partial(copy_context().run, work), handoff))
        for handoff in handoffs:
            handoff.wait()
        return [handoff.outcome() for handoff in handoffs]

    def _run(self) -> None:
        while True:
            work, handoff = self._waiting.get()
            try:
                handoff.succeed(work())
            except BaseException as error:
                handoff.fail(error)
            # What was searched must not be kept alive until the next search.
            del work, handoff


@cache
def search_threads() -> SearchThreads:
    """Return the threads, started when they are first asked for."""
    return SearchThreads(os.cpu_count() or 1)


def at_a_time(n: int, threads: int, work: Callable[[int, int], R]) -> list[R]:
    """Do ``work(lo, hi)`` for as many parts of ``n`` things as there are threads, at the same time."""
    cuts = np.linspace(0, n, threads + 1, dtype=int).tolist()
    return search_threads().each([partial(work, lo, hi) for lo, hi in pairwise(cuts)])


# A forked child has none of its parent's threads.
os.register_at_fork(after_in_child=search_threads.cache_clear)
