"""Callers who each wait for an answer before they ask again.

Needs nothing but NumPy, because the interpreters of other servers' clients load this file by its path.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Loop:
    """What the callers of one loop saw.

    Attributes
    ----------
    seconds : ndarray
        Duration of every call.
    elapsed : float
        Seconds from the first call to the end of the last.
    """

    seconds: np.ndarray[Any, np.dtype[np.float64]]
    elapsed: float

    @property
    def per_second(self) -> float:
        """Calls a second."""
        return len(self.seconds) / self.elapsed


def loop_threads(call: Callable[[int], object], callers: int, seconds: float) -> Loop:
    """Call from several threads for some time, each at least once; each call gets a number of its own."""
    spent: list[list[float]] = [[] for _ in range(callers)]
    failures: list[BaseException] = []
    started, ends = threading.Barrier(callers + 1), [0.0]

    def run(caller: int) -> None:
        durations, place = spent[caller], caller
        started.wait()
        try:
            before = time.perf_counter()
            while not failures:
                call(place)
                after = time.perf_counter()
                durations.append(after - before)
                if after >= ends[0]:
                    break
                before, place = after, place + callers
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(caller,)) for caller in range(callers)]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    ends[0] = began + seconds
    started.wait()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - began
    if failures:
        raise failures[0]
    return Loop(np.concatenate([np.asarray(durations) for durations in spent]), elapsed)


async def loop_tasks(call: Callable[[int], Awaitable[object]], callers: int, seconds: float) -> Loop:
    """As :func:`loop_threads`, from tasks of one event loop."""
    durations: list[float] = []
    began = time.perf_counter()
    ends = began + seconds

    async def run(place: int) -> None:
        before = time.perf_counter()
        while True:
            await call(place)
            after = time.perf_counter()
            durations.append(after - before)
            if after >= ends:
                break
            before, place = after, place + callers

    await asyncio.gather(*(run(caller) for caller in range(callers)))
    return Loop(np.asarray(durations), time.perf_counter() - began)
