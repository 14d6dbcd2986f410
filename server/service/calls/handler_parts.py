"""What gRPC's handlers are made of, for what cannot be said by its own names.

These have been the same since 1.66. :func:`are_known` says whether the installed release has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import grpc._server as internals
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # it is not written in Python

_USED = (
    *("_CLOSED", "_OPEN", "_RECEIVE_MESSAGE_TOKEN"),
    *("_abort", "_possibly_finish_call", "_unary_response_in_pool"),
)
_NOTHING = 0
ANSWERS_ONCE: Any = getattr(internals, "_unary_response_in_pool", None)
"""What gRPC has an executor run for a handler of one answer."""


def are_known() -> bool:
    """Return whether the installed gRPC makes its handlers of what is used here."""
    return all(hasattr(internals, name) for name in _USED) and hasattr(cygrpc, "ReceiveMessageOperation")


def receive_message(event: Any, state: Any, then: Callable[[bytes | None], None]) -> None:
    """Have gRPC receive the message of a call, and call ``then`` with it, or with None if there is none.

    To be called while gRPC holds the lock of ``state``, as when it gives work to an executor.
    """

    def received(operation: Any) -> Any:
        message: bytes | None = operation.batch_operations[0].message()
        with state.condition:
            if message is None and state.client is internals._OPEN:
                state.client = internals._CLOSED
            ended = internals._possibly_finish_call(state, internals._RECEIVE_MESSAGE_TOKEN)
        then(message)
        return ended

    event.call.start_server_batch((cygrpc.ReceiveMessageOperation(_NOTHING),), received)
    state.due.add(internals._RECEIVE_MESSAGE_TOKEN)


def end_call(event: Any, state: Any, status: grpc.Status) -> None:
    """End a call with a status, without a handler; to be called as :func:`receive_message`."""
    state.code, state.trailing_metadata = status.code, status.trailing_metadata
    state.details = status.details.encode()
    internals._abort(state, event.call, cygrpc.StatusCode.unknown, b"")
