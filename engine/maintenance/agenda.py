"""When background work looks at which collection."""

from __future__ import annotations

import heapq
import itertools
import queue
import time

from ..state.collection_state import CollectionState

Entry = tuple[float, int, CollectionState]

# A queue takes no wait of centuries, and a caller may ask for any.
_LONGEST_WAIT = 86_400.0


class Agenda:
    """The collections that were touched or have something due; all others cost nothing.

    Any thread may :meth:`touch` and :meth:`close`. The rest is the affair of the one thread that works.

    Parameters
    ----------
    pause_seconds : float
        A collection is not looked at again before this long, however often it is touched.
    """

    def __init__(self, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        # No lock, which an interrupt of a caller could leave taken; the set is changed by one thread only.
        self._news: queue.SimpleQueue[CollectionState | None] = queue.SimpleQueue()
        self._told: set[str] = set()
        self._heap: list[Entry] = []
        self._due: dict[str, float] = {}
        self._not_before: dict[str, float] = {}
        self._numbers = itertools.count()

    def touch(self, state: CollectionState) -> None:
        """Say that there may be something to do for a collection."""
        if state.record.uuid not in self._told:
            self._news.put(state)

    def close(self) -> None:
        """End the waiting of :meth:`take`."""
        self._news.put(None)

    def take(self) -> CollectionState | None:
        """Wait for the next collection to look at; None after :meth:`close`."""
        while True:
            # The news first: one collection with much to do must not hide the others.
            left = 0.0 if not self._news.empty() else self._seconds_left()
            if left is not None and left <= 0 and self._news.empty():
                return self._first()
            try:
                # News may have come since it was asked what is due, whose wait is over by then.
                state = self._news.get(timeout=None if left is None else min(max(left, 0.0), _LONGEST_WAIT))
            except queue.Empty:
                continue
            if state is None:
                return None
            self._told.add(state.record.uuid)
            self.look_at(state, self._not_before.get(state.record.uuid, 0.0))

    def look_at(self, state: CollectionState, due: float) -> None:
        """Let :meth:`take` return a collection at a time of the monotonic clock, or before."""
        uuid = state.record.uuid
        if self._due.get(uuid, float("inf")) > due:
            self._due[uuid] = due
            heapq.heappush(self._heap, (due, next(self._numbers), state))

    def forget(self, state: CollectionState) -> None:
        """Drop what is known of a collection that is not there any more."""
        self._due.pop(state.record.uuid, None)
        self._not_before.pop(state.record.uuid, None)

    def _seconds_left(self) -> float | None:
        while self._heap:
            due, _, state = self._heap[0]
            if self._due.get(state.record.uuid) == due:
                return due - time.monotonic()
            heapq.heappop(self._heap)
        return None

    def _first(self) -> CollectionState:
        _, _, state = heapq.heappop(self._heap)
        uuid = state.record.uuid
        del self._due[uuid]
        self._not_before[uuid] = time.monotonic() + self._pause_seconds
        # What is written from here on is news again; what was written before is seen by who asked.
        self._told.discard(uuid)
        return state
