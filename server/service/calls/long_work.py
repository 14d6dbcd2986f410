"""Work that takes long: it runs in a thread of its own while its caller is told how far it is."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message

from ....engine.progress import Progress

# Reports come in bursts, and a caller who watches needs no more than this many seconds apart.
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class LongWork:
    """What a handler of streamed responses returns.

    Attributes
    ----------
    run : callable
        Does the work and reports on it.
    report : callable
        Makes the message of a report.
    last : callable, optional
        Makes the last message of what ``run`` returned.
    """

    run: Callable[[Progress], Any]
    report: Callable[[str, float], Message]
    last: Callable[[Any], Message] | None = None


class LongRun:
    """One such work under way.

    A caller who reads slowly must not slow down the work, which may hold up the collection's merges. So
    reports are handed over one at a time, the newest, and the work never waits.

    Parameters
    ----------
    work : LongWork
    context : grpc.ServicerContext
    """

    def __init__(self, work: LongWork, context: grpc.ServicerContext) -> None:
        self._work = work
        self._context = context
        self._changed = threading.Condition()
        self._report: tuple[str, float] | None = None
        self._done = False
        self._gone = False
        self._result: Any = None
        self._error: BaseException | None = None

    def start(self, ended: Callable[[], None]) -> None:
        """Begin, in the context of this thread; ``ended`` is called when the work has ended in any way."""
        inside = contextvars.copy_context()
        threading.Thread(
            target=inside.run, args=(self._run, ended), name="vicinal-long-call", daemon=True
        ).start()

    def messages(self) -> Iterator[Message]:
        """Yield reports, then the last message; raise what the work raised; end early when nobody listens."""
        if not self._context.add_callback(self._leave):
            return
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._done or self._gone or self._report)
                if self._gone:
                    return
                report, self._report = self._report, None
                done = self._done
            if report is not None:
                yield self._work.report(*report)
            if done:
                break
            with self._changed:
                self._changed.wait_for(lambda: self._done or self._gone, _PAUSE_SECONDS)
        if self._error is not None:
            raise self._error
        if self._work.last is not None:
            yield self._work.last(self._result)

    def _run(self, ended: Callable[[], None]) -> None:
        try:
            self._result = self._work.run(self._tell)
        except BaseException as error:
            self._error = error
        finally:
            try:
                ended()
            finally:
                with self._changed:
                    self._done = True
                    self._changed.notify_all()

    def _tell(self, stage: str, fraction: float) -> None:
        with self._changed:
            self._report = stage, fraction
            self._changed.notify_all()

    def _leave(self) -> None:
        with self._changed:
            self._gone = True
            self._changed.notify_all()
