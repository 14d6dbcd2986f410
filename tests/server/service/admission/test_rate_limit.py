"""A bucket of calls for each key, with a clock that the test turns."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal import InvalidArgument
from vicinal.server.service.admission.rate_limit import RateLimiter, TenantRates


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_second_of_calls_passes_at_once_and_no_more() -> None:
    clock = Clock()
    limiter = RateLimiter(10, clock)
    assert [limiter.take("a") for _ in range(10)] == [None] * 10
    assert limiter.take("a") == pytest.approx(0.1)
    clock.now += 0.05
    assert limiter.take("a") == pytest.approx(0.05)
    clock.now += 0.05
    assert limiter.take("a") is None
    assert limiter.take("a") is not None


def test_a_call_that_comes_when_it_was_told_to_passes() -> None:
    clock = Clock()
    limiter = RateLimiter(3, clock)
    for _ in range(100):
        wait = limiter.take("a")
        if wait is not None:
            clock.now += wait
            assert limiter.take("a") is None


def test_a_refused_call_takes_nothing() -> None:
    clock = Clock()
    limiter = RateLimiter(1, clock)
    assert limiter.take("a") is None
    for _ in range(50):
        assert limiter.take("a") == pytest.approx(1.0)


def test_keys_do_not_share() -> None:
    limiter = RateLimiter(1, Clock())
    assert limiter.take("a") is None
    assert limiter.take("b") is None
    assert limiter.take("a") is not None


def test_less_than_a_call_a_second() -> None:
    clock = Clock()
    limiter = RateLimiter(0.1, clock)
    assert limiter.take("a") is None
    assert limiter.take("a") == pytest.approx(10.0)
    clock.now += 10.0
    assert limiter.take("a") is None


def test_no_limit() -> None:
    limiter = RateLimiter(None, Clock())
    assert {limiter.take("a") for _ in range(10_000)} == {None}


@given(st.integers(1, 50), st.lists(st.floats(0, 0.5), max_size=200))
def test_no_stretch_of_time_lets_more_pass_than_it_may(rate: int, pauses: list[float]) -> None:
    clock = Clock()
    limiter = RateLimiter(rate, clock)
    passed = []
    for pause in pauses:
        clock.now += pause
        if limiter.take("a") is None:
            passed.append(clock.now)
    for i, start in enumerate(passed):
        for j in range(i, len(passed)):
            assert j - i + 1 <= rate * (1 + passed[j] - start) + 1e-6


def test_many_threads_get_no_more_than_one() -> None:
    limiter = RateLimiter(500, Clock())
    passed = []

    def call() -> None:
        for _ in range(200):
            if limiter.take("a") is None:
                passed.append(1)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 500


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_lets_nothing_pass(rate: float) -> None:
    with pytest.raises(InvalidArgument, match="above 0"):
        RateLimiter(rate)


def test_tenants_have_a_bucket_each_and_a_rate_of_their_own() -> None:
    clock = Clock()
    rates = TenantRates(clock)
    assert [rates.take("c", "ada", 5) for _ in range(5)] == [None] * 5
    assert rates.take("c", "ada", 5) == pytest.approx(0.2)
    assert rates.take("other", "ada", 5) is None
    assert rates.take("c", "ben", 0.5) is None
    assert rates.take("c", "ben", 0.5) == pytest.approx(2.0)
    # Another quota holds from the next call on: what is owed for is calls, and no more than a bucket has.
    assert rates.take("c", "ben", 0.1) == pytest.approx(10.0)
    assert [rates.take("c", "ben", 2) for _ in range(2)] == [None, pytest.approx(0.5)]
    assert rates.take("c", "ada", 0.5) == pytest.approx(2.0)
    clock.now += 0.2
    assert rates.take("c", "ada", 5) is None


def test_a_tenant_that_was_told_to_wait_for_days_is_let_in_once_it_may() -> None:
    rates = TenantRates(Clock())
    assert rates.take("c", "ada", 1e-6) is None
    assert rates.take("c", "ada", 1e-6) == pytest.approx(1e6)
    assert [rates.take("c", "ada", 1000) for _ in range(1000)] == [None] * 999 + [pytest.approx(0.001)]


def test_buckets_that_are_full_are_forgotten() -> None:
    clock = Clock()
    rates = TenantRates(clock)
    for number in range(20_000):
        assert rates.take("c", f"tenant-{number}", 10) is None
        clock.now += 0.01
    assert len(rates._buckets._full_at) <= 2 * 1024
