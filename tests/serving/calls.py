"""Raw calls, and all that a caller gets to see of their outcome."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from serving.rpcs import Rpc

STATUS_DETAILS = "grpc-status-details-bin"
Metadata = tuple[tuple[str, str | bytes], ...]
Detail = TypeVar("Detail", bound=Message)


@dataclass(frozen=True)
class Outcome:
    """How a call ended: everything of it that the caller receives, without the request's own id."""

    code: grpc.StatusCode
    message: str = ""
    status: status_pb2.Status = field(default_factory=status_pb2.Status)
    trailers: Metadata = ()
    responses: tuple[Message, ...] = ()

    @property
    def ok(self) -> bool:
        return self.code is grpc.StatusCode.OK

    @property
    def reason(self) -> str:
        """The reason of its ErrorInfo, empty when there is none."""
        info = self.detail(error_details_pb2.ErrorInfo)
        return "" if info is None else info.reason

    @property
    def retry_after(self) -> float | None:
        """The seconds of its RetryInfo, None when there is none."""
        info = self.detail(error_details_pb2.RetryInfo)
        return None if info is None else info.retry_delay.ToTimedelta().total_seconds()

    def detail(self, kind: type[Detail]) -> Detail | None:
        """Return the detail of one kind."""
        for packed in self.status.details:
            if packed.Is(kind.DESCRIPTOR):
                message = kind()
                packed.Unpack(message)
                return message
        return None

    def seen(self, *names: str) -> tuple[object, ...]:
        """Return what can be compared: code, message, details and trailers, with ``names`` blotted out."""
        status = self.status.SerializeToString(deterministic=True)
        texts = [self.message.encode(), status, repr(self.trailers).encode()]
        for name in names:
            # Names of one length, so that the lengths inside the message stay equal.
            texts = [text.replace(name.encode(), b"?" * len(name)) for text in texts]
        return self.code, *texts


def call(
    channel: grpc.Channel,
    rpc: Rpc,
    request: Message | bytes,
    key: str | None = None,
    *,
    metadata: Metadata = (),
    timeout: float = 30,
) -> Outcome:
    """Send one request and return how the call ended."""
    if isinstance(request, Message):
        request = request.SerializeToString()
    if key is not None:
        metadata = (*metadata, ("authorization", f"Bearer {key}"))
    received: list[bytes] = []
    try:
        if rpc.streams:
            stream = channel.unary_stream(rpc.path)(request, timeout=timeout, metadata=metadata)
            received.extend(stream)
            trailers = stream.trailing_metadata()
        else:
            response, done = channel.unary_unary(rpc.path).with_call(
                request, timeout=timeout, metadata=metadata
            )
            received.append(response)
            trailers = done.trailing_metadata()
    except grpc.RpcError as error:
        return _failed(rpc, error, received)
    return Outcome(grpc.StatusCode.OK, trailers=_plain(trailers), responses=_parsed(rpc, received))


def _failed(rpc: Rpc, error: grpc.RpcError, received: list[bytes]) -> Outcome:
    status = status_pb2.Status()
    for name, value in error.trailing_metadata() or ():
        if name == STATUS_DETAILS:
            status.ParseFromString(value)
    details = list(status.details)
    status.ClearField("details")
    message = error.details() or ""
    for packed in details:
        if packed.Is(error_details_pb2.RequestInfo.DESCRIPTOR):
            info = error_details_pb2.RequestInfo()
            packed.Unpack(info)
            if not info.request_id:
                status.details.append(packed)
                continue
            message = message.replace(info.request_id, "REQUEST")
            status.message = status.message.replace(info.request_id, "REQUEST")
            info.ClearField("request_id")
            packed.Pack(info)
        status.details.append(packed)
    trailers = _plain(error.trailing_metadata())
    return Outcome(error.code(), message, status, trailers, _parsed(rpc, received))


def _plain(trailers: Iterable[tuple[str, str | bytes]] | None) -> Metadata:
    return tuple((name, value) for name, value in trailers or () if name != STATUS_DETAILS)


def _parsed(rpc: Rpc, received: Iterable[bytes]) -> tuple[Message, ...]:
    return tuple(rpc.response.FromString(response) for response in received)
