"""`vicinal serve`."""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from ...engine.errors import InvalidArgument
from ..service.calls.call_log import CallLog
from ..service.settings.cores import usable_cores
from ..service.settings.limits import Limits
from ..service.settings.settings import DEFAULT_PORT, ServerSettings
from .screen import console

_MB = 1 << 20
_DEFAULTS = Limits()
_FILES = 65_536
_MOST_WORKERS = 256
_DAY_SECONDS = 86_400.0

Database = Annotated[Path, typer.Argument(metavar="DIR", help="The database; created if it is not there.")]
Host = Annotated[str, typer.Option(help="Where to listen; beyond this machine only with TLS and a key.")]
Port = Annotated[int, typer.Option(help="The port; 0 takes a free one.")]
TlsCert = Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate chain to show callers, PEM.")]
TlsKey = Annotated[Path | None, typer.Option(metavar="FILE", help="Its private key, PEM.")]
ClientCa = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Let in only clients with a certificate of this authority."),
]
MetricsPort = Annotated[int | None, typer.Option(help="Answer Prometheus here, on the same host.")]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Listen beyond this machine even without TLS or keys.")
]
LogCalls = Annotated[
    bool, typer.Option("--log-calls", help="Log every call, not only those that failed here.")
]
Grace = Annotated[float, typer.Option(metavar="SECONDS", help="How long stopping waits for running calls.")]
MessageMb = Annotated[int, typer.Option(metavar="MB", help="Size of one request.")]
Calls = Annotated[int, typer.Option(help="Calls at work at a time.")]
Searches = Annotated[int, typer.Option(help="Reads at a time; others wait in line.")]
MemoryMb = Annotated[int, typer.Option(metavar="MB", help="Estimated memory of all calls together.")]
FreeDiskMb = Annotated[int, typer.Option(metavar="MB", help="Refuse writes when the disk has less left.")]
ReceiveSeconds = Annotated[
    float, typer.Option(metavar="SECONDS", help="How long a caller may take to send its message.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        help="Processes that read beside the one that writes; 0 is one process for all. The cores less one, "
        "at least 1, if not said (Linux)."
    ),
]
CallsPerSecond = Annotated[
    float | None, typer.Option(help="Calls of one key a second; any number if not said.")
]


def serve(
    database: Database,
    host: Host = "127.0.0.1",
    port: Port = DEFAULT_PORT,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    client_ca: ClientCa = None,
    metrics_port: MetricsPort = None,
    insecure: Insecure = False,
    workers: Workers = None,
    log_calls: LogCalls = False,
    grace: Grace = 30.0,
    max_message_mb: MessageMb = _DEFAULTS.max_message_bytes // _MB,
    max_calls: Calls = _DEFAULTS.max_calls,
    max_searches: Searches = _DEFAULTS.running_searches,
    max_memory_mb: MemoryMb = _DEFAULTS.memory_bytes // _MB,
    min_free_disk_mb: FreeDiskMb = _DEFAULTS.disk_free_bytes // _MB,
    receive_seconds: ReceiveSeconds = _DEFAULTS.receive_seconds,
    max_calls_per_second: CallsPerSecond = None,
) -> None:
    """Serve a database over gRPC until told to stop, by Ctrl-C or SIGTERM.

    Where it listens is a line on standard output, once calls are let in; the log goes to standard error.

    Stopping lets no more calls in and finishes those that run; a second Ctrl-C stops at once. Either way what
    was acknowledged is in the database. SIGHUP starts the workers anew, one after another.
    """
    limits = Limits(
        max_message_bytes=max_message_mb * _MB,
        max_calls=max_calls,
        running_searches=max_searches,
        memory_bytes=max_memory_mb * _MB,
        disk_free_bytes=min_free_disk_mb * _MB,
        receive_seconds=receive_seconds,
        calls_per_second=max_calls_per_second,
    )
    settings = ServerSettings(
        folder=database,
        host=host,
        port=port,
        tls_cert=tls_cert,
        tls_key=tls_key,
        client_ca=client_ca,
        insecure=insecure,
        metrics_port=metrics_port,
        limits=limits,
        log_calls=log_calls,
        grace_seconds=grace,
    )
    number = _checked_workers(workers)
    log = CallLog(every_call=log_calls, process="supervisor" if number else None)
    log.attach()
    _raise_file_limit()
    if number:
        _supervise(settings, number, log)
    else:
        _serve(settings, log)
    log.event("info", "stopped")


def _checked_workers(workers: int | None) -> int:
    """Return how many workers there are to be; InvalidArgument where that cannot be."""
    can = sys.platform == "linux"
    if workers is None:
        return max(1, usable_cores() - 1) if can else 0
    if not 0 <= workers <= _MOST_WORKERS:
        raise InvalidArgument(f"workers is {workers}; expected 0 to {_MOST_WORKERS}", field="workers")
    if workers and not can:
        raise InvalidArgument(
            f"workers is {workers}, and processes share a port on Linux alone; say --workers 0",
            field="workers",
        )
    return workers


def _supervise(settings: ServerSettings, workers: int, log: CallLog) -> None:
    from ..service.workers.supervisor import Supervisor

    signals = _Signals(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with Supervisor(settings, workers, log, signals) as supervisor:
        try:
            if supervisor.start():
                _announce(settings, supervisor)
                supervisor.run()
        finally:
            supervisor.stop()


def _serve(settings: ServerSettings, log: CallLog) -> None:
    # gRPC tells in the errors it raises, and to who sets this, what it would write to the terminal.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from ..service.server import Server

    signals = _Signals(signal.SIGINT, signal.SIGTERM)
    server = Server(settings, log)
    server.start()
    # What there is now stays until the end, so the garbage collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    try:
        _announce(settings, server)
        while not signals.came_within(_DAY_SECONDS):
            server.warn_of_expiry()
    finally:
        stopping = threading.Thread(target=server.stop, name="vicinal-stop")
        stopping.start()
        while stopping.is_alive():
            if signals.came_within(0.05):
                server.hurry()
        stopping.join()


def _announce(settings: ServerSettings, server: Any) -> None:
    """Say where it listens, in a line that a script can wait for."""
    parts = [
        "TLS, client certificates" if settings.client_ca else "TLS" if settings.has_tls else "no TLS",
        "keys" if server.has_keys else "no keys: everyone who can connect may do everything",
    ]
    if server.metrics_port is not None:
        scheme = "https" if settings.has_tls else "http"
        parts.append(f"metrics on {scheme}://{settings.address(server.metrics_port)}/metrics")
    line = f"vicinal serves {settings.folder}: listening on {server.address} ({'; '.join(parts)})"
    console.print(line, markup=False, soft_wrap=True)
    console.file.flush()


def _raise_file_limit() -> None:
    """Let the process have as many files as the system lets it: connections and segments are files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Signals:
    """Signals as something to wait for, so that no code runs in the middle of other code."""

    def __init__(self, *numbers: signal.Signals) -> None:
        self._received, sender = socket.socketpair()
        sender.setblocking(False)
        # Kept, for as long as the interpreter writes to it.
        self._sender = sender
        signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda *_: None)

    def came_within(self, seconds: float) -> bool:
        """Return whether one came, after waiting so long at most."""
        ready, _, _ = select.select([self._received], [], [], seconds)
        if ready:
            self.take()
        return bool(ready)

    def fileno(self) -> int:
        """Return what is readable when one has come."""
        return self._received.fileno()

    def take(self) -> int:
        """Return the number of one that has come."""
        return self._received.recv(1)[0]
