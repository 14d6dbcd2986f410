"""Where indexes are built: apart from sealing, and the short builds apart from the long ones."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum

from ..input.options import MAX_THREADS
from ..input.queries import check_integer
from ..state.collection_state import CollectionState

_LOOK_SECONDS = 0.1


class Lane(IntEnum):
    """A short build never waits for a long one, not even one of its own collection."""

    SHORT = 0
    LONG = 1


class LaneThread:
    """Does the work of one lane, collection after collection; started when there is some."""

    def __init__(self, lane: Lane, work: Callable[[CollectionState, Lane], None]) -> None:
        self._lane = lane
        self._work = work
        self._queue: queue.SimpleQueue[CollectionState | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def put(self, state: CollectionState) -> None:
        """Have the work done for a collection; one thread calls this."""
        if self._thread is None:
            name = f"vicinal-{self._lane.name.lower()}-builds"
            thread = threading.Thread(target=self._run, name=name, daemon=True)
            thread.start()
            self._thread = thread
        self._queue.put(state)

    def close(self) -> None:
        """End once what was begun is done, or given up."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (state := self._queue.get()) is not None:
            self._work(state, self._lane)
            # A collection that nobody uses any more must not be kept by who waits for the next.
            del state


def check_build_threads(build_threads: int | None) -> None:
    """Raise InvalidArgument unless it is a number of threads, or None."""
    if build_threads is not None:
        check_integer("build_threads", build_threads, 1, MAX_THREADS)


class BuildThreads:
    """How many threads builds may take, all together; without a number each takes all cores.

    Those in the background leave a core to searches where there are more, and never take all that there are,
    so that one does not wait for the end of another.
    """

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._free = total or 0
        self._condition = threading.Condition()

    @contextmanager
    def taken(self, background: bool, waiting: Callable[[], None]) -> Iterator[int]:
        """Return a context with the threads of one build, 0 for one a core.

        ``waiting`` is called now and then while there are none, and may give up by raising.
        """
        if self._total is None:
            yield max(1, (os.cpu_count() or 1) - 1) if background else 0
            return
        most = max(1, self._total // 2) if background else self._total
        with self._condition:
            while not self._free:
                self._condition.wait(_LOOK_SECONDS)
                waiting()
            threads = min(most, self._free)
            self._free -= threads
        try:
            yield threads
        finally:
            with self._condition:
                self._free += threads
                self._condition.notify_all()
