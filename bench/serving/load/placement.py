"""Which cores a process runs on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

Cores: TypeAlias = frozenset[int]


@dataclass(frozen=True)
class Placement:
    """Where the server and its clients run; None where the system decides."""

    server: Cores | None
    clients: Cores | None

    @property
    def words(self) -> str:
        """The placement as it stands in a result record."""
        if self.server is None or self.clients is None:
            return "unpinned"
        return f"server on core {_listed(self.server)}, clients on {_listed(self.clients)}"


FREE = Placement(None, None)


def apart() -> Placement:
    """The server on one core and its clients on another; not pinned where that cannot be."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(usable) < 2:
        return FREE
    return Placement(frozenset(usable[:1]), frozenset(usable[1:2]))


@contextmanager
def on_cores(cores: Cores | None) -> Iterator[None]:
    """Have this thread run on some cores, and with it the processes that it starts meanwhile."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _listed(cores: Cores) -> str:
    return ", ".join(map(str, sorted(cores)))
