"""Calls that are refused before they are sent, while the server refuses most of them."""

from __future__ import annotations

import random

import grpc
import pytest
from serving.toy_server import toy_server

import vicinal
from vicinal.engine.errors import Overloaded, ResourceExhausted
from vicinal.server.client.calls.call import CallFailed, Repeat
from vicinal.server.client.calls.throttle import Throttle
from vicinal.server.wire.statuses import to_status


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class BusyServer:
    """Answers ``capacity`` calls a second and has 64 places, for calls that a throttle lets through."""

    PLACES = 64

    def __init__(self, capacity: float) -> None:
        self.clock = Clock()
        self.throttle = Throttle(self.clock, random.Random(5).random)
        self.capacity = capacity
        self._taken = 0.0

    def offer(self, per_second: float, seconds: float) -> tuple[float, float]:
        """Make calls; return how many a second were sent and how many were let in, of the later half."""
        sent, let_in = [], []
        for number in range(int(per_second * seconds)):
            self.clock.now += 1.0 / per_second
            self._taken = max(0.0, self._taken - self.capacity / per_second)
            try:
                self.throttle.check()
            except CallFailed:
                self.throttle.refused()
                continue
            sent.append(number)
            if self._taken < self.PLACES:
                self._taken += 1.0
                let_in.append(number)
                self.throttle.answered()
            else:
                self.throttle.refused()
        half = per_second * seconds / 2
        return tuple(sum(n >= half for n in some) / (seconds / 2) for some in (sent, let_in))  # type: ignore[return-value]


def test_little_more_is_sent_than_is_let_in() -> None:
    server = BusyServer(1_000.0)
    sent, let_in = server.offer(4_000.0, 10.0)
    assert 1_100 <= sent <= 1_350
    assert let_in >= 900


def test_all_is_sent_where_nothing_is_refused() -> None:
    server = BusyServer(1_000.0)
    assert server.offer(900.0, 5.0)[0] == pytest.approx(900.0, abs=1.0)


def test_what_was_refused_is_forgotten() -> None:
    server = BusyServer(1_000.0)
    server.offer(4_000.0, 5.0)
    sent, let_in = server.offer(500.0, 10.0)
    assert sent == let_in == pytest.approx(500.0, abs=1.0)


def test_room_that_comes_is_found() -> None:
    server = BusyServer(500.0)
    server.offer(4_000.0, 5.0)
    server.capacity = 4_000.0
    assert server.offer(4_000.0, 30.0)[1] >= 3_900


def test_what_is_refused_here_may_come_again() -> None:
    throttle = Throttle(Clock(), lambda: 0.0)
    for _ in range(20):
        throttle.refused()
    with pytest.raises(CallFailed) as failed:
        throttle.check()
    assert isinstance(failed.value.error, Overloaded)
    assert failed.value.error.retry_after
    assert failed.value.repeat is Repeat.ALWAYS


def test_a_client_of_few_calls_is_never_kept_from_sending() -> None:
    server = BusyServer(0.0)
    assert server.offer(8.0, 20.0)[0] == pytest.approx(8.0, abs=0.5)


@pytest.mark.parametrize(("kind", "least", "most"), [(Overloaded, 10, 120), (ResourceExhausted, 400, 400)])
def test_only_want_of_room_keeps_calls_back(kind: type[ResourceExhausted], least: int, most: int) -> None:
    """A tenant that makes too many calls keeps no others of the same connection from being sent."""
    calls = 400

    def refuse(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort_with_status(to_status(kind("busy", retry_after=0.0), "r-1"))

    with toy_server(ListCollections=refuse) as toy, vicinal.connect(toy.address, retries=0) as db:
        for _ in range(calls):
            with pytest.raises(kind) as refused:
                db.collections()
            assert refused.value.retry_after is not None
        assert least <= len(toy.calls) <= most
