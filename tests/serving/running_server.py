"""A server in this process, on a port of its own, and a channel to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from serving.calls import Outcome, call
from serving.rpcs import BY_NAME

from vicinal.server.service.access.key_store import KeyStore
from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import ServerSettings

_HEALTH = "/grpc.health.v1.Health/Check"
_UNLIMITED = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # Channels of one process would share their connections, and a test would see another's.
    ("grpc.use_local_subchannel_pool", 1),
]


class Served:
    """A folder that is served, and how to call who serves it."""

    folder: Path
    port: int
    channel: grpc.Channel

    def call(self, name: str, request: Message | bytes, key: str | None = None, **options: Any) -> Outcome:
        """Call an RPC by its short name."""
        return call(self.channel, BY_NAME[name], request, key, **options)

    def key(self, rights: str, **options: Any) -> str:
        """Create a key; return its text."""
        return self.identified_key(rights, **options)[1]

    def identified_key(self, rights: str, *, name: str = "test", **options: Any) -> tuple[str, str]:
        """Create a key; return its id and its text."""
        with KeyStore(self.folder) as keys:
            return keys.create(name, rights, **options)


@dataclass
class RunningServer(Served):
    """A server in this process."""

    server: Server
    folder: Path
    port: int
    channel: grpc.Channel


@contextmanager
def running_server(folder: Path, **settings: Any) -> Iterator[RunningServer]:
    """Serve a folder until the block ends; ``settings`` are those of ``ServerSettings``."""
    configured = ServerSettings(folder=folder, port=0, **settings)
    with Server(configured) as server, plain_channel(server.port) as channel:
        yield RunningServer(server, folder, server.port, channel)


@contextmanager
def plain_channel(port: int, options: Sequence[tuple[str, Any]] = ()) -> Iterator[grpc.Channel]:
    """Open a channel of its own to a server without TLS, and wait until the server serves."""
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[*_UNLIMITED, *options]) as channel:
        wait_until_serving(channel)
        yield channel


def wait_until_serving(channel: grpc.Channel) -> None:
    """Return when the health service says SERVING."""
    watch = channel.unary_stream(
        "/grpc.health.v1.Health/Watch",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    states = watch(health_pb2.HealthCheckRequest(), timeout=60, wait_for_ready=True)
    for state in states:
        if state.status == health_pb2.HealthCheckResponse.SERVING:
            states.cancel()
            return
    raise AssertionError("the server never served")


def health(channel: grpc.Channel) -> int:
    """Return what the health service says."""
    check = channel.unary_unary(
        _HEALTH,
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    status: int = check(health_pb2.HealthCheckRequest(), timeout=30).status
    return status


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
