"""Where Prometheus asks: ``GET /metrics`` over HTTP.

On an address that only this machine reaches everybody may ask. On any other it takes a key, as a bearer
token, that is bound to no tenant and no collection, because the numbers are about all of them.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from http import HTTPStatus
from socketserver import TCPServer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from ..access.api_key import key_of
from ..access.key_store import KeyStore

log = logging.getLogger("vicinal.metrics")

_MAX_CONNECTIONS = 64


class MetricsEndpoint(ThreadingWSGIServer):
    """The application of `prometheus_client`, behind a key, in threads of its own; a context manager.

    Connections are some at a time, each for a few seconds: more than a scraper needs, little to exhaust. One
    more is let in at the cost of another, so whoever holds connections keeps nobody else from asking.

    Parameters
    ----------
    registry : CollectorRegistry
        What is asked for at each scrape.
    keys : KeyStore
        Whose keys are asked for where a key is.
    host, port
        Where to listen; port 0 takes a free one.
    tls : SSLContext, optional
        Speak HTTPS with it.
    seconds : float
        How long a connection may last.

    Raises
    ------
    OSError
        The port is taken, or the address not one of this machine.
    """

    block_on_close = False
    allow_reuse_port = False
    request_queue_size = 64

    def __init__(
        self,
        registry: CollectorRegistry,
        keys: KeyStore,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        seconds: float = 10.0,
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._tls = tls
        self._seconds = seconds
        self._lock = threading.Lock()
        # In the order they came. Those that have asked are the last to be hung up on.
        self._ends: dict[socket.socket, float] = {}
        self._asked: set[socket.socket] = set()
        super().__init__((host, port), _Handler)
        is_private = ipaddress.ip_address(self.server_name).is_loopback
        self.set_app(_guarded(make_wsgi_app(registry), None if is_private else keys))
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.1,), name="vicinal-metrics", daemon=True
        )
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def server_bind(self) -> None:
        """Bind, without asking the network for the name of the address."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; its TLS handshake is left to its thread, where it may be slow."""
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; when there are too many, hang up on the one that has been silent longest."""
        with self._lock:
            if len(self._ends) >= _MAX_CONNECTIONS:
                oldest = next((one for one in self._ends if one not in self._asked), next(iter(self._ends)))
                self._forget(oldest)
                _hang_up(oldest)
            self._ends[request] = time.monotonic() + self._seconds
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._forget(request)

    def asked(self, request: socket.socket) -> None:
        """Note that a whole request has come."""
        with self._lock:
            if request in self._ends:
                self._asked.add(request)

    def service_actions(self) -> None:
        """Hang up on those who take too long; a timeout of single reads would let them drip."""
        now = time.monotonic()
        with self._lock:
            for connection, end in self._ends.items():
                if now > end:
                    _hang_up(connection)

    def _forget(self, connection: socket.socket) -> None:
        self._ends.pop(connection, None)
        self._asked.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over connections that broke off; anything else is a mistake of ours."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("the metrics could not be given: %s", type(error).__name__)


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        # Not the method of a TLS socket, which its own thread may be using.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    server: MetricsEndpoint

    def get_environ(self) -> dict[str, Any]:
        """Return what the application is told; by then a whole request has come."""
        self.server.asked(self.connection)
        return super().get_environ()

    def log_message(self, format: str, *args: Any) -> None:
        """Log no requests."""


def _guarded(metrics: Callable[..., Iterable[bytes]], keys: KeyStore | None) -> Callable[..., Any]:
    """Return an application that answers with that of the metrics, to those who may see them."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]]) -> None:
            start_response(status, [*headers, ("Server", "vicinal")])

        try:
            refusal = _refusal(environ, keys)
            if refusal is None:
                # Which metrics there are is known at a scrape alone: they cannot be chosen from.
                return metrics(environ | {"QUERY_STRING": ""}, start)
        except Exception as error:
            # Not left to the server, which would write the error's text and trace to the log.
            log.error("the metrics could not be given: %s", type(error).__name__)
            refusal = HTTPStatus.SERVICE_UNAVAILABLE
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        if refusal is HTTPStatus.UNAUTHORIZED:
            headers.append(("WWW-Authenticate", "Bearer"))
        start(f"{refusal.value} {refusal.phrase}", headers)
        return [refusal.phrase.encode()]

    return answer


def _refusal(environ: dict[str, Any], keys: KeyStore | None) -> HTTPStatus | None:
    if keys is not None:
        sent = {"authorization": "HTTP_AUTHORIZATION", "x-api-key": "HTTP_X_API_KEY"}
        principal = keys.principal_of(
            key_of((name, environ[place]) for name, place in sent.items() if place in environ)
        )
        if principal is None:
            return HTTPStatus.UNAUTHORIZED
        if principal.tenants is not None or principal.collections is not None:
            return HTTPStatus.FORBIDDEN
    return None if environ["PATH_INFO"] == "/metrics" else HTTPStatus.NOT_FOUND
