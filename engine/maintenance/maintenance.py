"""Seals and merges in the background, following the merge policy."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

from .. import deadline
from ..deadline import Deadline
from ..errors import Closed, DeadlineExceeded, ResourceExhausted, VicinalError
from ..progress import Progress, silent
from ..results.info import Activity
from ..state.collection_state import CollectionState
from .agenda import Agenda
from .due import Upkeep, chosen_task, rows_of_task, segments_of, sizes_of
from .lanes import BuildThreads, Lane, LaneThread
from .merge_policy import (
    GrowingStatistics,
    MergePolicySettings,
    MergeTask,
    SegmentStatistics,
    Task,
    next_task,
    seal_task,
    tasks_to_index_all,
    tasks_to_merge_all,
)
from .merger import Merger

log = logging.getLogger("vicinal.maintenance")

_PAUSE_SECONDS = 0.1
_RETRY_SECONDS = 5.0
_MOST_RETRY_SECONDS = 300.0
_MOST_DOUBLINGS = 32
# So few rows go from the growing segment into an index at once; more are sealed before, so written twice.
_TOGETHER_ROWS = 20_000


class Maintenance:
    """Runs merge tasks of one database: by itself in threads of its own, and when asked.

    One thread looks what is due, and seals, which takes as long as writing the rows. Indexes are built in
    lanes, so that no build holds up the sealing of new rows, and no long build a short one.

    Parameters
    ----------
    merger : Merger
    settings : MergePolicySettings
    build_threads : int or None
        How many threads builds may take together.
    """

    def __init__(
        self, merger: Merger, settings: MergePolicySettings, build_threads: int | None = None
    ) -> None:
        self._merger = merger
        self._settings = settings
        self._threads = BuildThreads(build_threads)
        self._lanes = {lane: LaneThread(lane, self._build_for) for lane in Lane}
        self._upkeeps: dict[str, Upkeep] = {}
        self._closing = threading.Event()
        self._agenda = Agenda(_PAUSE_SECONDS)
        self._thread = threading.Thread(target=self._run, name="vicinal-maintenance", daemon=True)
        self._thread.start()

    def touch(self, state: CollectionState) -> None:
        """Say that there may be something to do for a collection; no other is looked at for it."""
        self._agenda.touch(state)

    def forget(self, state: CollectionState) -> None:
        """Drop what is known of a collection that was dropped."""
        self._upkeeps.pop(state.record.uuid, None)

    def activity(self, state: CollectionState) -> Activity:
        """Return what is being done to a collection."""
        upkeep = self._upkeeps.get(state.record.uuid)
        if upkeep is None:
            return Activity()
        left = upkeep.retry_at - time.monotonic() if upkeep.failures else 0.0
        return replace(upkeep.activity, retry_seconds=max(0.0, left))

    def flush(self, state: CollectionState, progress: Progress = silent) -> None:
        """Seal the growing rows and index all segments that are to be, and return when that is done."""
        self._do_at_once(state, tasks_to_index_all, "flush", progress)

    def merge(self, state: CollectionState, progress: Progress = silent) -> None:
        """Bring the collection into one segment, indexed and without dead rows; return when that is done."""
        tasks_of = partial(tasks_to_merge_all, settings=self._settings)
        self._do_at_once(state, tasks_of, "merge", progress)

    def _do_at_once(
        self,
        state: CollectionState,
        tasks_of: Callable[[Sequence[SegmentStatistics], GrowingStatistics], Sequence[Task]],
        reason: str,
        progress: Progress,
    ) -> None:
        """Do all that is found to be done, whatever background work is at."""
        with self.exclusive(state):
            state.check_not_dropped()
            # Nothing is sealed between the look at what there is and the taking of the growing rows.
            with self._upkeep(state).sealing:
                segments, growing = sizes_of(state, 0.0)
                tasks = tasks_of(segments, growing)
                few = sum(rows_of_task(task, segments, growing) for task in tasks) <= _TOGETHER_ROWS
                if few:
                    for task in tasks:
                        self._perform(state, task, progress)
                    return
                if growing.n_rows:
                    self._perform(state, MergeTask((), True, False, reason), progress)
                    tasks = tasks_of(*sizes_of(state, 0.0))
            for task in tasks:
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
        """Return a context in which nothing else merges the collection; entering it may wait for a merge.

        Not for the main thread, where an interrupt may come before the context is entered as a whole.
        """
        limit = deadline.current()
        with ExitStack() as held:
            for lock in self._upkeep(state).locks.values():
                if limit is None:
                    lock.acquire()
                else:
                    limit.wait(partial(_acquired, lock))
                held.callback(lock.release)
            yield

    def close(self) -> None:
        """Stop; a build under way is given up at its next step and leaves nothing behind."""
        self._closing.set()
        self._agenda.close()
        if self._thread.is_alive():
            self._thread.join()
        for lane in self._lanes.values():
            lane.close()
        # Work that a caller asked for, and perhaps waits for no more, is given up in the same way.
        for upkeep in list(self._upkeeps.values()):
            for lock in (*upkeep.locks.values(), upkeep.sealing):
                with lock:
                    pass

    def _run(self) -> None:
        while not self._closing.is_set() and (state := self._agenda.take()) is not None:
            if state.dropped:
                self._agenda.forget(state)
                continue
            due = self._work_on(state)
            if due is not None:
                self._agenda.look_at(state, due)
            # A collection that nobody uses any more must not be kept by who waits for the next.
            del state

    def _work_on(self, state: CollectionState) -> float | None:
        """Do what is due for a collection; return when to look again, None for when it is touched."""
        upkeep = self._upkeep(state)
        if not self._may_retry(upkeep):
            later = time.monotonic() + _RETRY_SECONDS
            return upkeep.retry_at if upkeep.room is None else min(upkeep.retry_at, later)
        task: Task | None = None
        try:
            idle = time.monotonic() - state.last_write
            task = seal_task(sizes_of(state, idle)[1], self._settings)
            if task is not None:
                if not upkeep.sealing.acquire(blocking=False):
                    return time.monotonic() + _PAUSE_SECONDS
                try:
                    self._perform(state, task, silent)
                finally:
                    upkeep.sealing.release()
                return time.monotonic()
            for lane in Lane:
                if (
                    lane not in upkeep.queued
                    and chosen_task(state, lane, upkeep.busy, self._settings) is not None
                ):
                    upkeep.queued.add(lane)
                    try:
                        self._lanes[lane].put(state)
                    except RuntimeError:
                        # The system starts no more threads now; it may later.
                        upkeep.queued.discard(lane)
                        raise
            if upkeep.queued:
                # Whoever builds says so when it is done.
                return None
            waits = self._next(state, float("inf")) is not None
            return state.last_write + self._settings.quiet_seconds if waits else None
        except Closed:
            return None
        except Exception as error:
            return self._failed(state, task, error)

    def _build_for(self, state: CollectionState, lane: Lane) -> None:
        """Do the next task of a lane for a collection."""
        upkeep = self._upkeep(state)
        task = None
        try:
            if self._closing.is_set() or state.dropped or not upkeep.locks[lane].acquire(blocking=False):
                return
            try:
                with upkeep.choosing:
                    task = chosen_task(state, lane, upkeep.busy, self._settings)
                    if task is None:
                        return
                    upkeep.busy[lane] = segments_of(task)
                self._perform(state, task, silent, lane)
            finally:
                upkeep.busy.pop(lane, None)
                upkeep.locks[lane].release()
        except Closed:
            return
        except Exception as error:
            self._failed(state, task, error)
        finally:
            upkeep.queued.discard(lane)
            self._agenda.touch(state)

    def _failed(self, state: CollectionState, task: Task | None, error: Exception) -> float:
        # The log still holds every row, so nothing is lost by trying again later.
        log.warning("%s: background merge failed: %s", state.name, error, exc_info=error)
        return self._put_off(state, task, error)

    def _may_retry(self, upkeep: Upkeep) -> bool:
        if time.monotonic() >= upkeep.retry_at:
            return True
        if upkeep.room is None:
            return False
        free = self._free_bytes()
        return free is not None and free >= upkeep.room

    def _free_bytes(self) -> int | None:
        try:
            return self._merger.free_bytes()
        except VicinalError:
            # Who cannot ask for room waits until the time is over.
            return None

    def _put_off(self, state: CollectionState, task: Task | None, error: Exception) -> float:
        """Say why a task failed and when it is tried again: later each time, or when there is room."""
        upkeep = self._upkeep(state)
        upkeep.room = None
        if isinstance(error, ResourceExhausted) and task is not None:
            upkeep.room = self._needed_room(state, task)
        upkeep.failures = min(upkeep.failures + 1, _MOST_DOUBLINGS)
        delay = min(_RETRY_SECONDS * 2 ** (upkeep.failures - 1), _MOST_RETRY_SECONDS)
        upkeep.retry_at = time.monotonic() + delay
        upkeep.activity = Activity(last_error=str(error))
        return min(upkeep.retry_at, time.monotonic() + _RETRY_SECONDS)

    def _needed_room(self, state: CollectionState, task: Task) -> int | None:
        free = self._free_bytes()
        try:
            needed = self._merger.least_bytes(state, task)
        except VicinalError:
            # A segment of the task is gone by now. What is due then is seen when the time is over.
            return None
        # One that failed in spite of room for what is certain needs more than there was.
        return needed if free is None or free < needed else free + needed // 2

    def _next(self, state: CollectionState, idle_seconds: float) -> Task | None:
        return next_task(*sizes_of(state, idle_seconds), self._settings)

    def _perform(
        self, state: CollectionState, task: Task, progress: Progress, lane: Lane | None = None
    ) -> None:
        upkeep = self._upkeep(state)

        # Only a step may give up, because a segment that is built is worth its commit. The steps of a build
        # come from any thread.
        with deadline.suspended() as limit:

            def step(stage: str, fraction: float) -> None:
                if self._closing.is_set():
                    raise Closed("the database was closed while a merge was under way; the log has every row")
                if limit is not None:
                    limit.check()
                upkeep.activity = Activity(stage, fraction)
                progress(stage, fraction)

            before = upkeep.activity
            try:
                if isinstance(task, MergeTask) and task.with_growing:
                    self._take_growing(state, task, step, lane)
                else:
                    self._merge(state, task, step, lane)
            except BaseException:
                upkeep.activity = before
                raise
            upkeep.failures, upkeep.retry_at, upkeep.room = 0, 0.0, None
            upkeep.activity = Activity()

    def _take_growing(
        self, state: CollectionState, task: MergeTask, step: Progress, lane: Lane | None
    ) -> None:
        """Do a task with the growing rows, which wait for no long build."""
        upkeep = self._upkeep(state)
        with upkeep.sealing:
            few = rows_of_task(task, *sizes_of(state, 0.0)) <= _TOGETHER_ROWS
            if few or not task.with_index:
                self._merge(state, task, step, lane if task.with_index else None)
                return
            # What is written while the index is built can be sealed in its turn.
            sealed = self._merger.perform(state, replace(task, segments=(), with_index=False), step)
            segments = task.segments if sealed is None else (*task.segments, sealed)
            if lane is not None:
                with upkeep.choosing:
                    upkeep.busy[lane] = frozenset(segments)
        if segments:
            self._merge(state, replace(task, segments=segments, with_growing=False), step, lane)

    def _merge(self, state: CollectionState, task: Task, step: Progress, lane: Lane | None) -> None:
        if isinstance(task, MergeTask) and task.with_index:
            with self._threads.taken(lane is not None, lambda: step("wait", 0.0)) as threads:
                self._merger.perform(state, task, step, threads)
        else:
            self._merger.perform(state, task, step)

    def _upkeep(self, state: CollectionState) -> Upkeep:
        # One call of C, so that two threads are given the same.
        return self._upkeeps.setdefault(state.record.uuid, Upkeep())


def _acquired(lock: threading.RLock, seconds: float) -> bool:
    return lock.acquire(timeout=seconds)
