"""Options of the channels, the same for both clients."""

from __future__ import annotations

_KEEPALIVE_MS = 30_000
_KEEPALIVE_TIMEOUT_MS = 10_000
_FIRST_RECONNECT_MS = 100
_LONGEST_RECONNECT_MS = 3_000
_UNLIMITED = -1

CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    # A connection that died without a word is noticed while a call waits on it, not after the call's timeout.
    ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
    # A server that comes back is found again within what the retries take together.
    ("grpc.initial_reconnect_backoff_ms", _FIRST_RECONNECT_MS),
    ("grpc.max_reconnect_backoff_ms", _LONGEST_RECONNECT_MS),
    # The server says what it takes and what it gives.
    ("grpc.max_send_message_length", _UNLIMITED),
    ("grpc.max_receive_message_length", _UNLIMITED),
    # What another client of this process met on its way to the same server is no matter of this one.
    ("grpc.use_local_subchannel_pool", 1),
)
