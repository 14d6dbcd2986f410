"""Repeating for so many seconds: the rule, and servers that are killed and come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from serving.running_server import free_port
from serving.served_process import ServedProcess

import vicinal
from vicinal.engine.errors import ResourceExhausted, Unavailable
from vicinal.server.client.calls.call import CallFailed, Repeat
from vicinal.server.client.calls.retry_policy import RetryPolicy

DIM = 4
GONE = CallFailed(Unavailable("gone"), Repeat.IF_HARMLESS)


def attempts(policy: RetryPolicy, failure: CallFailed, chance: float = 1.0) -> list[float]:
    """Return when a call that always fails, at once, is made again, in seconds after it first failed."""
    made: list[float] = []
    now = 0.0
    while (pause := policy.pause(len(made) + 1, now, failure, True, chance)) is not None:
        assert pause > 0
        now += pause
        made.append(now)
    return made


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_the_last_attempt_is_made_when_the_time_is_over(chance: float) -> None:
    made = attempts(RetryPolicy(seconds=30.0), GONE, chance)
    assert made[-1] == 30.0
    assert max(np.diff(made)) <= 5.0
    assert len(made) < 30
    # The default is over before a server that starts again can be there.
    assert attempts(RetryPolicy(), GONE, chance)[-1] <= 1.5 + 1e-9


def test_any_number_of_attempts_has_a_pause() -> None:
    policy = RetryPolicy(seconds=1e9)
    assert policy.pause(100_000, 5.0, GONE, True, 1.0) == 5.0


def test_a_server_that_says_when_to_come_is_believed() -> None:
    busy = CallFailed(ResourceExhausted("busy", retry_after=20.0), Repeat.ALWAYS)
    policy = RetryPolicy(seconds=30.0)
    assert policy.pause(1, 0.0, busy, False, 1.0) == pytest.approx(20.1)
    assert policy.pause(2, 20.1, busy, False, 1.0) is None


def test_what_is_not_repeated_is_not_repeated_for_longer() -> None:
    policy = RetryPolicy(seconds=30.0)
    assert policy.pause(1, 0.0, GONE, False, 1.0) is None
    assert policy.pause(1, 0.0, CallFailed(Unavailable("never"), Repeat.NEVER), True, 1.0) is None
    assert attempts(RetryPolicy(seconds=0.0), GONE) == []


@contextmanager
def discarded(processes: list[ServedProcess]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in processes:
            process.discard()


def test_a_killed_server_that_starts_again_is_ridden_out(tmp_path: Path) -> None:
    folder, port = tmp_path / "db", free_port()
    processes = [ServedProcess(folder, tmp_path / "log", port)]
    address = f"127.0.0.1:{port}"

    async def count() -> int:
        async with vicinal.aconnect(address, timeout=300, retry_seconds=300) as db:
            return await (await db.collection("films")).count()

    def write(start: int) -> None:
        films.upsert(range(start, start + 10), np.ones((10, DIM)))

    with (
        discarded(processes),
        vicinal.connect(address, timeout=300, retry_seconds=300) as db,
        vicinal.connect(address) as impatient,
        ThreadPoolExecutor(4) as pool,
    ):
        films = db.create_collection("films", vicinal.Dense(DIM))
        write(0)
        other = impatient.collection("films")
        processes[0].kill()
        writing, awaited = pool.submit(write, 10), pool.submit(asyncio.run, count())
        # While nobody is there, the default gives up and the others do not.
        with pytest.raises(Unavailable, match=r"is `vicinal serve` running there\?"):
            other.count()
        assert not writing.done()
        assert not awaited.done()
        processes.append(ServedProcess(folder, tmp_path / "log", port))
        writing.result(timeout=120)
        assert awaited.result(timeout=120) in (10, 20)
        assert films.count() == 20
        assert processes[1].stop() == 0


def test_a_deadline_ends_it(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with vicinal.connect(address, timeout=None, retry_seconds=3600) as db:
        begun = time.monotonic()
        with pytest.raises((Unavailable, vicinal.DeadlineExceeded)), vicinal.deadline(0.5):
            db.collections()
        assert time.monotonic() - begun < 60


def test_the_time_over_the_error_is_that_of_the_last_attempt() -> None:
    address = f"127.0.0.1:{free_port()}"
    with (
        vicinal.connect(address, retry_seconds=0.3) as db,
        pytest.raises(Unavailable, match="cannot reach") as raised,
    ):
        db.collections()
    assert raised.value.__suppress_context__
