"""Limits that several processes count together, each process with a mapping of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from vicinal.engine.errors import LimitExceeded, ResourceExhausted
from vicinal.server.service.admission.rate_limit import OwnBuckets, RateLimiter
from vicinal.server.service.workers.shared_bounds import CALLS, MEMORY, SharedCalls, SharedMemory, Tallies
from vicinal.server.service.workers.shared_buckets import SharedBuckets

PLACES = 3


@pytest.fixture
def tallies(tmp_path: Path) -> Iterator[list[Tallies]]:
    """The same numbers, as so many processes have them mapped."""
    opened = [Tallies(tmp_path / "tallies", PLACES) for _ in range(PLACES)]
    yield opened
    for one in opened:
        one.close()


def test_calls_are_counted_together(tallies: list[Tallies]) -> None:
    calls = [SharedCalls(2, one, place) for place, one in enumerate(tallies)]
    for one in calls:
        one.open()
    calls[0].enter()
    calls[1].enter()
    for one in calls:
        with pytest.raises(ResourceExhausted, match="works on 2 calls"):
            one.check()
        with pytest.raises(ResourceExhausted, match="works on 2 calls"):
            one.enter()
    assert [one.running for one in calls] == [1, 1, 0]
    calls[0].leave()
    calls[2].enter()
    assert tallies[0].total(CALLS) == 2
    # The process of place 2 ended, with its call.
    tallies[0].wipe(2)
    calls[0].enter()


def test_memory_is_counted_together(tallies: list[Tallies]) -> None:
    memory = [SharedMemory(100, one, place) for place, one in enumerate(tallies)]
    memory[0].take(60)
    with pytest.raises(ResourceExhausted, match="max-memory-mb") as refused:
        memory[1].take(50)
    assert refused.value.retry_after is not None
    with pytest.raises(LimitExceeded):
        memory[1].take(101)
    memory[1].take(40)
    memory[0].give_back(60)
    memory[2].take(60)
    assert tallies[1].total(MEMORY) == 100


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_buckets_in_a_file_let_pass_what_one_process_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    files = [SharedBuckets(tmp_path / "buckets") for _ in range(3)]
    alone, shared = OwnBuckets(clock), [RateLimiter(4.0, buckets=one) for one in files]
    for step in range(400):
        clock.now += (step % 7) * 0.02
        name = f"key-{step % 5}"
        expected = alone.take(name, 0.25)
        assert shared[step % 3].take(name) == pytest.approx(expected, abs=1e-6)
    for one in files:
        one.close()


def test_names_beyond_the_places_of_their_set_begin_with_a_full_bucket(tmp_path: Path) -> None:
    buckets = SharedBuckets(tmp_path / "buckets")
    # Of so many names, some sets get more than they have places for.
    for number in range(60_000):
        assert buckets.take(number, 1.0) is None
    buckets.close()


def take_calls(path: Path, calls: int) -> int:
    buckets = SharedBuckets(path)
    try:
        return sum(buckets.take("key", 1e9) is None for _ in range(calls))
    finally:
        buckets.close()


def test_processes_that_take_at_once_take_each_call_once(tmp_path: Path) -> None:
    """A call that comes back after so long that it never does: one is let pass, whoever asks."""
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        taken = pool.starmap(take_calls, [(tmp_path / "buckets", 2_000)] * 3)
    assert sum(taken) == 1
