"""What a server logs: one JSON object a line, with the id of the request it is about.

Names and numbers only. Payloads, vectors, filters, keys and texts of errors that could hold them are not
logged, so a log can be kept where the data may not.
"""

from __future__ import annotations

import datetime
import logging
import sys
import threading
import traceback
from contextlib import suppress
from typing import Any, TextIO

import orjson

# Codes that say something is wrong with the server rather than with a call.
_SERVER_FAULTS = frozenset({"INTERNAL", "DATA_LOSS", "UNKNOWN"})
_LOGGERS = ("vicinal", "grpc")


class CallLog:
    """Writes log lines. Thread-safe; a line is written in one piece.

    Parameters
    ----------
    every_call : bool
        Whether every call gets a line, and not only those that failed in the server.
    stream : text file, optional
        Where lines go; standard error when it is left out.
    process : str, optional
        What lines are marked with, where several processes write to one log.
    """

    def __init__(
        self, *, every_call: bool = False, stream: TextIO | None = None, process: str | None = None
    ) -> None:
        self.every_call = every_call
        self._marks = {} if process is None else {"process": process}
        self._stream = stream
        self._lock = threading.Lock()
        self._handler = _LineHandler(self)

    def call(self, request_id: str, method: str, key_id: str, code: str, seconds: float) -> None:
        """Log a call that ended, if such calls are logged."""
        fault = code in _SERVER_FAULTS
        if fault or self.every_call:
            self.event(
                "error" if fault else "info",
                "call",
                request_id=request_id,
                method=method,
                key_id=key_id,
                code=code,
                seconds=round(seconds, 6),
            )

    def failed(self, request_id: str, method: str, error: BaseException) -> None:
        """Log an error that nobody expected: its class and where it came from, not its text."""
        self.event("error", "internal_error", request_id=request_id, method=method, **_in_short(error))

    def event(self, level: str, event: str, **values: Any) -> None:
        """Log anything else; values are names and numbers."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        line = orjson.dumps(
            {"ts": now, "level": level, "event": event} | self._marks | values, default=str
        ).decode()
        stream = self._stream or sys.stderr
        # A call does not fail because nobody reads the log.
        with self._lock, suppress(OSError, ValueError):
            stream.write(f"{line}\n")
            stream.flush()

    def attach(self) -> None:
        """Make lines of what vicinal and gRPC log with `logging`, for the whole process."""
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            logger.addHandler(self._handler)
            logger.propagate = False
            if logger.level == logging.NOTSET:
                logger.setLevel(logging.INFO)


class _LineHandler(logging.Handler):
    """Makes a line of a record of `logging`; of an exception it takes the class and where it came from."""

    def __init__(self, calls: CallLog) -> None:
        super().__init__()
        self._calls = calls

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line."""
        error = record.exc_info[1] if record.exc_info is not None else None
        # The text that goes with an exception often has that of the exception in it.
        values = {"text": record.getMessage()} if error is None else _in_short(error)
        self._calls.event(record.levelname.lower(), "log", logger=record.name, **values)


def _in_short(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error": type(error).__name__, "where": where}
