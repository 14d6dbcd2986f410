"""Clocks, and what spoils them: other work on the machine."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BUSY_LOAD = 0.5
BUSY_SHARE = 0.05
TURN_SECONDS = 0.2
# A library that keeps more cores busy than this did not hold to one thread.
ONE_CORE = 1.1


class Watch:
    """How much of the machine other processes used while this one was measuring.

    Load averages lag by a minute and count our own work; the kernel's counters of busy time, less our own,
    do not.
    """

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._others = 0.0
        self._known = _busy_seconds() is not None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count the time inside as measured time."""
        busy, own, started = _busy_seconds(), _own_seconds(), time.perf_counter()
        yield
        after = _busy_seconds()
        elapsed = time.perf_counter() - started
        if busy is not None and after is not None:
            self._elapsed += elapsed
            self._others += max(0.0, (after - busy) - (_own_seconds() - own))

    @property
    def others(self) -> float | None:
        """Cores that others kept busy on average, None where the system does not tell."""
        if not self._known:
            return None
        return round(self._others / self._elapsed, 3) if self._elapsed else 0.0

    def warning(self) -> str | None:
        """What to tell the reader when others were busy."""
        others = self.others
        if others is None or others <= BUSY_SHARE:
            return None
        return (
            f"other processes kept {others:.2f} cores busy during the timings; "
            "the figures are not to be trusted: stop them and measure again"
        )


def load_warning() -> str | None:
    """What to tell the reader when the machine is not idle before a measurement."""
    try:
        load = os.getloadavg()[0]
    except OSError:
        return None
    if load <= BUSY_LOAD:
        return None
    return f"load average {load:.2f} before measuring: something else is running or has just stopped"


@contextmanager
def exclusive(lock: Path | None) -> Iterator[None]:
    """Hold a lock file while timing, so that benchmarks sharing a machine take turns."""
    if lock is None:
        yield
        return
    with open(lock, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
            # Whoever waits for the lock must wake up before this process asks for it again.
            time.sleep(TURN_SECONDS)


def timed(call: Callable[[], object]) -> float:
    """Seconds one call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def interleaved(calls: Mapping[str, Callable[[], object]], passes: int) -> dict[str, list[float]]:
    """Seconds of calls that take turns, so that what slows the machine for a while slows all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(passes):
        for name, call in calls.items():
            seconds[name].append(timed(call))
    return seconds


def crowded(cores: Iterable[tuple[str, float]], threads: int = 1) -> str | None:
    """What to tell the reader when some, by name, kept more cores busy than they had threads."""
    names = sorted({name for name, busy in cores if busy > ONE_CORE * threads})
    return f"{', '.join(names)} kept more cores busy than threads were given" if names else None


def percentiles(seconds: NDArray[np.float64]) -> dict[str, float]:
    """p50, p95 and p99 in microseconds."""
    p50, p95, p99 = (float(value) * 1e6 for value in np.percentile(seconds, [50, 95, 99]))
    return {"p50_us": round(p50, 2), "p95_us": round(p95, 2), "p99_us": round(p99, 2)}


def _own_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _busy_seconds() -> float | None:
    try:
        with open("/proc/stat", encoding="ascii") as file:
            fields = file.readline().split()
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(field) for field in fields[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
