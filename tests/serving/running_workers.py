"""A server of several processes, supervised from a thread of this one, and channels to it."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
from serving.running_server import Served, plain_channel, running_server
from waiting import wait_until

from vicinal.server.service.calls.call_log import CallLog
from vicinal.server.service.settings.settings import ServerSettings
from vicinal.server.service.workers.supervisor import Supervisor

CHANNELS = 8
WORKERS = int(os.environ.get("VICINAL_WORKERS", "0"))
"""How many workers serve to suites that are run against one process otherwise (`make workers`)."""
PATIENCE = 120.0


class Bell:
    """Signals as a supervisor waits for them, sent by a test."""

    def __init__(self) -> None:
        self._received, self._sender = socket.socketpair()

    def fileno(self) -> int:
        return self._received.fileno()

    def take(self) -> int:
        return self._received.recv(1)[0]

    def ring(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._sender.send(bytes([number]))

    def close(self) -> None:
        self._received.close()
        self._sender.close()


class RunningWorkers(Served):
    """A server in processes of its own; each call goes over one of several connections, to some worker."""

    def __init__(
        self, supervisor: Supervisor, bell: Bell, folder: Path, channels: list[grpc.Channel]
    ) -> None:
        self.supervisor = supervisor
        self.folder = folder
        self.port = supervisor.port
        self.channels = channels
        self._bell = bell
        self._chance = random.Random(7)

    @property
    def channel(self) -> grpc.Channel:  # type: ignore[override]
        """A channel to one of the workers."""
        return self._chance.choice(self.channels)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def parts(self) -> dict[str, int]:
        """Return the process id of each part that runs, by name."""
        return parts_of(os.getpid())

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        self._bell.ring(number)


def running(folder: Path, **settings: Any) -> AbstractContextManager[Served]:
    """Serve a folder from this process alone, or by `WORKERS`, until the block ends."""
    return running_workers(folder, WORKERS, **settings) if WORKERS else running_server(folder, **settings)


@contextmanager
def running_workers(
    folder: Path, workers: int, channels: int = CHANNELS, **settings: Any
) -> Iterator[RunningWorkers]:
    """Serve a folder by so many workers until the block ends."""
    bell = Bell()
    configured = ServerSettings(folder=folder, port=0, **settings)
    log = CallLog(every_call=configured.log_calls, process="supervisor")
    started = threading.Event()
    failures: list[BaseException] = []
    supervisors: list[Supervisor] = []

    def supervise() -> None:
        try:
            with Supervisor(configured, workers, log, bell) as supervisor:
                supervisors.append(supervisor)
                try:
                    if supervisor.start():
                        started.set()
                        supervisor.run()
                finally:
                    supervisor.stop()
        except BaseException as error:
            failures.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=supervise)
    thread.start()
    try:
        assert started.wait(PATIENCE)
        if failures:
            raise failures[0]
        with ExitStack() as stack:
            opened = [stack.enter_context(plain_channel(supervisors[0].port)) for _ in range(channels)]
            yield RunningWorkers(supervisors[0], bell, folder, opened)
    finally:
        bell.ring(signal.SIGTERM)
        thread.join(PATIENCE)
        assert not thread.is_alive()
        bell.close()
    if failures:
        raise failures[0]


def parts_of(supervisor: int) -> dict[str, int]:
    """Return the process id of each part of a server, by name; of one that is being replaced, the newer."""
    found = {}
    for child in sorted(children_of(supervisor)):
        words = command_of(child)
        if "vicinal.server.service.workers" in words:
            found[words[-1]] = child
    return found


def children_of(process: int) -> list[int]:
    """Return the ids of a process's children that have not ended."""
    children = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        children += [int(word) for word in path.read_text().split()]
    return [child for child in children if is_alive(child)]


def command_of(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/cmdline").read_text().strip("\0").split("\0")
    except OSError:
        return []


def is_alive(process: int) -> bool:
    """Return whether a process runs; one that has ended and is not reaped does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def kill(server: RunningWorkers, name: str) -> int:
    """End a part as ``kill -9`` does and return its id when it has ended."""
    process = server.parts()[name]
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: not is_alive(process))
    return process
