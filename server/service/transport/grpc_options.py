"""How gRPC treats connections, before any call is one of ours."""

from __future__ import annotations

import resource

from ..settings.limits import Limits

_SECOND = 1_000

MAX_METADATA_BYTES = 16 << 10
_MAX_STREAMS = 1_024
MAX_CONNECTIONS = 10_000


def grpc_options(limits: Limits, *, shares_port: bool = False) -> list[tuple[str, int]]:
    """Return the channel arguments of the server.

    Parameters
    ----------
    limits : Limits
    shares_port : bool
        Whether other processes of this server listen on its port.
    """
    return [
        ("grpc.max_receive_message_length", limits.max_message_bytes),
        ("grpc.max_send_message_length", -1),
        # Both: the first is where refusing begins at random, the second where it is certain. They hold from
        # when a client has acknowledged them; until then the limit is one of gRPC's own, and much higher.
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.http2.settings_timeout", 10 * _SECOND),
        # Calls of one connection at a time; more wait at the client.
        ("grpc.max_concurrent_streams", _MAX_STREAMS),
        ("grpc.max_allowed_incoming_connections", _connections()),
        # A second server on the port is to fail, not to share it.
        ("grpc.so_reuseport", int(shares_port)),
        # Vectors do not compress, and a small message that becomes a large one is an attack.
        ("grpc.compression_enabled_algorithms_bitset", 1),
        # Clients may ping this often to keep a connection, also without calls.
        ("grpc.http2.min_ping_interval_without_data_ms", 10 * _SECOND),
        ("grpc.keepalive_permit_without_calls", 1),
        # Connections whose other end is gone, or that never became one, are let go of.
        ("grpc.keepalive_time_ms", 60 * _SECOND),
        ("grpc.keepalive_timeout_ms", 20 * _SECOND),
        ("grpc.server_handshake_timeout_ms", 10 * _SECOND),
        ("grpc.max_connection_idle_ms", 1_800 * _SECOND),
    ]


def _connections() -> int:
    """Return how many there may be: half of the files are left to the database and the metrics."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if files == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, max(1, files // 2))
