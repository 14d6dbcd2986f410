"""Whose calls are let in by several processes, each with a mapping of its own."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from vicinal.engine.errors import ResourceExhausted
from vicinal.server.service.workers.shared_arrivals import KeyCounts, SharedArrivals
from vicinal.server.service.workers.shared_bounds import Tallies

MOST, SPARE, PLACES = 16, 4, 3


@pytest.fixture
def arrivals(tmp_path: Path) -> Iterator[list[SharedArrivals]]:
    """Those of the processes of one server."""
    tallies = [Tallies(tmp_path / "tallies", PLACES) for _ in range(PLACES)]
    counts = [KeyCounts(tmp_path / "keys", PLACES) for _ in range(PLACES)]
    yield [SharedArrivals(MOST, SPARE, tallies[n], counts[n], n) for n in range(PLACES)]
    for one in (*tallies, *counts):
        one.close()


def let_in(arrivals: SharedArrivals, key: str) -> bool:
    try:
        arrivals.arrive(key)
    except ResourceExhausted:
        return False
    return True


def test_a_key_has_its_share_of_the_places_of_all_processes(arrivals: list[SharedArrivals]) -> None:
    first, second, third = arrivals
    assert all(let_in(first if n % 2 else second, "greedy") for n in range(MOST))
    assert not let_in(third, "greedy")
    # Where nobody has a call yet, too, one that has less than its share finds the spare places.
    assert [let_in(third, "modest") for _ in range(SPARE + 1)] == [True] * SPARE + [False]
    first.end("greedy")
    assert not let_in(third, "greedy")
    assert let_in(second, "modest")
    assert [one.total for one in arrivals] == [MOST // 2 - 1, MOST // 2 + 1, SPARE]


def test_silent_calls_of_another_process_hold_no_place(arrivals: list[SharedArrivals]) -> None:
    assert all(let_in(arrivals[0], "a") for _ in range(MOST))
    assert not let_in(arrivals[1], "a")
    arrivals[0].set_silent(3)
    assert [let_in(arrivals[1], "a") for _ in range(4)] == [True] * 3 + [False]


def test_more_keys_than_slots(arrivals: list[SharedArrivals]) -> None:
    arrivals[0].set_silent(2_000)
    for turn in range(2):
        keys = [f"{turn}-{number}" for number in range(600)]
        assert all(let_in(arrivals[0], key) for key in keys)
        for key in keys:
            arrivals[0].end(key)
    assert arrivals[0].total == 0


def test_who_sends_ten_times_as_much_is_refused_first(arrivals: list[SharedArrivals]) -> None:
    """The modest key is at one process, the greedy one at all, at four times what is answered."""
    rng = random.Random(0)
    running: list[tuple[SharedArrivals, str]] = []
    sent: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for step in range(4_000):
        key = "modest" if rng.random() < 1 / 11 else "greedy"
        where = arrivals[0] if key == "modest" else arrivals[rng.randrange(PLACES)]
        sent[key] += 1
        if let_in(where, key):
            running.append((where, key))
        else:
            refused[key] += 1
        if step % 4 == 0 and running:
            place, ended = running.pop(rng.randrange(len(running)))
            place.end(ended)
    assert refused["modest"] / sent["modest"] < 0.15
    assert refused["greedy"] / sent["greedy"] > 0.7
