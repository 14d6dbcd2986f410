"""A process of a server, as its supervisor sees it."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Pipe

from ....engine.errors import VicinalError
from .messages import Order, Report
from .part import Part

_PACKAGE = __package__


class Child:
    """One process: started when this is made, and at its end when :meth:`reap` returns.

    It is a new program and not a copy of this one, so that it inherits no thread and no lock of gRPC's.

    Attributes
    ----------
    part : Part
    connection : Connection
        To be waited for: a report, or the end of the process.
    is_ready, is_whole : bool
        What it has reported so far.
    failure : VicinalError or None
        Why it could not start.
    ready_at : float
        Since when it has let calls in, by the monotonic clock.
    """

    def __init__(self, part: Part) -> None:
        self.part = part
        self.connection, theirs = Pipe()
        with theirs:
            command = [sys.executable, "-P", "-m", _PACKAGE, str(theirs.fileno()), part.name]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )
        self.is_ready = False
        self.is_whole = False
        self.failure: VicinalError | None = None
        self.ready_at = 0.0
        self._send(part)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def order(self, order: Order) -> None:
        """Tell it something; one that has ended hears nothing."""
        self._send(order)

    def report(self) -> Report | None:
        """Return what it said, None when it has ended."""
        try:
            report: Report = self.connection.recv()
            return report
        except (EOFError, OSError):
            return None

    def became_ready(self) -> None:
        """Note that it lets calls in."""
        self.is_ready = True
        self.ready_at = time.monotonic()

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self._process.kill()

    def reap(self) -> int:
        """Let go of one that has hung up; return its exit code."""
        self.connection.close()
        # It hung up before its last line, if that; the code tells how it ended.
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(5.0)
        self._process.kill()
        return self._process.wait()

    def _send(self, what: Part | Order) -> None:
        with suppress(OSError):
            self.connection.send(what)
