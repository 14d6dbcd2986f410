"""What gRPC's handlers are made of, for what cannot be said by its own names.

These have been the same since 1.66. :func:`are_known` says whether the installed release has them.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import grpc
import grpc._server as internals
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # it is not written in Python

_CONSTANTS = ("_CLOSED", "_OPEN", "_RECEIVE_MESSAGE_TOKEN")
# What they take; the first two are called here, and what the last is called with is taken apart.
_FUNCTIONS = {
    "_abort": ("state", "call", "code", "details"),
    "_possibly_finish_call": ("state", "token"),
    "_unary_response_in_pool": (
        *("rpc_event", "state", "behavior", "argument_thunk"),
        *("request_deserializer", "response_serializer"),
    ),
}
_NOTHING = 0
ANSWERS_ONCE: Any = getattr(internals, "_unary_response_in_pool", None)
"""What gRPC has an executor run for a handler of one answer."""


def are_known() -> bool:
    """Return whether the installed gRPC makes its handlers of what is used here."""
    return (
        hasattr(cygrpc, "ReceiveMessageOperation")
        and all(hasattr(internals, name) for name in _CONSTANTS)
        and all(_takes(name) == taken for name, taken in _FUNCTIONS.items())
    )


def _takes(name: str) -> tuple[str, ...] | None:
    function = getattr(internals, name, None)
    return None if function is None else tuple(signature(function).parameters)


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
