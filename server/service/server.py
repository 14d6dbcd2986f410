"""A database served over gRPC."""

from __future__ import annotations

import threading
from concurrent.futures import Executor
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Self

import grpc

from ...engine.database import Database, audit_of
from ...engine.error_translation import translated
from ...engine.errors import FailedPrecondition
from ...engine.opening.opening import open as open_database
from ...storage.opening.database_folder import check_is_ours
from ..wire.methods import METHODS, SERVICES
from .access.authentication import AuthenticationInterceptor
from .access.key_store import KeyStore
from .access.sealed_numbers import SealedNumbers
from .calls import handler_parts
from .calls.call_log import CallLog
from .calls.door import Door
from .calls.early_refusals import EarlyRefusals
from .calls.reading_ahead import ReadingAhead
from .calls.runtime import Runtime
from .calls.worker_threads import WorkerThreads
from .handlers.table import rpc_handlers
from .settings.settings import ServerSettings
from .transport.certificate import WARNING_DAYS, Certificate
from .transport.grpc_options import grpc_options
from .transport.listening import check_free, listen
from .transport.tls import https_context, server_credentials, shown_certificate
from .watching.health import SERVICE as HEALTH
from .watching.health import Health
from .watching.metrics import Metrics
from .watching.metrics_endpoint import MetricsEndpoint
from .watching.reflection import Reflection

if TYPE_CHECKING:
    from .calls.rpc import GrpcHandler

AUDIT_SHARE = 0.01
"""How much of one core the audits of a server may take."""
# Threads beyond those of running and receiving calls: for refusing at once, and for health.
_SPARE_THREADS = 128
# How long gRPC may take to send what it has, and work to end whose callers were hung up on.
_LAST_SECONDS = 2.0


class Server:
    """A server; a context manager that starts it and stops it.

    Parameters
    ----------
    settings : ServerSettings
    log : CallLog, optional
        Where lines about calls go; standard error when it is left out.

    Examples
    --------
    >>> with Server(ServerSettings("films.vicinal", port=0)) as server:
    ...     films = vicinal.connect(f"127.0.0.1:{server.port}").collection("films")
    """

    _shares_port = False
    # Whether callers are told to come again, rather than that nobody is there, while the database is opened.
    _listens_first = True
    _audit_share = AUDIT_SHARE

    def __init__(self, settings: ServerSettings, log: CallLog | None = None) -> None:
        self._settings = settings
        self._log = log or CallLog(every_call=settings.log_calls)
        self._stopping = threading.Lock()
        self._keys: KeyStore | None = None
        self._grpc: grpc.Server | None = None
        self._endpoint: MetricsEndpoint | None = None
        self._certificate: Certificate | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """Where it listens, as a client takes it."""
        return self._settings.address(self.port)

    @property
    def metrics_port(self) -> int | None:
        """Where Prometheus is answered, None when it is not."""
        return None if self._endpoint is None else self._endpoint.server_port

    @property
    def has_keys(self) -> bool:
        """Whether callers need a key."""
        return self._keys is not None and self._keys.any_exist()

    @property
    def runtime(self) -> Runtime:
        """What its calls share."""
        return self._runtime

    def start(self) -> None:
        """Begin to listen, open the database, and let calls in; return when they are.

        Raises
        ------
        VicinalError
            The database cannot be opened, the address not be listened on, or the settings are not safe.
        """
        self.bind()
        try:
            self.load()
        except BaseException:
            self.stop(0.0)
            raise

    def bind(self) -> None:
        """Make ready to open the database; listen and say that it is not open yet, if callers are told so."""
        settings = self._settings
        self._credentials = server_credentials(settings)
        self._certificate = shown_certificate(settings)
        self.warn_of_expiry()
        self._check_address()
        self._keys = keys = _open_keys(settings)
        try:
            self._prepare(keys)
            if self._listens_first:
                self._listen()
        except BaseException:
            self.stop(0.0)
            raise

    def load(self) -> None:
        """Open the database and let calls in."""
        runtime = self._runtime
        runtime.database = self._open_database()
        audit_of(runtime.database).told = runtime.metrics.audited
        self._warm_up()
        runtime.metrics.watch(
            in_flight=lambda: runtime.arrivals.total,
            waiting=lambda: runtime.line.waiting + self._reads.waiting,
        )
        runtime.calls.open()
        self._health.set_serving(self._is_whole())
        if not self._listens_first:
            self._listen()

    def stop(self, grace: float | None = None) -> None:
        """Let no more calls in, finish those that run, and close the database.

        What was acknowledged is in the database. A caller who comes too late is told to try again; one whose
        call is not done in time is hung up on.

        Parameters
        ----------
        grace : float, optional
            Seconds that running calls have; those of the settings when it is left out.
        """
        with self._stopping:
            if self._grpc is not None:
                self._drain(self._settings.grace_seconds if grace is None else grace)
                self._runtime.close()
            if self._endpoint is not None:
                self._endpoint.close()
                self._endpoint = None
            if self._keys is not None:
                self._keys.close()

    def warn_of_expiry(self) -> None:
        """Log a warning when the certificate expires soon, or has."""
        certificate = self._certificate
        if certificate is not None and certificate.days_left < WARNING_DAYS:
            self._log.event(
                "warning",
                "certificate_expires",
                file=str(certificate.path),
                expires=certificate.ends.isoformat(),
                days_left=round(certificate.days_left, 1),
            )

    def hurry(self) -> None:
        """Have :meth:`stop`, which another thread is in, wait for running calls no longer."""
        self._runtime.calls.hurry()

    def _drain(self, grace: float) -> None:
        serving = self._serving()
        self._health.set_serving(False)
        self._turn_away(serving, grace)
        self._runtime.calls.close()
        finished = self._runtime.calls.wait_empty(grace)
        self._health.close()
        serving.stop(_LAST_SECONDS if finished else 0.0).wait()
        # Work that was given up looks at its caller from time to time.
        finished = finished or self._runtime.calls.wait_empty(_LAST_SECONDS)
        self._threads.shutdown(wait=finished)
        self._grpc = None

    def _check_address(self) -> None:
        """Raise FailedPrecondition where nobody can listen, or nobody should; before anything is changed."""
        check_free(self._settings.host, self._settings.port)

    def _listen(self) -> None:
        self.port = listen(self._serving(), self._listens_at(), self._credentials)
        self._serving().start()

    def _listens_at(self) -> str:
        return self._settings.address(self._settings.port)

    def _open_database(self) -> Database:
        settings = self._settings
        database = open_database(settings.folder, merge_policy=settings.merge_policy, audit=self._audit_share)
        self._runtime.metrics.watch(database=database.info)
        return database

    def _warm_up(self) -> None:
        _compile_kernels()

    def _is_whole(self) -> bool:
        """Return whether all that calls may need is there, once the database is open."""
        return True

    def _turn_away(self, serving: grpc.Server, grace: float) -> None:
        """Let callers know where else to go, before calls are refused. There is nowhere else."""

    def _make_runtime(self, metrics: Metrics, keys: KeyStore) -> Runtime:
        return Runtime(self._settings, metrics, SealedNumbers(keys.sealing_secret()))

    def _rpc_handlers(self) -> dict[str, GrpcHandler]:
        return rpc_handlers(self._runtime, self._log)

    def _check_exposure(self) -> None:
        settings = self._settings
        if settings.is_loopback or settings.insecure or (settings.has_tls and self.has_keys):
            return
        missing = [
            *([] if settings.has_tls else ["TLS (--tls-cert and --tls-key)"]),
            *([] if self.has_keys else [f"a key (vicinal key create {settings.folder} --name NAME ...)"]),
        ]
        raise FailedPrecondition(
            f"{settings.host} can be reached from other machines, and a server there takes "
            f"{' and '.join(missing)}; listen on 127.0.0.1, or say --insecure if something else protects it",
            field="host",
        )

    def _prepare(self, keys: KeyStore) -> None:
        settings, limits = self._settings, self._settings.limits
        self._check_exposure()
        metrics = Metrics(METHODS)
        self._runtime = runtime = self._make_runtime(metrics, keys)
        self._health = Health(SERVICES, runtime.receiving)
        threads = limits.running_calls + limits.max_receiving + _SPARE_THREADS
        self._reads = WorkerThreads(limits.running_searches, "vicinal-read")
        self._threads = self._call_threads(WorkerThreads(threads, "vicinal-call"))
        self._grpc = grpc.server(
            self._threads,  # type: ignore[arg-type]  # it uses what every executor has
            options=grpc_options(limits, shares_port=self._shares_port),
        )
        reflection = Reflection([*SERVICES, HEALTH], runtime.receiving)
        door = Door(
            AuthenticationInterceptor(keys, metrics.refused),
            self._health.handlers() | reflection.handlers(),
            self._rpc_handlers(),
            EarlyRefusals(runtime, self._log),
        )
        self._grpc.add_generic_rpc_handlers((door,))
        metrics.watch(certificate=self._certificate)
        if settings.metrics_port is not None:
            check_free(settings.host, settings.metrics_port)
            self._endpoint = MetricsEndpoint(
                metrics.registry,
                keys,
                host=settings.host,
                port=settings.metrics_port,
                tls=https_context(settings),
            )

    def _call_threads(self, threads: WorkerThreads) -> Executor:
        if handler_parts.are_known():
            return ReadingAhead(threads, self._reads, self._runtime.receiving, self._runtime.calls)
        self._log.event("warning", "unknown_grpc", version=grpc.__version__)
        return threads

    def _serving(self) -> grpc.Server:
        assert self._grpc is not None
        return self._grpc


def _open_keys(settings: ServerSettings) -> KeyStore:
    with translated():
        exists = check_is_ours(settings.folder)
    if not exists:
        open_database(settings.folder).close()
    return KeyStore(str(settings.folder), read_only=True)


@cache
def _compile_kernels() -> None:
    # Only here, because this loads the compiler.
    from ...indexes.warmup import warmup

    warmup()
