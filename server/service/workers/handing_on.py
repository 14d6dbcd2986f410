"""Calls that a worker hands on to the writer, as the bytes they came as, and what it answers.

The writer asks again who calls, and what that caller may do: the key travels along, over a socket that no
other user of the machine can reach. Deadline and cancellation travel too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import RequestInfo
from google.rpc.status_pb2 import Status

from ....engine.errors import DeadlineExceeded, NotFound, Unavailable
from ....engine.progress import Progress
from ....proto.v1 import collections_pb2
from ...wire.infos import put_audited
from ...wire.methods import METHODS, Method
from ...wire.statuses import DETAILS_KEY
from ..access.principal import Right
from ..access.rights import RULES
from ..admission.receiving import CallerGone
from ..admission.refusals import not_ready
from ..calls.call import Call
from ..calls.call_log import CallLog
from ..calls.handed_back import HandedBack
from ..calls.long_work import LongWork
from ..calls.rpc import Handler, Rpc
from ..calls.runtime import Runtime
from ..handlers.collections import visible_info

if TYPE_CHECKING:
    from ..calls.rpc import GrpcHandler

# What says what background work is doing, which the process knows that does it.
_ABOUT_THE_WRITER = frozenset(
    {
        "/vicinal.v1.CollectionService/GetCollectionInfo",
        "/vicinal.v1.DatabaseService/GetDatabaseInfo",
    }
)
# Who calls, and what tools name a call by.
_HEADERS = frozenset({"authorization", "x-api-key", "x-request-id"})
_CONNECT_SECONDS = 10.0
_LONGEST_SECONDS = 1e9
_CHANNEL_OPTIONS = (
    # What a worker took, the writer takes; what the writer answers, its caller gets.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
)


def is_handed_on(path: str) -> bool:
    """Return whether an RPC is the writer's: what changes or tends something, and what asks about that."""
    return RULES[path].right > Right.READ or path in _ABOUT_THE_WRITER


class WriterLine:
    """The connection to the writer, as long as there is one. Thread-safe.

    Parameters
    ----------
    socket : Path
        Where the writer listens.
    """

    def __init__(self, socket: Path) -> None:
        self._target = f"unix:{socket}"
        self._channel: grpc.Channel | None = None

    @property
    def is_up(self) -> bool:
        """Whether calls can be handed on."""
        return self._channel is not None

    def connect(self) -> None:
        """Connect to the writer, which has just begun to let calls in."""
        channel = grpc.insecure_channel(self._target, _CHANNEL_OPTIONS)
        try:
            grpc.channel_ready_future(channel).result(_CONNECT_SECONDS)
        except grpc.FutureTimeoutError:
            # It ended at once; the next one is connected to when it is there.
            channel.close()
            return
        self.hang_up()
        self._channel = channel

    def hang_up(self) -> None:
        """Let go of a writer that ended."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def begin(self, start: Callable[[Any], Any]) -> Any:
        """Return what ``start`` begins on the channel; raise NotReady where there is no writer."""
        # ValueError is how gRPC says that the channel was closed, just now.
        with suppress(ValueError):
            if self._channel is not None:
                return start(self._channel)
        raise not_ready("the server's writer is being started again")


def handed_on_handlers(runtime: Runtime, log: CallLog, line: WriterLine) -> dict[str, GrpcHandler]:
    """Return what gRPC serves, by path: every RPC that is handed on."""
    found = {}
    for path, method in METHODS.items():
        if is_handed_on(path):
            handle = _stream(line, method) if method.streams else _unary(line, method)
            found[path] = _HandedOnRpc(runtime, log, _raw(method), RULES[path], handle).handler()
    return found


class _RawMessage(Message):
    """A request as its bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data


class _RawMethod(Method):
    """An RPC whose request the writer parses."""

    __slots__ = ()

    def parse(self, data: bytes) -> Message:
        """Return the request as it came."""
        return _RawMessage(data)


def _raw(method: Method) -> Method:
    return _RawMethod(method.path, method.request, method.response, method.streams, method.parts)


class _HandedOnRpc(Rpc):
    """As :class:`Rpc`, for a message that is neither parsed nor worked on here."""

    _copies = 1


def _audited_here(call: Call, data: bytes) -> bytes:
    """Return what this process found that audits searches: the writer makes none."""
    request = collections_pb2.GetCollectionInfoRequest.FromString(data)
    found = collections_pb2.GetCollectionInfoResponse()
    # One may be dropped after the writer told of it.
    with suppress(NotFound):
        collection = call.collection(request.collection, request.collection_uuid)
        put_audited(found.info, visible_info(call, collection))
    return found.SerializeToString()


# What a worker adds to the writer's answer: messages are joined by joining their bytes.
_ADDED: dict[str, Callable[[Call, bytes], bytes]] = {
    "/vicinal.v1.CollectionService/GetCollectionInfo": _audited_here
}


def _unary(line: WriterLine, method: Method) -> Handler:
    added = _ADDED.get(method.path)

    def hand_on(call: Call, request: _RawMessage) -> bytes:
        terms = _terms(call)
        attempt = line.begin(lambda channel: channel.unary_unary(method.path).future(request.data, **terms))
        if not call.context.add_callback(attempt.cancel):
            attempt.cancel()
        try:
            answer: bytes = attempt.result()
        except (grpc.RpcError, grpc.FutureCancelledError) as error:
            raise _ended(call, error) from None
        return answer if added is None else answer + added(call, request.data)

    return hand_on


def _stream(line: WriterLine, method: Method) -> Handler:
    has_last = len(method.response.DESCRIPTOR.fields) > 1

    def hand_on(call: Call, request: _RawMessage) -> LongWork:
        terms = _terms(call)
        attempt = line.begin(lambda channel: channel.unary_stream(method.path)(request.data, **terms))
        if not call.context.add_callback(attempt.cancel):
            attempt.cancel()

        def follow(progress: Progress) -> Any:
            last = None
            try:
                for data in attempt:
                    response: Any = method.response.FromString(data)
                    if response.HasField("progress"):
                        progress(response.progress.stage, response.progress.fraction)
                    else:
                        last = response
            except grpc.RpcError as error:
                raise _ended(call, error) from None
            return last

        return LongWork(follow, _report(method), _same if has_last else None)

    return hand_on


def _report(method: Method) -> Any:
    response: Any = method.response
    return lambda stage, fraction: response(progress={"stage": stage, "fraction": fraction})


def _same(response: Message) -> Message:
    return response


def _terms(call: Call) -> dict[str, Any]:
    headers = [(name, value) for name, value in call.context.invocation_metadata() if name in _HEADERS]
    left = call.deadline.remaining()
    # gRPC takes a time that it cannot count for one that is over.
    return {"timeout": None if left is None or left > _LONGEST_SECONDS else left, "metadata": headers}


def _ended(call: Call, error: Any) -> Exception:
    """Return what a call fails with that failed at the writer, or on its way there."""
    if call.is_gone():
        return CallerGone()
    if isinstance(error, grpc.FutureCancelledError):
        return _writer_ended()
    code, trailers = error.code(), error.trailing_metadata() or ()
    details = next((value for name, value in trailers if name == DETAILS_KEY), None)
    if details is not None:
        return HandedBack(_AsItCame(code, error.details(), details), _request_id(details))
    match code:
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return DeadlineExceeded("the time was over before the server's writer had answered")
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.CANCELLED:
            return _writer_ended()
    failure: Exception = error
    return failure


def _writer_ended() -> Unavailable:
    # Without a hint to come again, which would say that nothing was done.
    return Unavailable("the server's writer ended while it worked on the call, which it may have done or not")


class _AsItCame(grpc.Status):
    """A status with the details that another process put into it."""

    def __init__(self, code: grpc.StatusCode, message: str | None, details: bytes) -> None:
        self.code = code
        self.details = message or ""
        self.trailing_metadata = ((DETAILS_KEY, details),)


def _request_id(details: bytes) -> str:
    status, info = Status.FromString(details), RequestInfo()
    packed: Iterable[Any] = status.details
    return next((info.request_id for detail in packed if detail.Unpack(info)), "")
