"""Seals and merges in the background, following the merge policy."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from . import deadline
from .collection_state import CollectionState
from .deadline import Deadline
from .errors import Closed, DeadlineExceeded
from .growing_view import GrowingView
from .merge_policy import (
    GrowingStatistics,
    MergePolicySettings,
    MergeTask,
    SegmentStatistics,
    next_task,
    tasks_to_merge_all,
)
from .merger import Merger
from .progress import Progress, silent
from .schema import CollectionSchema
from .segment_builder import indexable_fields
from .segment_view import SegmentView

log = logging.getLogger("vicinal.maintenance")

_POLL_SECONDS = 0.1
_RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Activity:
    """What background work is doing to a collection.

    Attributes
    ----------
    stage : str
        Name of the stage, such as ``index plot``; empty when nothing runs.
    fraction : float
        How much of the stage is done.
    last_error : str
        Why the last background task failed, empty when it did not.
    """

    stage: str = ""
    fraction: float = 0.0
    last_error: str = ""


class Maintenance:
    """Runs merge tasks of one database: by itself in a thread of its own, and when asked.

    Parameters
    ----------
    merger : Merger
    collections : callable
        Returns the collections there are now.
    settings : MergePolicySettings
    """

    def __init__(
        self,
        merger: Merger,
        collections: Callable[[], Iterable[CollectionState]],
        settings: MergePolicySettings,
    ) -> None:
        self._merger = merger
        self._collections = collections
        self._settings = settings
        self._locks: dict[str, threading.RLock] = {}
        self._locks_guard = threading.Lock()
        self._activity: dict[str, Activity] = {}
        self._retry_at: dict[str, float] = {}
        self._closing = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vicinal-maintenance", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that something was written."""
        self._wake.set()

    def activity(self, state: CollectionState) -> Activity:
        """Return what is being done to a collection."""
        return self._activity.get(state.record.uuid, Activity())

    def flush(self, state: CollectionState, progress: Progress = silent) -> None:
        """Seal the growing rows into a segment with its indexes, and return when that is done."""
        with self.exclusive(state):
            state.check_not_dropped()
            if any(isinstance(view, GrowingView) for view in state.snapshot.views):
                self._perform(state, MergeTask((), True, True, "flush"), progress)

    def merge(self, state: CollectionState, progress: Progress = silent) -> None:
        """Bring the collection into one segment, indexed and without dead rows; return when that is done."""
        with self.exclusive(state):
            state.check_not_dropped()
            for task in tasks_to_merge_all(*_sizes(state, 0.0), self._settings):
                self._perform(state, task, progress)

    def settle(
        self, state: CollectionState, timeout_seconds: float | None, progress: Progress = silent
    ) -> None:
        """Do at once what the policy would do once the collection is quiet."""
        try:
            with Deadline(timeout_seconds).within(), self.exclusive(state):
                state.check_not_dropped()
                while task := self._next(state, idle_seconds=float("inf")):
                    self._perform(state, task, progress)
        except DeadlineExceeded as error:
            raise DeadlineExceeded(
                f"{state.name!r} is not fully indexed: {error}; background work goes on with it"
            ) from error

    @contextmanager
    def exclusive(self, state: CollectionState) -> Iterator[None]:
        """Return a context in which nothing else merges the collection; entering it may wait for a merge."""
        lock = self._lock(state)
        limit = deadline.current()
        if limit is None:
            lock.acquire()
        else:
            limit.wait(lambda seconds: lock.acquire(timeout=seconds))
        try:
            yield
        finally:
            lock.release()

    def close(self) -> None:
        """Stop; a build under way is given up at its next step and leaves nothing behind."""
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            worked = False
            waiting = False
            for state in list(self._collections()):
                if self._closing.is_set():
                    return
                worked = self._work_on(state) or worked
                waiting = waiting or self._next(state, float("inf")) is not None
            if not worked:
                self._wake.wait(_POLL_SECONDS if waiting else None)
                self._wake.clear()

    def _work_on(self, state: CollectionState) -> bool:
        uuid = state.record.uuid
        if time.monotonic() < self._retry_at.get(uuid, 0.0):
            return False
        lock = self._lock(state)
        if not lock.acquire(blocking=False):
            return False
        try:
            task = None if state.dropped else self._next(state, time.monotonic() - state.last_write)
            if task is None:
                return False
            self._perform(state, task, silent)
            return True
        except Closed:
            return False
        except Exception as error:
            # The log still holds every row, so nothing is lost by trying again later.
            log.warning("%s: background merge failed: %s", state.name, error, exc_info=error)
            self._activity[uuid] = Activity(last_error=str(error))
            self._retry_at[uuid] = time.monotonic() + _RETRY_SECONDS
            return False
        finally:
            lock.release()

    def _next(self, state: CollectionState, idle_seconds: float) -> MergeTask | None:
        return next_task(*_sizes(state, idle_seconds), self._settings)

    def _perform(self, state: CollectionState, task: MergeTask, progress: Progress) -> None:
        uuid = state.record.uuid

        # Only a step may give up, because a segment that is built is worth its commit. The steps of a build
        # come from any thread.
        with deadline.suspended() as limit:

            def step(stage: str, fraction: float) -> None:
                if self._closing.is_set():
                    raise Closed("the database was closed while a merge was under way; the log has every row")
                if limit is not None:
                    limit.check()
                self._activity[uuid] = Activity(stage, fraction)
                progress(stage, fraction)

            try:
                self._merger.perform(state, task, step)
            finally:
                self._activity.pop(uuid, None)

    def _lock(self, state: CollectionState) -> threading.RLock:
        with self._locks_guard:
            return self._locks.setdefault(state.record.uuid, threading.RLock())


def _sizes(state: CollectionState, idle_seconds: float) -> tuple[list[SegmentStatistics], GrowingStatistics]:
    segments: list[SegmentStatistics] = []
    growing = GrowingStatistics(0, 0, idle_seconds)
    for view in state.snapshot.views:
        if isinstance(view, GrowingView):
            growing = GrowingStatistics(view.n_rows, view.bytes_memory, idle_seconds)
        else:
            segments.append(_statistics(view, state.schema))
    return segments, growing


def _statistics(view: SegmentView, schema: CollectionSchema) -> SegmentStatistics:
    wanted = indexable_fields(schema, view.n_live)
    return SegmentStatistics(
        uuid=view.uuid,
        n_rows=view.n_rows,
        n_live=view.n_live,
        n_bytes=view.bytes_disk,
        indexed=set(wanted) <= set(view.indexed_fields),
    )
