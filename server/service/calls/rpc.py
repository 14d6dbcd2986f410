"""The way of every call through the server, from its headers to its status."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from ....engine.errors import ResourceExhausted, VicinalError
from ...wire.methods import Method
from ...wire.statuses import to_status
from ..access.authentication import current_principal
from ..access.principal import Principal
from ..access.rights import Rule
from ..admission.receiving import CallerGone, MessageAhead
from ..admission.refusals import Refusal
from .call import Call
from .call_log import CallLog
from .handed_back import HandedBack
from .long_work import LongRun, LongWork
from .runtime import Runtime

if TYPE_CHECKING:
    GrpcHandler = grpc.RpcMethodHandler[Any, Any]

Handler = Callable[[Call, Any], Message | bytes | LongWork]
"""Returns the answer, as a message or as the bytes of one, or the work that makes several."""

# What a message and its work take, as a multiple of it: the bytes, the parsed message, the columns.
_COPIES = 3
# The message of an answer and its bytes.
_ANSWER_COPIES = 2

_OK, _CANCELLED = grpc.StatusCode.OK.name, grpc.StatusCode.CANCELLED.name
_GONE = rpc_status.to_status(Status(code=grpc.StatusCode.CANCELLED.value[0], message="the caller is gone"))


class Rpc:
    """One RPC as gRPC serves it.

    Every RPC is served as one that takes a stream of requests, of which there is one: then this runs before
    the message is read. A caller who is refused sends in vain; one who is slow holds a thread at most.

    1. The door has found out who calls, and refused the call if there are too many of the key or of all.
    2. A right that is missing is told at once.
    3. The message is received, within a time; where that is safe, before this has a thread.
    4. The call takes a place among the running ones and the memory it is going to need.
    5. The handler looks at what the request names, and runs it under the caller's deadline.
    6. However it ends, everything is given back, counted and logged.

    Attributes
    ----------
    waits_in_line : bool
        Whether it is one of the reads of which few run at a time.
    """

    _copies = _COPIES

    def __init__(self, runtime: Runtime, log: CallLog, method: Method, rule: Rule, handle: Handler) -> None:
        self._runtime = runtime
        self._log = log
        self._method = method
        self._rule = rule
        self._handle = handle
        self.waits_in_line = rule.in_line

    def handler(self) -> GrpcHandler:
        """Return what gRPC calls; messages are bytes on both sides."""
        if self._method.streams:
            return grpc.stream_stream_rpc_method_handler(self._stream)
        return grpc.stream_unary_rpc_method_handler(self)

    def reads_ahead(self, caller: Principal | None) -> bool:
        """Return whether the message of a call may be received before the call has a thread to refuse it in.

        Not where the caller has no right to the call, and not where it may be refused for the disk.
        """
        if caller is None or self._rule.takes_disk or caller.right < self._rule.right:
            return False
        return self._rule.for_tenants or caller.tenants is None

    def __call__(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        """Answer a call of one answer."""
        call = Call(self._runtime, current_principal.get(), context)
        answer = b""
        try:
            request = self._begin(call, messages)
            with call.deadline.within():
                response = self._handle(call, request)
                if isinstance(response, bytes):
                    answer = response
                else:
                    assert isinstance(response, Message)
                    answer = response.SerializeToString()
                call.cover_memory(_ANSWER_COPIES * len(answer))
        except Exception as error:
            # Outlives the error, whose traceback would hold on to this frame and all that it names.
            status = self._failed(call, error)
            answer = b""
        else:
            self._ended(call, _OK)
            return answer
        finally:
            call.release(len(answer))
        context.abort_with_status(status)

    def _stream(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        call = Call(self._runtime, current_principal.get(), context)
        try:
            run = self._start(call, messages, context)
        except Exception as error:
            call.release()
            context.abort_with_status(self._failed(call, error))
        ended = False
        try:
            for message in run.messages():
                yield message.SerializeToString()
            ended = not call.is_gone()
        except Exception as error:
            ended = True
            context.abort_with_status(self._failed(call, error))
        finally:
            # Nobody asks for the next message of a caller who is gone; this generator is then just closed.
            if not ended:
                self._ended(call, _CANCELLED)
        if ended:
            self._ended(call, _OK)

    def _begin(self, call: Call, messages: Iterator[bytes]) -> Message:
        if isinstance(messages, MessageAhead):
            call.take_over(messages)
        call.admit(self._rule)
        call.is_counted = True
        received = call.receive(messages)
        call.take_memory(self._copies * len(received))
        return self._method.parse(received)

    def _start(self, call: Call, messages: Iterator[bytes], context: grpc.ServicerContext) -> LongRun:
        request = self._begin(call, messages)
        with call.deadline.within():
            work = self._handle(call, request)
            assert isinstance(work, LongWork)
            run = LongRun(work, context)
            # The work may outlive its caller, and holds what it holds until it has ended.
            run.start(ended=call.release)
        return run

    def _failed(self, call: Call, error: BaseException) -> grpc.Status:
        """Count and log a call that failed, and return the status it ends with."""
        if isinstance(error, HandedBack):
            self._ended(call, error.status.code.name, error.request_id)
            return error.status
        request_id = self._runtime.request_id()
        if isinstance(error, CallerGone):
            self._ended(call, _CANCELLED, request_id)
            return _GONE
        if isinstance(error, Refusal):
            self._runtime.metrics.refused(error.word)
        elif isinstance(error, MemoryError):
            error = ResourceExhausted("the machine has no memory left for this call; ask for less at a time")
        elif not isinstance(error, VicinalError):
            self._log.failed(request_id, self._method.path, error)
        status = to_status(error, request_id)
        self._ended(call, status.code.name, request_id)
        return status

    def _ended(self, call: Call, code: str, request_id: str = "") -> None:
        seconds = time.perf_counter() - call.started
        if call.is_counted:
            self._runtime.metrics.finish(self._method.path, code, seconds)
        if request_id or self._log.every_call:
            self._log.call(
                request_id or self._runtime.request_id(),
                self._method.path,
                call.principal.key_id,
                code,
                seconds,
            )
