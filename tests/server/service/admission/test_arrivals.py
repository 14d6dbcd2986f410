"""How many calls are let in, and whose, when there are more than places."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from vicinal.engine.errors import ResourceExhausted
from vicinal.server.service.admission.arrivals import Arrivals

MOST, SPARE = 16, 4


def let_in(arrivals: Arrivals, key: str) -> bool:
    try:
        arrivals.arrive(key)
    except ResourceExhausted:
        return False
    return True


def test_one_key_has_all_places_and_no_more() -> None:
    arrivals = Arrivals(MOST, SPARE)
    assert [let_in(arrivals, "a") for _ in range(MOST + 3)] == [True] * MOST + [False] * 3
    arrivals.end("a")
    assert let_in(arrivals, "a")
    assert not let_in(arrivals, "a")


def test_who_is_refused_is_told_when_to_come_again() -> None:
    arrivals = Arrivals(1, 1)
    arrivals.arrive("a")
    with pytest.raises(ResourceExhausted, match="--max-calls") as full:
        arrivals.arrive("a")
    assert full.value.retry_after


def test_another_key_finds_a_place_where_one_has_taken_all() -> None:
    arrivals = Arrivals(MOST, SPARE)
    assert all(let_in(arrivals, "a") for _ in range(MOST))
    # The spare ones, which the first one does not get.
    assert [let_in(arrivals, "b") for _ in range(SPARE + 1)] == [True] * SPARE + [False]
    arrivals.end("a")
    assert not let_in(arrivals, "a")
    assert let_in(arrivals, "b")


def test_silent_calls_hold_no_place() -> None:
    arrivals = Arrivals(MOST, SPARE)
    assert all(let_in(arrivals, "a") for _ in range(MOST))
    arrivals.set_silent(3)
    assert [let_in(arrivals, "a") for _ in range(4)] == [True] * 3 + [False]


def test_everything_is_given_back() -> None:
    arrivals = Arrivals(MOST, SPARE)
    for _ in range(3):
        for key in "abcd":
            assert all(let_in(arrivals, key) for _ in range(MOST // 4))
        for key in "abcd":
            for _ in range(MOST // 4):
                arrivals.end(key)


@pytest.mark.parametrize("seed", range(3))
def test_who_sends_ten_times_as_much_is_refused_first(seed: int) -> None:
    """Calls come at random, at four times what is answered; one key sends ten of eleven."""
    rng = random.Random(seed)
    arrivals = Arrivals(MOST, SPARE)
    running: list[str] = []
    sent: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for step in range(20_000):
        key = "modest" if rng.random() < 1 / 11 else "greedy"
        sent[key] += 1
        if let_in(arrivals, key):
            running.append(key)
        else:
            refused[key] += 1
        if step % 4 == 0 and running:
            arrivals.end(running.pop(rng.randrange(len(running))))
    # Without a share of its own it would be refused as often.
    assert refused["modest"] / sent["modest"] < 0.15
    assert refused["greedy"] / sent["greedy"] > 0.7
