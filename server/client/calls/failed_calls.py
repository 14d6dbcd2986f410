"""What a failed call means to a caller, and whether it may be made again."""

from __future__ import annotations

import re
from typing import Any

import grpc

from ....engine.errors import Closed, DeadlineExceeded, Overloaded, Unavailable, VicinalError
from ...wire.statuses import DETAILS_KEY, error_of
from ..endpoint.endpoint import Endpoint
from .call import CallFailed, Repeat

# What gRPC says of a call for which it had no connection, and so sent nothing.
_UNSENT = ("failed to connect to all addresses", "errors resolving ", "DNS resolution failed")
# HTTP/2's REFUSED_STREAM, which says that nothing was done: there are more calls than a connection may have.
_CROWDED = "RST_STREAM with error code 7"
_CROWDED_SECONDS = 0.1
_LAST_ERROR = re.compile(r".*last error: [A-Z_]+: (?:ipv[46]:\S+: )?(?P<reason>.*?)(?:: OK)?", re.DOTALL)


def failed_call(error: grpc.RpcError, endpoint: Endpoint, timeout: float | None) -> CallFailed:
    """Return what an error of gRPC, raised by an attempt that had ``timeout`` seconds, means."""
    # Typed as the exception, what is raised is a call too.
    call: Any = error
    if any(name == DETAILS_KEY for name, _ in call.trailing_metadata() or ()):
        return _refused(error_of(error, str(endpoint.address)), endpoint)
    details: str = call.details() or ""
    match call.code():
        case grpc.StatusCode.UNAVAILABLE if _CROWDED in details:
            crowded = Overloaded(
                f"{endpoint.address} has more calls than it takes in; try again shortly",
                retry_after=_CROWDED_SECONDS,
            )
            return CallFailed(crowded, Repeat.ALWAYS)
        case grpc.StatusCode.UNAVAILABLE:
            return _unreachable(details, endpoint)
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            given = "time" if timeout is None else f"the {timeout:.3g} s that were left"
            late = DeadlineExceeded(
                f"{endpoint.address} did not answer within {given}; allow more with timeout= of connect or "
                "vicinal.deadline(), or ask for less at once"
            )
            return CallFailed(late, Repeat.NEVER)
        case grpc.StatusCode.CANCELLED:
            # Not by this client, whose own cancelling ends the operation: a server that stops does it.
            broken_off = Unavailable(
                f"{endpoint.address} broke the call off before it was answered: {details}"
            )
            return CallFailed(broken_off, Repeat.IF_HARMLESS)
    return CallFailed(error_of(error, str(endpoint.address)), Repeat.NEVER)


def _refused(error: VicinalError, endpoint: Endpoint) -> CallFailed:
    """Return what an error of the server itself means."""
    if isinstance(error, Closed):
        # What was closed is its database. This client is open, and may reach the server that comes next.
        stopping = Unavailable(f"the server at {endpoint.address} is stopping: {error}")
        return CallFailed(stopping, Repeat.IF_HARMLESS)
    if error.retry_after is not None:
        return CallFailed(error, Repeat.ALWAYS)
    passing = isinstance(error, Unavailable) and not isinstance(error, DeadlineExceeded)
    return CallFailed(error, Repeat.IF_HARMLESS if passing else Repeat.NEVER)


def _unreachable(details: str, endpoint: Endpoint) -> CallFailed:
    address, speaks_tls = endpoint.address, endpoint.credentials is not None
    last = _LAST_ERROR.fullmatch(details)
    reason = last["reason"] if last else details
    repeat = Repeat.ALWAYS if details.startswith(_UNSENT) else Repeat.IF_HARMLESS
    if "handshake failed" in reason.lower():
        remedy = (
            "the server does not speak TLS there: leave tls out"
            if "WRONG_VERSION_NUMBER" in reason
            else "pass tls=vicinal.Tls(ca=...) with the authority that signed the server's certificate, and "
            "connect by a name that is in it"
        )
        failed = Unavailable(f"the TLS handshake with {address} failed: {reason}; {remedy}")
        return CallFailed(failed, Repeat.NEVER)
    if repeat is Repeat.ALWAYS and reason == "Socket closed":
        remedy = "ask for a certificate of the client: pass vicinal.Tls(cert=..., key=...)"
        if not speaks_tls:
            remedy = "speak TLS: pass tls="
        closed = Unavailable(
            f"cannot reach {address}: it closed the connection where a TLS handshake would come; it may "
            f"{remedy}"
        )
        return CallFailed(closed, repeat)
    return CallFailed(
        Unavailable(f"cannot reach {address}: {reason}; is `vicinal serve` running there?"), repeat
    )
