"""A process that runs beside what is measured: a server, or connections that hang."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from .placement import Cores, on_cores

READY_SECONDS = 120.0
STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02
_READY = re.compile(r"listening on (\S+?:\d+)")
_LAST_LINES = 20


class NotStartedError(RuntimeError):
    """A process did not become ready; the message has the end of what it printed."""


class Background:
    """A process with its output in a file; a context manager that starts it and stops it.

    Parameters
    ----------
    command : sequence of str
    log : Path
        Where its output goes.
    cores : set of int, optional
        Where it runs.
    address : str, optional
        Where it is going to listen. Without one it prints ``listening on HOST:PORT``.
    environment : mapping, optional
        Variables to set for it.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        cores: Cores | None = None,
        address: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = list(command)
        self._log = log
        self._cores = cores
        self._wanted = address
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def __enter__(self) -> Self:
        with open(self._log, "wb") as log, on_cores(self._cores):
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
        try:
            self.address = self._await_address()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def printed(self) -> str:
        """Everything it printed so far."""
        return self._log.read_text(errors="replace")

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.__enter__()

    def stop(self) -> None:
        """Ask it to stop, and end it when it does not."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _await_address(self) -> str:
        assert self._process is not None
        ends = time.monotonic() + READY_SECONDS
        while time.monotonic() < ends:
            address = self._listening()
            if address is not None:
                return address
            if self._process.poll() is not None:
                raise NotStartedError(self._told(f"ended with code {self._process.returncode}"))
            time.sleep(_POLL_SECONDS)
        raise NotStartedError(self._told(f"was not ready after {READY_SECONDS:g} s"))

    def _listening(self) -> str | None:
        if self._wanted is None:
            found = _READY.search(self.printed)
            return None if found is None else found.group(1)
        host, _, port = self._wanted.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1.0).close()
        except OSError:
            return None
        return self._wanted

    def _told(self, what: str) -> str:
        lines = "\n".join(self.printed.splitlines()[-_LAST_LINES:])
        return f"{' '.join(self._command)} {what}; it printed:\n{lines}"


def free_port() -> int:
    """A port of the loopback that nobody listens on, for servers that cannot choose one."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
