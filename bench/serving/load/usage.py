"""What other processes use: processor time and memory, where the system tells."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ...harness.machine import resident_bytes

_SAMPLE_SECONDS = 0.02


def cpu_seconds(pid: int) -> float | None:
    """Processor time that a process has used."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in parentheses may have anything in it.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class MemorySamples:
    """Resident bytes of a process over time."""

    samples: list[int] = field(default_factory=list)

    @property
    def peak(self) -> int | None:
        """The most there was; None when the system does not tell."""
        return max(self.samples, default=None)


@contextmanager
def watching_memory(pid: int) -> Iterator[MemorySamples]:
    """Sample the memory of a process until the end of the context."""
    found = MemorySamples()
    ended = threading.Event()

    def sample() -> None:
        while True:
            resident = resident_bytes(pid)
            if resident is not None:
                found.samples.append(resident)
            if ended.wait(_SAMPLE_SECONDS):
                return

    thread = threading.Thread(target=sample, name="memory-samples", daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


@dataclass(frozen=True)
class CpuSpan:
    """Processor seconds over a stretch of time."""

    server: float | None
    own: float


class CpuClock:
    """Processor time of a server and of this process since the clock was made."""

    def __init__(self, server: int | None) -> None:
        self._pid = server
        self._server = None if server is None else cpu_seconds(server)
        self._own = time.process_time()

    def read(self) -> CpuSpan:
        """What was used so far."""
        now = None if self._pid is None else cpu_seconds(self._pid)
        used = None if now is None or self._server is None else now - self._server
        return CpuSpan(used, time.process_time() - self._own)
