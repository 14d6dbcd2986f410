"""Drives operations from one event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio

from ....engine.errors import FailedPrecondition
from ..calls.call import Answer, CallFailed, Operation, Pause, Step, StreamAttempt
from ..calls.failed_calls import failed_call
from ..endpoint.channel_options import CHANNEL_OPTIONS
from ..endpoint.endpoint import Endpoint


class AsyncDriver:
    """One channel, which any number of tasks of one event loop may use at the same time.

    It belongs to the loop that uses it first. It connects then, and again whenever the connection is lost.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._closed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        # The stubs of gRPC know no calls whose messages are bytes.
        self._channel: Any = None
        self._calls: dict[str, Any] = {}

    async def run(self, operation: Operation[Answer]) -> Answer:
        """Carry out an operation and return its answer."""
        resume: Any = operation.send
        value: Any = None
        while True:
            try:
                step = resume(value)
            except StopIteration as done:
                answer: Answer = done.value
                return answer
            try:
                value = await self._perform(step)
                resume = operation.send
            except CallFailed as failure:
                value = failure
                resume = operation.throw

    async def close(self) -> None:
        """Close the channel; calls that are under way fail."""
        self._closed.set()
        if self._channel is not None:
            await self._channel.close()

    async def _perform(self, step: Step) -> Any:
        channel = self._open()
        if isinstance(step, Pause):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), step.seconds)
            return None
        try:
            if isinstance(step, StreamAttempt):
                return await self._receive(channel, step)
            call = self._calls.get(step.path)
            if call is None:
                call = self._calls[step.path] = channel.unary_unary(step.path)
            return await call(step.request, timeout=step.timeout, metadata=self._endpoint.metadata)
        except grpc.RpcError as error:
            if self._closed.is_set():
                raise self._endpoint.closed() from None
            raise failed_call(error, self._endpoint, step.timeout) from None
        except asyncio.CancelledError:
            # Closing the channel cancels its calls; it is not the task that was cancelled.
            task = asyncio.current_task()
            if self._closed.is_set() and not (task is not None and task.cancelling()):
                raise self._endpoint.closed() from None
            raise

    async def _receive(self, channel: Any, step: StreamAttempt) -> None:
        call = channel.unary_stream(step.path)(
            step.request, timeout=step.timeout, metadata=self._endpoint.metadata
        )
        try:
            async for response in call:
                step.receive(response)
        finally:
            # Of a call that has ended this is nothing; of another the server learns that nobody waits.
            call.cancel()

    def _open(self) -> Any:
        """Return the channel; it is made by the first call, which decides for a loop."""
        if self._closed.is_set():
            raise self._endpoint.closed()
        loop = asyncio.get_running_loop()
        if self._channel is None:
            endpoint = self._endpoint
            target = str(endpoint.address)
            self._loop = loop
            self._channel = (
                grpc.aio.insecure_channel(target, CHANNEL_OPTIONS)
                if endpoint.credentials is None
                else grpc.aio.secure_channel(target, endpoint.credentials, CHANNEL_OPTIONS)
            )
        elif loop is not self._loop:
            raise FailedPrecondition(
                "this client was used in another event loop first and belongs to it; make one for each loop "
                "with vicinal.aconnect(...)"
            )
        return self._channel
