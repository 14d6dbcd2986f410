"""Drives operations from threads that wait."""

from __future__ import annotations

import os
import threading
from typing import Any

import grpc

from ..calls.call import Answer, CallFailed, Operation, Pause, Step, StreamAttempt
from ..calls.failed_calls import failed_call
from ..endpoint.channel_options import CHANNEL_OPTIONS
from ..endpoint.endpoint import Endpoint


class BlockingDriver:
    """One channel, which any number of threads may use at the same time.

    It connects when it is first used and again whenever the connection is lost. In a process that was
    forked from the one that made it, it opens a channel of its own.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._closed = threading.Event()
        self._lock = threading.Lock()
        # Channels of the process this one was forked from: closing them here would disturb it.
        self._inherited: list[Any] = []
        self._open()

    def run(self, operation: Operation[Answer]) -> Answer:
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
                value = self._perform(step)
                resume = operation.send
            except CallFailed as failure:
                value = failure
                resume = operation.throw

    def close(self) -> None:
        """Close the channel; calls that are under way fail."""
        self._closed.set()
        self._channel.close()

    def _open(self) -> None:
        endpoint = self._endpoint
        target = str(endpoint.address)
        # The stubs of gRPC know no calls whose messages are bytes.
        self._channel: Any = (
            grpc.insecure_channel(target, CHANNEL_OPTIONS)
            if endpoint.credentials is None
            else grpc.secure_channel(target, endpoint.credentials, CHANNEL_OPTIONS)
        )
        self._calls: dict[str, Any] = {}
        self._process = os.getpid()

    def _perform(self, step: Step) -> Any:
        if self._closed.is_set():
            raise self._endpoint.closed()
        if self._process != os.getpid():
            self._open_after_fork()
        if isinstance(step, Pause):
            self._closed.wait(step.seconds)
            return None
        try:
            if isinstance(step, StreamAttempt):
                return self._receive(step)
            call = self._calls.get(step.path)
            if call is None:
                call = self._calls[step.path] = self._channel.unary_unary(step.path)
            return call(step.request, timeout=step.timeout, metadata=self._endpoint.metadata)
        except grpc.RpcError as error:
            if self._closed.is_set():
                raise self._endpoint.closed() from None
            raise failed_call(error, self._endpoint, step.timeout) from None
        except ValueError:
            # How gRPC says that the channel was closed, by another thread just now.
            if self._closed.is_set():
                raise self._endpoint.closed() from None
            raise

    def _receive(self, step: StreamAttempt) -> None:
        call = self._channel.unary_stream(step.path)(
            step.request, timeout=step.timeout, metadata=self._endpoint.metadata
        )
        try:
            for response in call:
                step.receive(response)
        finally:
            # Of a call that has ended this is nothing; of another the server learns that nobody waits.
            call.cancel()

    def _open_after_fork(self) -> None:
        with self._lock:
            if self._process != os.getpid():
                self._inherited.append(self._channel)
                self._open()
