"""A process of a server, which does what its supervisor says and ends with it."""

from __future__ import annotations

import gc
import logging
import os
import queue
import shutil
import signal
import threading
from multiprocessing.connection import Connection

from ....engine.errors import VicinalError
from ..calls.call_log import CallLog
from .messages import Bound, Counted, Failed, Order, Ready, Report, Whole
from .part import Part
from .part_servers import WorkerServer, WriterServer

log = logging.getLogger("vicinal.server")

_DAY_SECONDS = 86_400.0


class PartProcess:
    """The process's side of the connection to the supervisor, and the server it runs.

    Parameters
    ----------
    connection : Connection
        Its other end is the supervisor's: when that is gone, the process ends at once, as by ``kill -9``.
    part : Part
    """

    def __init__(self, connection: Connection, part: Part) -> None:
        self._connection = connection
        self._part = part
        self._telling = threading.Lock()
        self._is_bound = False
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        calls = CallLog(every_call=part.own_settings().log_calls, process=part.name)
        calls.attach()
        self._server = WriterServer(part, calls) if part.is_writer else WorkerServer(part, calls)

    def run(self) -> int:
        """Serve until told to stop; return the exit code."""
        # A terminal, and systemd, signal every process; what is to happen then, the supervisor says.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        threading.Thread(target=self._listen, name="vicinal-orders", daemon=True).start()
        try:
            if not self._start():
                return 0
        except VicinalError as error:
            self._tell(Failed.of(error))
            return 1
        try:
            self._obey()
        finally:
            self._server.stop()
        self._count()
        return 0

    def _start(self) -> bool:
        """Begin to serve when told to; return False when told to stop instead."""
        if self._orders.get() is not Order.BEGIN:
            return False
        self._server.bind()
        self._is_bound = True
        self._tell(Bound())
        try:
            self._server.load()
        except BaseException:
            self._server.stop(0.0)
            raise
        self._tell(Ready(self._server.has_keys))
        if isinstance(self._server, WriterServer):
            self._server.warm_up()
        # What there is now stays until the end, so the garbage collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        return True

    def _obey(self) -> None:
        while True:
            try:
                order = self._orders.get(timeout=_DAY_SECONDS)
            except queue.Empty:
                self._server.warn_of_expiry()
                continue
            match order:
                case Order.STOP:
                    return
                case Order.WRITER_IS_UP:
                    self._meet_writer()
                case Order.WRITER_IS_GONE:
                    self._miss_writer()

    def _meet_writer(self) -> None:
        assert isinstance(self._server, WorkerServer)
        while not self._server.is_whole and self._orders.empty():
            self._server.meet_writer()
        if self._server.is_whole:
            self._tell(Whole())

    def _miss_writer(self) -> None:
        assert isinstance(self._server, WorkerServer)
        self._server.miss_writer()

    def _count(self) -> None:
        self._tell(Counted(self._server.runtime.metrics.numbers()))

    def _tell(self, report: Report) -> None:
        with self._telling:
            self._connection.send(report)

    def _listen(self) -> None:
        try:
            while True:
                order = self._connection.recv()
                match order:
                    case Order.HURRY if self._is_bound:
                        self._server.hurry()
                    case Order.COUNT:
                        self._count()
                    case _:
                        self._orders.put(order)
        except (EOFError, OSError):
            # Nobody is left who could restart what dies, or stop this process in good order.
            shutil.rmtree(self._part.folder, ignore_errors=True)
            os._exit(1)
        except BaseException:
            # A process that hears nothing any more would outlive its supervisor.
            log.exception("the process cannot do what it is told")
            os._exit(1)
