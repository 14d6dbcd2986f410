"""Receiving the one message of a call, from callers that may be slow or silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import grpc

from ....engine.errors import InvalidArgument
from .refusals import overloaded

_SMALLEST_ROUND = 0.05
_LARGEST_ROUND = 0.1
# A message that was sent with its headers is there at once, however busy the server is.
_SILENT_SECONDS = 0.1


class Sender(Protocol):
    """A call whose message is waited for, as gRPC has it: a handler's context, or what that is made of."""

    def cancel(self) -> Any:
        """End the call."""

    def peer(self) -> str | bytes:
        """Return the connection that it came by."""


# Until when, which call, and whose.
_Waiting = tuple[float, Sender, str]


class CallerGone(Exception):
    """Nobody waits for an answer any more."""


class MessageAhead(Iterator[bytes]):
    """The one message of a call that has come, in the place of gRPC's stream of them.

    Attributes
    ----------
    started : float
        When the call came.
    is_running : bool
        Whether the call has been counted among the running ones, for whoever works on it to end.
    """

    __slots__ = ("_message", "is_running", "started")

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.is_running = False
        self._message: bytes | None = None

    def put(self, message: bytes | None) -> None:
        """Take the message; None where the stream ended without one."""
        self._message = message

    def __next__(self) -> bytes:
        message, self._message = self._message, None
        if message is None:
            raise StopIteration
        return message


class Receiving:
    """Calls that wait for their caller, and the watchdog that ends those who let it wait too long.

    gRPC gives a thread that waits for a message no timeout; cancelling its call wakes it. The same watchdog
    ends callers that do not take a large answer.

    Parameters
    ----------
    most : int
        How many calls may wait for their message at a time; those of one key at most half of them.
    seconds : float
        How long each may wait.
    tell_silent : callable
        Told, again and again, how many have waited for longer than any message takes that is on its way.
    """

    def __init__(self, most: int, seconds: float, tell_silent: Callable[[int], None]) -> None:
        self._tell_silent = tell_silent
        self._most = most
        self._seconds = seconds
        # By the identity of the call. One operation on a dict is atomic, so that no call takes a lock here.
        self._receiving: dict[int, _Waiting] = {}
        self._sending: dict[int, _Waiting] = {}
        self._closing = threading.Event()
        # The own time of the watchdog: a pause of the whole process, when nobody could send, hardly counts.
        self._now = 0.0
        self._thread = threading.Thread(target=self._watch, name="vicinal-watchdog", daemon=True)
        self._thread.start()

    @property
    def receiving(self) -> int:
        """Calls whose message has not come yet."""
        return len(self._receiving)

    def receive(
        self, messages: Iterator[bytes], context: grpc.ServicerContext, who: str, most: int | None = None
    ) -> bytes:
        """Return the first message of a call.

        Parameters
        ----------
        messages : iterator of bytes
        context : grpc.ServicerContext
        who : str
            The key of the caller; empty for anonymous ones, of whom each connection counts as one.
        most : int, optional
            For how many calls of this caller it may wait, half of all when it is left out.

        Raises
        ------
        CallerGone
            The call was cancelled, took too long, or its message was refused as too large.
        InvalidArgument
            The caller ended its stream without a message.
        ResourceExhausted
            Too many calls wait already.
        """
        if most is not None or len(self._receiving) >= self._most // 2:
            self._check_share(who or _peer(context), most or self._most // 2)
        key = id(context)
        self._receiving[key] = self._now + self._seconds, context, who
        try:
            return first_of(messages, context)
        finally:
            del self._receiving[key]

    def expect(self, sender: Sender, who: str) -> bool:
        """Begin to wait for a message; :meth:`came` must follow. False where many are waited for already."""
        if len(self._receiving) >= self._most // 2:
            return False
        self._receiving[id(sender)] = self._now + self._seconds, sender, who
        return True

    def came(self, sender: Sender) -> None:
        """Say that the message has come, or never will."""
        del self._receiving[id(sender)]

    def watch_sending(self, context: grpc.ServicerContext) -> None:
        """End a call if it is still there after the time; :meth:`sent` must follow when it ends."""
        self._sending[id(context)] = self._now + self._seconds, context, ""

    def sent(self, context: grpc.ServicerContext) -> None:
        """Say that a call which was watched has ended."""
        self._sending.pop(id(context), None)

    def close(self) -> None:
        """Stop watching."""
        self._closing.set()
        self._thread.join()

    def _check_share(self, who: str, most: int) -> None:
        waiting = list(self._receiving.values())
        if len(waiting) >= self._most:
            raise overloaded(f"the server waits for the messages of {self._most} calls already")
        same = sum((other or _peer(sender)) == who for _, sender, other in waiting)
        if same >= most:
            raise overloaded(f"the server waits for the messages of {same} calls of this caller already")

    def _count_silent(self) -> int:
        begun = self._now - _SILENT_SECONDS + self._seconds
        return sum(deadline <= begun for deadline, _, _ in list(self._receiving.values()))

    def _watch(self) -> None:
        pause = min(_LARGEST_ROUND, max(_SMALLEST_ROUND, self._seconds / 8))
        woken = time.monotonic()
        while not self._closing.wait(pause):
            before, woken = woken, time.monotonic()
            self._now += min(woken - before, 2 * pause)
            self._tell_silent(self._count_silent())
            for calls in (self._receiving, self._sending):
                for deadline, sender, _ in list(calls.values()):
                    if self._now > deadline:
                        sender.cancel()


def first_of(messages: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    """Return the first message of a call; raise as :meth:`Receiving.receive` where there is none."""
    try:
        return next(messages)
    except StopIteration:
        pass
    except grpc.RpcError as error:
        raise CallerGone from error
    if not context.is_active():
        raise CallerGone
    raise InvalidArgument("the call has no message; it takes exactly one")


def _peer(sender: Sender) -> str:
    peer = sender.peer()
    return peer if isinstance(peer, str) else peer.decode()
