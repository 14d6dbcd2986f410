"""Callers who do not wait for answers: calls that leave when their time has come. Runs in a worker."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from ....engine.errors import ResourceExhausted, Unavailable, VicinalError
from ....server.wire.statuses import error_of
from .endpoints import Endpoint


class Outcome(IntEnum):
    """How a call ended."""

    ACCEPTED = 0
    REFUSED = 1
    """Refused, and told when to try again."""
    REFUSED_SILENTLY = 2
    """Refused without a word about when to try again."""
    FAILED = 3
    """Anything else."""


@dataclass(frozen=True)
class Calls:
    """Calls in the order they ended, one entry of each array a call.

    Attributes
    ----------
    sent : ndarray
        When they left, by the monotonic clock.
    late : ndarray
        By how much they left after their time: what the generator is to blame for.
    seconds : ndarray
        From leaving to the answer.
    outcomes : ndarray
        Numbers of :class:`Outcome`.
    """

    sent: NDArray[np.float64]
    late: NDArray[np.float64]
    seconds: NDArray[np.float64]
    outcomes: NDArray[np.int64]

    @classmethod
    def of(cls, calls: list[tuple[float, float, float, int]]) -> Calls:
        """Calls from one tuple each."""
        sent, late, seconds, outcomes = np.asarray(calls, dtype=np.float64).reshape(-1, 4).T
        return cls(sent, late, seconds, outcomes.astype(np.int64))

    @classmethod
    def joined(cls, parts: list[Calls]) -> Calls:
        """The calls of several generators."""
        return cls(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("sent", "late", "seconds", "outcomes")
            )
        )

    def taking(self, *outcomes: Outcome) -> NDArray[np.float64]:
        """Seconds of the calls that ended so."""
        return self.seconds[np.isin(self.outcomes, outcomes)]

    def count(self, *outcomes: Outcome) -> int:
        """How many calls ended so."""
        return len(self.taking(*outcomes))


def offer(target: Endpoint, per_second: float, start: float, seconds: float, seed: int) -> Calls:
    """Send calls at random times, on average so many a second, from ``start`` by the monotonic clock on."""
    return asyncio.run(_offer(target, per_second, start, seconds, seed))


def repeat(target: Endpoint, pause: float, ends: float) -> Calls:
    """Send one call after the other with a pause between, until ``ends`` by the monotonic clock."""
    return asyncio.run(_repeat(target, pause, ends))


async def _offer(target: Endpoint, per_second: float, start: float, seconds: float, seed: int) -> Calls:
    random = np.random.default_rng(seed)
    gaps = random.exponential(1 / per_second, size=int(per_second * seconds * 1.2) + 10)
    times = start + np.cumsum(gaps)
    calls: list[tuple[float, float, float, int]] = []
    async with target.acalling() as call:
        await call(0)
        pending = set()
        for number, due in enumerate(times[times < start + seconds].tolist()):
            wait = due - time.monotonic()
            # Sleeping not at all still lets what has arrived be taken in.
            await asyncio.sleep(max(0.0, wait))
            task = asyncio.create_task(_timed(call, number, due, calls))
            pending.add(task)
            task.add_done_callback(pending.discard)
        while pending:
            await asyncio.wait(pending)
    return Calls.of(calls)


async def _repeat(target: Endpoint, pause: float, ends: float) -> Calls:
    calls: list[tuple[float, float, float, int]] = []
    number = 0
    async with target.acalling() as call:
        while time.monotonic() < ends:
            await _timed(call, number, time.monotonic(), calls)
            await asyncio.sleep(pause)
            number += 1
    return Calls.of(calls)


async def _timed(call: Any, number: int, due: float, calls: list[tuple[float, float, float, int]]) -> None:
    sent = time.monotonic()
    failure: VicinalError | None = None
    try:
        await call(number)
    except grpc.RpcError as error:
        failure = error_of(error, "the server")
    except VicinalError as error:
        failure = error
    ended = time.monotonic()
    calls.append((sent, sent - due, ended - sent, _outcome(failure)))


def _outcome(failure: VicinalError | None) -> Outcome:
    if failure is None:
        return Outcome.ACCEPTED
    if not isinstance(failure, ResourceExhausted | Unavailable):
        return Outcome.FAILED
    return Outcome.REFUSED_SILENTLY if failure.retry_after is None else Outcome.REFUSED
