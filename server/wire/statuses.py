"""Errors as ``google.rpc.Status`` and back: the one table of which error has which gRPC code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from ...engine import errors

DOMAIN = "vicinal"
"""The ``domain`` of every ``ErrorInfo`` that a server of this project sends."""

DETAILS_KEY = "grpc-status-details-bin"
# Trailing metadata is bounded to 8 KiB by default, and a message is in it three times.
_MAX_MESSAGE_BYTES = 1000
_MAX_FIELD_BYTES = 200

_CODES: dict[type[errors.VicinalError], tuple[grpc.StatusCode, str]] = {
    errors.VicinalError: (grpc.StatusCode.UNKNOWN, "VICINAL_ERROR"),
    errors.InvalidArgument: (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT"),
    errors.NotFound: (grpc.StatusCode.NOT_FOUND, "NOT_FOUND"),
    errors.Conflict: (grpc.StatusCode.ABORTED, "CONFLICT"),
    errors.AlreadyExists: (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS"),
    errors.LockedByAnotherProcess: (grpc.StatusCode.ABORTED, "LOCKED_BY_ANOTHER_PROCESS"),
    errors.Corruption: (grpc.StatusCode.DATA_LOSS, "CORRUPTION"),
    errors.Unavailable: (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE"),
    errors.DeadlineExceeded: (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
    errors.ResourceExhausted: (grpc.StatusCode.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"),
    errors.DiskFull: (grpc.StatusCode.RESOURCE_EXHAUSTED, "DISK_FULL"),
    errors.MapFull: (grpc.StatusCode.RESOURCE_EXHAUSTED, "MAP_FULL"),
    errors.LimitExceeded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"),
    errors.Overloaded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
    errors.QuotaExceeded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED"),
    errors.FailedPrecondition: (grpc.StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION"),
    # A server closes its database when it stops, and another may answer the next call.
    errors.Closed: (grpc.StatusCode.UNAVAILABLE, "CLOSED"),
    errors.ReadOnly: (grpc.StatusCode.FAILED_PRECONDITION, "READ_ONLY"),
    errors.UnindexedField: (grpc.StatusCode.FAILED_PRECONDITION, "UNINDEXED_FIELD"),
    errors.FormatTooNew: (grpc.StatusCode.FAILED_PRECONDITION, "FORMAT_TOO_NEW"),
    errors.NotADatabase: (grpc.StatusCode.FAILED_PRECONDITION, "NOT_A_DATABASE"),
    errors.Unauthenticated: (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
    errors.PermissionDenied: (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
}
_CLASS_OF_REASON = {reason: error_class for error_class, (_, reason) in _CODES.items()}

# For what does not come from a server of this project: a proxy, or gRPC itself on either side.
_CLASS_OF_CODE: dict[grpc.StatusCode, tuple[type[errors.VicinalError], str]] = {
    grpc.StatusCode.UNAVAILABLE: (errors.Unavailable, "cannot reach {address}: {details}"),
    grpc.StatusCode.CANCELLED: (errors.Unavailable, "the call of {address} was cancelled: {details}"),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        errors.DeadlineExceeded,
        "{address} did not answer in time: {details}",
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        errors.LimitExceeded,
        "more than one message to or from {address} may hold: {details}; ask for less in one call",
    ),
    grpc.StatusCode.UNIMPLEMENTED: (
        errors.FailedPrecondition,
        "the server at {address} is of another release, or no vicinal server: {details}",
    ),
    grpc.StatusCode.INVALID_ARGUMENT: (errors.InvalidArgument, "{address} refused the call: {details}"),
    grpc.StatusCode.OUT_OF_RANGE: (errors.InvalidArgument, "{address} refused the call: {details}"),
    grpc.StatusCode.NOT_FOUND: (errors.NotFound, "{address}: {details}"),
    grpc.StatusCode.ALREADY_EXISTS: (errors.AlreadyExists, "{address}: {details}"),
    grpc.StatusCode.ABORTED: (errors.Conflict, "{address} broke the call off: {details}"),
    grpc.StatusCode.DATA_LOSS: (errors.Corruption, "{address}: {details}"),
    grpc.StatusCode.FAILED_PRECONDITION: (errors.FailedPrecondition, "{address}: {details}"),
    grpc.StatusCode.UNAUTHENTICATED: (errors.Unauthenticated, "{address} wants a key: {details}"),
    grpc.StatusCode.PERMISSION_DENIED: (errors.PermissionDenied, "{address}: {details}"),
}
_UNEXPECTED = "the call of {address} failed ({code}): {details}"


def to_status(error: BaseException, request_id: str) -> grpc.Status:
    """Return what a call that failed ends with, for ``ServicerContext.abort_with_status``.

    Of an error that is no :class:`VicinalError` a caller learns the request id and nothing else.
    """
    status = Status()
    if isinstance(error, errors.VicinalError):
        code, reason = _row(error)
        status.message = _cut(str(error), _MAX_MESSAGE_BYTES)
        _describe(status, error, reason)
    else:
        code = grpc.StatusCode.INTERNAL
        status.message = f"internal error, request {request_id}"
    status.code = code.value[0]
    status.details.add().Pack(RequestInfo(request_id=request_id))
    return rpc_status.to_status(status)


def error_of(error: grpc.RpcError, address: str) -> errors.VicinalError:
    """Return the error that a server raised, or the one that tells why it could not be asked.

    Parameters
    ----------
    error : grpc.RpcError
        As a call of the synchronous or of the asyncio API raised it.
    address : str
        Who was called, for messages.

    Returns
    -------
    VicinalError
        Of the class that was raised there, with its message, ``field`` and ``retry_after``. The id of the
        request is a note on it.
    """
    # Typed as the exception, what is raised is a call too.
    call: Any = error
    code: grpc.StatusCode = call.code()
    details: str = call.details() or "no reason was given"
    status = _rich_status(call.trailing_metadata())
    if status is None or status.code != code.value[0]:
        error_class, words = _CLASS_OF_CODE.get(code, (errors.VicinalError, _UNEXPECTED))
        return error_class(words.format(address=address, details=details, code=code.name))
    return _described(status, code)


def _row(error: errors.VicinalError) -> tuple[grpc.StatusCode, str]:
    # A subclass of the caller's own counts as what it is derived from.
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)


def _describe(status: Status, error: errors.VicinalError, reason: str) -> None:
    info = ErrorInfo(reason=reason, domain=DOMAIN)
    if error.field is not None:
        field = _cut(error.field, _MAX_FIELD_BYTES)
        info.metadata["field"] = field
        violation = BadRequest.FieldViolation(field=field, description=status.message)
        status.details.add().Pack(BadRequest(field_violations=[violation]))
    if error.retry_after is not None:
        retry = RetryInfo()
        retry.retry_delay.FromNanoseconds(round(max(0.0, error.retry_after) * 1e9))
        status.details.add().Pack(retry)
    status.details.add().Pack(info)


def _described(status: Status, code: grpc.StatusCode) -> errors.VicinalError:
    info, retry, request = ErrorInfo(), RetryInfo(), RequestInfo()
    retry_after = None
    for detail in status.details:
        if detail.Unpack(retry):
            retry_after = retry.retry_delay.ToNanoseconds() / 1e9
        else:
            _ = detail.Unpack(info) or detail.Unpack(request)
    error_class = _CLASS_OF_REASON.get(info.reason) if info.domain == DOMAIN else None
    if error_class is None:
        # A reason of a newer server still has the code that its base has.
        matching = [kind for kind, (known, _) in _CODES.items() if known is code]
        error_class = matching[0] if matching else errors.VicinalError
    error = error_class(status.message, field=info.metadata.get("field"), retry_after=retry_after)
    if request.request_id:
        error.add_note(f"request {request.request_id}")
    return error


def _rich_status(metadata: Iterable[tuple[str, str | bytes]] | None) -> Status | None:
    for key, value in metadata or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return Status.FromString(value)
            except ValueError:
                return None
    return None


def _cut(text: str, most: int) -> str:
    data = text.encode(errors="backslashreplace")
    if len(data) <= most:
        return data.decode()
    return data[: most - 4].decode(errors="ignore") + " ..."
