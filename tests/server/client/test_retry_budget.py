"""How many refused calls are sent again, by one client as a whole."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from serving.toy_server import toy_server

import vicinal
from vicinal.engine.errors import DeadlineExceeded, ResourceExhausted, Unavailable
from vicinal.server.client.calls.call import CallFailed, Operation, Pause, Repeat
from vicinal.server.client.calls.caller import Caller
from vicinal.server.client.calls.retry_budget import RetryBudget
from vicinal.server.client.calls.retry_policy import RetryPolicy
from vicinal.server.wire.methods import METHODS
from vicinal.server.wire.statuses import to_status

COUNT = METHODS["/vicinal.v1.PointService/CountPoints"]
BURST, A_SECOND = 50, 10
BUSY = CallFailed(ResourceExhausted("busy", retry_after=0.1), Repeat.ALWAYS)
GONE = CallFailed(Unavailable("gone"), Repeat.ALWAYS)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def refused(operation: Operation[bytes], failure: CallFailed) -> list[float]:
    """Fail every attempt of a call; return the pauses between them."""
    pauses: list[float] = []
    step = next(operation)
    try:
        while True:
            if isinstance(step, Pause):
                pauses.append(step.seconds)
                step = operation.send(None)
            else:
                step = operation.throw(failure)
    except type(failure.error):
        return pauses


def answered(operation: Operation[bytes]) -> None:
    next(operation)
    with pytest.raises(StopIteration):
        operation.send(b"")


def test_a_burst_is_repeated_and_then_few_calls_are() -> None:
    clock = Clock()
    caller = Caller(60.0, RetryPolicy(), clock=clock, chance=lambda: 1.0)
    calls = 400
    pauses = [refused(caller.call(COUNT, b"", harmless=True), BUSY) for _ in range(calls)]
    made = sum(map(len, pauses))
    # The burst, and what is put off for 5 s at most. Without a budget there would be 4 for each call.
    assert made == BURST + 5 * A_SECOND
    assert [len(some) for some in pauses[:12]] == [4] * 12
    assert all(seconds <= 6.0 for some in pauses for seconds in some)
    # No sooner than the server asked for, and later the more there are.
    assert all(seconds >= 0.1 for some in pauses for seconds in some)
    clock.now += 100.0
    assert len(refused(caller.call(COUNT, b"", harmless=True), BUSY)) == 4


def test_answers_pay_for_repetitions() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    while budget.take() == 0.0:
        pass
    budget.give_back()
    for _ in range(40):
        budget.answered()
    paid = [budget.take() for _ in range(4)]
    assert paid == pytest.approx([0.0] * 4, abs=0.11)
    assert (budget.take() or 0.0) > 0.0


def test_a_server_that_is_away_is_looked_for_without_end() -> None:
    """What reaches no server loads none: a restart may be ridden out by any number of threads."""
    caller = Caller(60.0, RetryPolicy(), clock=Clock(), chance=lambda: 1.0)
    pauses = [refused(caller.call(COUNT, b"", harmless=True), GONE) for _ in range(400)]
    assert all(len(some) == 4 for some in pauses)


def test_calls_with_an_end_do_not_wait_beyond_it() -> None:
    clock = Clock()
    caller = Caller(0.25, RetryPolicy(), clock=clock, chance=lambda: 1.0)
    made = sum(len(refused(caller.call(COUNT, b"", harmless=True), BUSY)) for _ in range(300))
    assert BURST <= made <= BURST + 2
    # Repetitions that were not made are not paid for: those of a moment later need not wait for them.
    clock.now += 0.3
    assert len(refused(caller.call(COUNT, b"", harmless=True), BUSY)) == 1


def test_a_client_of_many_threads_adds_little_to_what_is_refused() -> None:
    """Over a socket: a server that refuses all sees each call once, and few of them again."""
    calls, began = 200, time.monotonic()

    def refuse(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort_with_status(to_status(ResourceExhausted("busy", retry_after=0.0), "r-1"))

    gate = threading.Barrier(20)
    with toy_server(ListCollections=refuse) as toy, vicinal.connect(toy.address, timeout=1.0) as db:

        def ask(number: int) -> None:
            if number < 20:
                gate.wait()
            # One whose last attempt begins as its time ends is late, and was sent all the same.
            with pytest.raises((ResourceExhausted, DeadlineExceeded)):
                db.collections()

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(ask, range(calls)))
        seen = len(toy.calls)
    # However long it took.
    seconds = 5.0 + time.monotonic() - began
    assert calls <= seen <= calls + BURST + A_SECOND * seconds
