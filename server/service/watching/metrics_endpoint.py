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
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from types import TracebackType
from typing import Any, Self

from ..access.authentication import key_of
from ..access.key_store import KeyStore
from .metrics import Metrics

log = logging.getLogger("vicinal.metrics")

_MAX_CONNECTIONS = 64


class MetricsEndpoint:
    """An HTTP server in threads of its own; a context manager.

    Parameters
    ----------
    metrics : Metrics
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

    def __init__(
        self,
        metrics: Metrics,
        keys: KeyStore,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        seconds: float = 10.0,
    ) -> None:
        self._server = _Server((host, port), metrics, keys, tls, seconds)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name="vicinal-metrics",
            daemon=True,
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingTCPServer):
    """Some connections at a time, each for a few seconds: more than a scraper needs, little to exhaust.

    One more is let in at the cost of another, so whoever holds connections keeps nobody else from asking.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        metrics: Metrics,
        keys: KeyStore,
        tls: ssl.SSLContext | None,
        seconds: float,
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.metrics = metrics
        self.keys = keys
        self._tls = tls
        self._seconds = seconds
        self._lock = threading.Lock()
        # In the order they came. Those that have asked are the last to be hung up on.
        self._ends: dict[socket.socket, float] = {}
        self._asked: set[socket.socket] = set()
        super().__init__(address, _Handler)
        host, port = self.socket.getsockname()[:2]
        self.port = int(port)
        self.is_private = ipaddress.ip_address(host).is_loopback

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


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "vicinal"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with the metrics, to those who may see them."""
        self.server.asked(self.connection)
        refusal = self._refusal()
        if refusal is not None:
            self._answer(refusal, refusal.phrase.encode(), "text/plain; charset=utf-8")
        else:
            text, content_type = self.server.metrics.text(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, text, content_type)

    def log_message(self, format: str, *args: Any) -> None:
        """Log no requests."""

    def _refusal(self) -> HTTPStatus | None:
        if not self.server.is_private:
            principal = self.server.keys.principal_of(
                key_of((name.lower(), value) for name, value in self.headers.items())
            )
            if principal is None:
                return HTTPStatus.UNAUTHORIZED
            if principal.tenants is not None or principal.collections is not None:
                return HTTPStatus.FORBIDDEN
        return None if self.path.partition("?")[0] == "/metrics" else HTTPStatus.NOT_FOUND

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
