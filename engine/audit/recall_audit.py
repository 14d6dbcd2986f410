"""Whether searches reach the recall they ask for: a few of them are done again, exactly."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable

from ..deadline import Deadline
from ..errors import InvalidArgument, ResourceExhausted, VicinalError
from ..search.calls.call import Searched
from ..search.calls.stages import Filters, Stages
from ..search.executor import Found
from ..segments.snapshot import Snapshot
from .audited_searches import AuditedSearches
from .sample import Sample

log = logging.getLogger("vicinal.recall")

_PATIENCE_SECONDS = 60.0


def check_audit(audit: float) -> float:
    """Return the share of one core that audits may take; InvalidArgument unless it is 0 to 1."""
    number = isinstance(audit, int | float) and not isinstance(audit, bool)
    if not number or not 0 <= audit <= 1:
        raise InvalidArgument(
            f"audit is {audit!r:.80}; expected the share of one core that repeating searches exactly may "
            "take, 0 to 1; 0 for none",
            field="audit",
        )
    return float(audit)


class RecallAudit:
    """Repeats a sample of searches exactly, and has efforts raised that find less than was promised.

    Every search is offered, and nearly all are passed over. One is repeated at once by a thread, on the
    snapshot that was searched, which is let go of after that. Then the thread rests, long enough that
    repeating takes no more than ``share`` of one core. :meth:`close` ends it. In a forked child nothing is
    audited.

    Parameters
    ----------
    share : float
        How much of one core repeating may take; 0 for no audits, and no thread.

    Attributes
    ----------
    wants : bool
        Whether a search would be taken now.
    told : callable or None
        Given the collection's name, the recall asked for and the recall found, by the auditing thread.

    Raises
    ------
    ResourceExhausted
        There is no room for a thread.
    """

    def __init__(self, share: float) -> None:
        self.wants = False
        self.told: Callable[[str, float, float], None] | None = None
        self._share = share
        # The garbage collector may put something into it, inside whatever a thread does.
        self._taken: queue.SimpleQueue[Sample | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        if share > 0:
            self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="vicinal-recall", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise ResourceExhausted(
                f"{error}: raise `ulimit -u`, close databases, or open without audit"
            ) from error
        self.wants = True
        _auditing.add(self)

    def offering(self, name: str, audited: AuditedSearches, snapshot: Snapshot) -> Searched:
        """Return what takes a search of a collection as a sample, or passes it over."""

        def offer(stages: Stages, filters: Filters, found: Found) -> None:
            sample = Sample.of(name, audited, snapshot, stages, filters, found)
            if sample is not None and self.wants:
                self.wants = False
                self._taken.put(sample)

        return offer

    def close(self) -> None:
        """Stop, and return when a repetition that is under way has stopped."""
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def stop(self) -> None:
        """Have the thread end; waits for nothing."""
        self._closed = True
        self._taken.put(None)

    def after_fork(self) -> None:
        """Remember that this is a copy: the thread is in the process that was forked."""
        self.wants, self._thread, self._taken = False, None, queue.SimpleQueue()

    def _run(self) -> None:
        while not self._closed:
            # An interrupt may come between wanting no more and handing over.
            self.wants = True
            sample = self._next(_PATIENCE_SECONDS)
            if sample is None:
                continue
            began = time.perf_counter()
            try:
                with Deadline(None, lambda: self._closed).within():
                    self._repeat(sample)
            except VicinalError as error:
                # Closing ends a repetition so, and so do files that are damaged, of which searches tell.
                log.debug("a search was not audited: %s", error)
            except Exception as error:
                log.warning("a search was not audited: %s", error, exc_info=error)
            # It holds on to the snapshot that was searched.
            del sample
            took = time.perf_counter() - began
            end = began + took / self._share
            while not self._closed and (left := end - time.perf_counter()) > 0:
                # What other threads hand over at the same time is passed over.
                self._next(left)
        self.wants = False

    def _next(self, seconds: float) -> Sample | None:
        """Return what is handed over within so many seconds; None for nothing, and at the end of all."""
        try:
            return self._taken.get(timeout=seconds)
        except queue.Empty:
            return None

    def _repeat(self, sample: Sample) -> None:
        found = sample.repeat()
        if found is None:
            return
        sample.audited.add(sample.kind, found, sample.measured)
        if self.told is not None:
            self.told(sample.name, found.target, found.recall[found.served])


_auditing: weakref.WeakSet[RecallAudit] = weakref.WeakSet()


def _after_fork() -> None:
    for audit in list(_auditing):
        audit.after_fork()


os.register_at_fork(after_in_child=_after_fork)
