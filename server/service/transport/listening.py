"""Taking the address that a server listens on."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from ....engine.errors import FailedPrecondition

if TYPE_CHECKING:
    import grpc


def check_free(host: str, port: int) -> None:
    """Raise FailedPrecondition when an address cannot be listened on; gRPC would not say why."""
    try:
        with _bound(host, port) as probe:
            # A socket that only was bound does not keep others from the port.
            probe.listen(1)
    except OSError as error:
        raise _not_free(host, port, error) from error


def reserve(host: str, port: int) -> socket.socket:
    """Return a socket that keeps a port for processes of this user that share it; port 0 takes a free one.

    It does not listen, so no connection ever comes to it. Who does not share the port is refused it.

    Raises
    ------
    FailedPrecondition
        The address cannot be listened on.
    """
    check_free(host, port)
    try:
        held = _bound(host, port)
    except OSError as error:
        raise _not_free(host, port, error) from error
    # Shared from here on alone: whoever asked to share it before would have got it beside another server.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return held


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except BaseException:
        bound.close()
        raise
    return bound


def _not_free(host: str, port: int, error: OSError) -> FailedPrecondition:
    reason = error.strerror if error.errno is None or error.errno < 0 else os.strerror(error.errno)
    return FailedPrecondition(
        f"cannot listen on {host}:{port}: {reason}; does another server run there? Choose another port "
        "or address",
        field="port",
    )


def listen(server: grpc.Server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    """Add an address to the server and return its port, which gRPC chose when that was 0."""
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise FailedPrecondition(f"cannot listen on {address}: {error}", field="port") from error
