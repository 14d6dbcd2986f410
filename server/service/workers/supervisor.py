"""The process that starts a writer and its workers, and starts again what dies.

It serves nothing and loads no gRPC. What it starts ends with it, however it ends.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from ....engine.errors import Unavailable
from ..access.key_store import KeyStore
from ..calls.call_log import CallLog
from ..settings.settings import ServerSettings
from ..transport.listening import check_free, reserve
from ..transport.tls import https_context
from ..watching.metrics_endpoint import MetricsEndpoint
from .child import Child
from .gathering import Gathering
from .messages import Bound, Counted, Failed, Order, Ready, Whole
from .part import WRITER, Part
from .seat import Seat

# A writer that cannot start so often in a row is not tried again.
_MOST_WRITER_FAILURES = 5
_IDLE_SECONDS = 60.0
# What a process has beyond its grace to end, before it is made to.
_LAST_SECONDS = 20.0


class Signals(Protocol):
    """Signals of this process as something to wait for."""

    def fileno(self) -> int:
        """Return what is readable when one has come."""

    def take(self) -> int:
        """Return the number of one that has come."""


class Supervisor:
    """A server of several processes; a context manager that ends all of them. Used by one thread.

    Parameters
    ----------
    settings : ServerSettings
    workers : int
        How many processes read, at least 1, beside the one that writes.
    log : CallLog
    signals : Signals
        SIGHUP starts the workers anew, one after another; SIGINT and SIGTERM stop the server, and a second
        one makes it wait for running calls no longer.
    """

    def __init__(self, settings: ServerSettings, workers: int, log: CallLog, signals: Signals) -> None:
        self._log = log
        self._signals = signals
        self._ended = ExitStack()
        self._seats = [Seat(WRITER), *(Seat(f"worker-{number}") for number in range(1, workers + 1))]
        # One more than there are seats: the one that a worker is about to be replaced by.
        self._places = set(range(len(self._seats) + 1))
        self._scraping = ExitStack()
        self._leaving: list[Child] = []
        self._has_started = False
        self._database_exists = False
        self._writer_is_up = False
        self._rolling: list[Seat] = []
        self.has_keys = False
        self._endpoint: MetricsEndpoint | None = None
        self._settings = settings

    def __enter__(self) -> Self:
        with self._ended:
            settings = self._settings
            if settings.metrics_port is not None:
                check_free(settings.host, settings.metrics_port)
            held = self._ended.enter_context(reserve(settings.host, settings.port))
            self.port: int = held.getsockname()[1]
            folder = Path(tempfile.mkdtemp(prefix="vicinal-"))
            self._ended.callback(shutil.rmtree, folder, ignore_errors=True)
            self._part = Part(
                WRITER,
                replace(settings, port=self.port),
                folder,
                len(self._seats) - 1,
                place=0,
                places=len(self._places),
            )
            self._gathering = self._ended.enter_context(Gathering())
            self._tallies = self._part.tallies()
            self._ended.callback(self._tallies.close)
            self._key_counts = self._part.key_counts()
            self._ended.callback(self._key_counts.close)
            self._ended.callback(self._kill_all)
            self._ended = self._ended.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.close()

    @property
    def address(self) -> str:
        """Where it listens, as a client takes it."""
        return self._settings.address(self.port)

    @property
    def metrics_port(self) -> int | None:
        """Where Prometheus is answered, None when it is not."""
        return None if self._endpoint is None else self._endpoint.server_port

    def start(self) -> bool:
        """Start every process and return when all let calls in; False when a signal to stop came first.

        Raises
        ------
        VicinalError
            One of them could not start.
        """
        for seat in self._seats:
            seat.child = self._spawn(seat)
        while not all(seat.child is not None and self._is_up(seat.child) for seat in self._seats):
            if self._turn(_IDLE_SECONDS):
                return False
            for seat in self._seats:
                if seat.child is None:
                    raise seat.failure or Unavailable(
                        f"the {seat.name} ended before it let calls in; its lines in the log tell why"
                    )
        self._answer_scrapes()
        self._has_started = True
        return True

    def run(self) -> None:
        """Keep every process running until a signal to stop comes.

        Raises
        ------
        VicinalError
            The writer cannot be started again.
        """
        while not self._turn(min((seat.due_in() for seat in self._seats), default=_IDLE_SECONDS)):
            for seat in self._seats:
                if seat.is_due():
                    self._start_again(seat)
            self._roll_on()

    def stop(self) -> None:
        """End the workers, then the writer, each when its running calls are done."""
        self._scraping.close()
        workers = [child for child in self._children() if not child.part.is_writer]
        end = time.monotonic() + self._settings.grace_seconds + _LAST_SECONDS
        self._stop(workers, end)
        # However long the writer takes to put away what it has, it is let finish.
        self._stop([child for child in self._children() if child.part.is_writer], float("inf"))

    def _stop(self, ending: list[Child], end: float) -> None:
        """Have processes stop, and return when they have; by the end, they are made to."""
        for child in ending:
            child.order(Order.STOP)
        while any(child in self._children() for child in ending):
            if self._turn(1.0):
                for child in self._children():
                    child.order(Order.HURRY)
            if time.monotonic() > end:
                for child in ending:
                    child.kill()

    def _start_again(self, seat: Seat) -> None:
        try:
            seat.child = self._spawn(seat)
        except OSError as error:
            # The system has no room for a process now.
            self._log.event("error", "process_not_started", not_started=seat.name, code=error.errno)
            seat.postpone(seat.failures + 1)

    def _answer_scrapes(self) -> None:
        settings = self._settings
        if settings.metrics_port is None:
            return
        keys = self._scraping.enter_context(KeyStore(settings.folder, read_only=True))
        self._endpoint = MetricsEndpoint(
            self._gathering.registry,
            keys,
            host=settings.host,
            port=settings.metrics_port,
            tls=https_context(settings),
        )
        self._scraping.callback(self._endpoint.close)

    def _turn(self, seconds: float) -> bool:
        """Take in what was said within some seconds; return whether a signal to stop came."""
        children: dict[Any, Child] = {child.connection: child for child in self._children()}
        stops = False
        sources: list[Any] = [self._signals, self._gathering, *children]
        ready: Any
        for ready in wait(sources, seconds):
            child = children.get(ready)
            if child is not None:
                self._hear(child)
            elif ready is self._gathering:
                for asked in self._gathering.begin(self._children()):
                    asked.order(Order.COUNT)
            elif self._signals.take() == signal.SIGHUP:
                # One that is being replaced comes first: there is a place for one beside those there are.
                self._rolling = sorted(self._seats[1:], key=lambda seat: seat.successor is None)
            else:
                stops = True
        return stops

    def _children(self) -> Iterator[Child]:
        for seat in self._seats:
            yield from seat.children()
        yield from self._leaving

    def _is_up(self, child: Child) -> bool:
        return child.is_ready if child.part.is_writer else child.is_whole

    def _spawn(self, seat: Seat) -> Child:
        place = min(self._places)
        child = Child(replace(self._part, name=seat.name, place=place))
        self._places.remove(place)
        if seat.name == WRITER or self._database_exists:
            child.order(Order.BEGIN)
        if seat.name != WRITER and self._writer_is_up:
            child.order(Order.WRITER_IS_UP)
        return child

    def _hear(self, child: Child) -> None:
        report = child.report()
        match report:
            case None:
                self._end(child)
            case Failed():
                child.failure = report.error()
            case Ready():
                child.became_ready()
                self.has_keys = report.has_keys
                if child.part.is_writer:
                    self._writer_is_up = True
                    self._tell_workers(Order.WRITER_IS_UP)
            case Bound():
                if child.part.is_writer and not self._database_exists:
                    self._database_exists = True
                    self._tell_workers(Order.BEGIN)
            case Whole():
                child.is_whole = True
            case Counted():
                self._gathering.take(child, report.numbers)

    def _tell_workers(self, order: Order) -> None:
        for child in self._children():
            if not child.part.is_writer:
                child.order(order)

    def _end(self, child: Child) -> None:
        """Take in that a process has ended."""
        code = child.reap()
        self._gathering.end(child)
        self._tallies.wipe(child.part.place)
        self._key_counts.wipe(child.part.place)
        self._places.add(child.part.place)
        if child in self._leaving:
            self._leaving.remove(child)
            return
        name = child.part.name
        seat = next(seat for seat in self._seats if seat.name == name)
        if child.failure is None and code == 0:
            # Told to stop, before or after it was replaced.
            seat.lose(child)
            return
        why = {} if child.failure is None else {"error": type(child.failure).__name__}
        if self._has_started:
            self._log.event("error", "process_ended", ended=name, code=code, **why)
        if child is seat.successor:
            # What is there serves on.
            self._rolling = []
        seat.lose(child)
        if child.part.is_writer:
            self._writer_is_up = False
            self._tell_workers(Order.WRITER_IS_GONE)
            if seat.failed_starts >= _MOST_WRITER_FAILURES:
                raise seat.failure or Unavailable(
                    f"the writer ended {seat.failed_starts} times before it let calls in"
                )

    def _roll_on(self) -> None:
        """Replace one worker after another: the next when the one before has let go of its connections."""
        if not self._rolling or self._leaving:
            return
        seat = self._rolling[0]
        if seat.successor is None:
            if seat.child is not None:
                self._call_successor(seat)
                return
        elif not seat.successor.is_whole:
            return
        else:
            old = seat.take_over()
            self._leaving.append(old)
            old.order(Order.STOP)
        self._rolling.pop(0)

    def _call_successor(self, seat: Seat) -> None:
        try:
            seat.successor = self._spawn(seat)
        except OSError as error:
            self._log.event("error", "process_not_started", not_started=seat.name, code=error.errno)
            self._rolling = []

    def _kill_all(self) -> None:
        for child in list(self._children()):
            child.kill()
            child.reap()
