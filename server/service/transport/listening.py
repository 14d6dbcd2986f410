"""Taking the address that a server listens on."""

from __future__ import annotations

import os
import socket

import grpc

from ....engine.errors import FailedPrecondition
from ..settings.settings import ServerSettings


def check_free(host: str, port: int) -> None:
    """Raise FailedPrecondition when an address cannot be listened on; gRPC would not say why."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            # A socket that only was bound does not keep others from the port.
            probe.listen(1)
    except OSError as error:
        reason = error.strerror if error.errno is None or error.errno < 0 else os.strerror(error.errno)
        raise FailedPrecondition(
            f"cannot listen on {host}:{port}: {reason}; does another server run there? Choose another port "
            "or address",
            field="port",
        ) from error


def listen(server: grpc.Server, settings: ServerSettings, credentials: grpc.ServerCredentials | None) -> int:
    """Add the address to the server and return the port, which gRPC chose when it was 0."""
    address = settings.address(settings.port)
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise FailedPrecondition(f"cannot listen on {address}: {error}", field="port") from error
