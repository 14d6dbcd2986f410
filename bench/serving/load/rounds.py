"""Endpoints measured in turns, so that drift of the machine hits all alike. Runs in a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .closed_loop import Loop, loop_tasks, loop_threads
from .endpoints import Endpoint
from .usage import CpuClock

WARM_UP_CALLS = 100


@dataclass(frozen=True)
class Measured:
    """What one endpoint did over all rounds.

    Attributes
    ----------
    per_second : float
        Calls a second, median over the rounds.
    seconds : ndarray
        Duration of every call.
    server_us, client_us : float or None
        Processor time of one call in the server's process and in the client's.
    """

    per_second: float
    seconds: NDArray[np.float64]
    server_us: float | None
    client_us: float

    def record(self) -> dict[str, float | None]:
        """The figures as they stand in a result record."""
        p50, p99 = np.percentile(self.seconds, [50, 99]) * 1e6
        server = None if self.server_us is None else round(self.server_us, 1)
        return {
            "calls_per_second": round(self.per_second, 1),
            "calls": len(self.seconds),
            "p50_us": round(float(p50), 1),
            "p99_us": round(float(p99), 1),
            "server_cpu_us": server,
            "client_cpu_us": round(self.client_us, 1),
        }


@dataclass(frozen=True)
class EndpointProcess:
    """An endpoint, and the process whose time it takes."""

    endpoint: Endpoint
    server: int | None = None


def measure_rounds(
    places: Mapping[str, EndpointProcess], callers: int, seconds: float, rounds: int, *, tasks: bool = False
) -> dict[str, Measured]:
    """Call every endpoint for ``seconds`` in all, in turns; from threads, or from tasks of an event loop."""
    if tasks:
        return asyncio.run(_measure_tasks(places, callers, seconds, rounds))
    with ExitStack() as stack:
        calls = {name: stack.enter_context(place.endpoint.calling()) for name, place in places.items()}
        for call in calls.values():
            for number in range(WARM_UP_CALLS):
                call(number)
        found = _Collected(places)
        for _ in range(rounds):
            for name, call in calls.items():
                clock = CpuClock(places[name].server)
                found.add(name, loop_threads(call, callers, seconds / rounds), clock)
    return found.measured()


async def _measure_tasks(
    places: Mapping[str, EndpointProcess], callers: int, seconds: float, rounds: int
) -> dict[str, Measured]:
    async with AsyncExitStack() as stack:
        calls = {
            name: await stack.enter_async_context(place.endpoint.acalling()) for name, place in places.items()
        }
        for call in calls.values():
            for number in range(WARM_UP_CALLS):
                await call(number)
        found = _Collected(places)
        for _ in range(rounds):
            for name, call in calls.items():
                clock = CpuClock(places[name].server)
                found.add(name, await loop_tasks(call, callers, seconds / rounds), clock)
    return found.measured()


class _Collected:
    """Loops of each endpoint with the processor time they took."""

    def __init__(self, places: Mapping[str, EndpointProcess]) -> None:
        self._loops: dict[str, list[Loop]] = {name: [] for name in places}
        self._server: dict[str, list[float | None]] = {name: [] for name in places}
        self._own: dict[str, list[float]] = {name: [] for name in places}

    def add(self, name: str, loop: Loop, clock: CpuClock) -> None:
        used = clock.read()
        self._loops[name].append(loop)
        self._server[name].append(used.server)
        self._own[name].append(used.own)

    def measured(self) -> dict[str, Measured]:
        found = {}
        for name, loops in self._loops.items():
            seconds = np.concatenate([loop.seconds for loop in loops])
            calls = max(1, len(seconds))
            server = [used for used in self._server[name] if used is not None]
            found[name] = Measured(
                per_second=float(np.median([loop.per_second for loop in loops])),
                seconds=seconds,
                server_us=sum(server) / calls * 1e6 if server else None,
                client_us=sum(self._own[name]) / calls * 1e6,
            )
        return found
