"""Limits of all calls together, where calls run in several processes.

Each process writes the numbers of its own and reads those of all, without a lock: it adds what it is about to
take first, and looks at the sum then. So two that take the last room at one moment may both be refused, and
are never both let in. The numbers of a process that ended are wiped by the supervisor.
"""

from __future__ import annotations

from pathlib import Path

from ..admission.memory_budget import MemoryBudget
from ..admission.running_calls import RunningCalls
from .shared_file import SharedFile

CALLS, MEMORY, ARRIVED, SILENT = range(4)
# Those of one process fill a line of the processor's caches.
_CELLS, _CELL_BYTES = 8, 8


class Tallies:
    """A few whole numbers of each process of a server, in one file.

    Parameters
    ----------
    path : Path
    places : int
        How many processes there may be at a time.
    """

    def __init__(self, path: Path, places: int) -> None:
        self._file = SharedFile(path, places * _CELLS * _CELL_BYTES)
        self._cells = self._file.bytes.cast("q")
        self.places = places

    def write(self, place: int, kind: int, number: int) -> None:
        """Say what the process of a place has of a kind."""
        self._cells[place * _CELLS + kind] = number

    def total(self, kind: int) -> int:
        """Return what all processes have of a kind."""
        return sum(self._cells[kind::_CELLS])

    def wipe(self, place: int) -> None:
        """Forget the numbers of a process that ended."""
        for kind in (CALLS, MEMORY, ARRIVED, SILENT):
            self.write(place, kind, 0)

    def close(self) -> None:
        """Let go of the file."""
        self._cells.release()
        self._file.close()


class SharedCalls(RunningCalls):
    """As :class:`RunningCalls`, of all processes together.

    Parameters
    ----------
    most : int
    tallies : Tallies
    place : int
        That of this process.
    """

    def __init__(self, most: int, tallies: Tallies, place: int) -> None:
        super().__init__(most)
        self._tallies = tallies
        self._place = place

    def check(self) -> None:
        """Raise what :meth:`enter` would raise now."""
        super().check()
        if self._tallies.total(CALLS) >= self._most:
            raise self._too_many()

    def enter(self) -> None:
        """Count a call; :meth:`leave` must follow. Raises as :meth:`check` does."""
        super().enter()
        self._tell()
        if self._tallies.total(CALLS) > self._most:
            self.leave()
            raise self._too_many()

    def leave(self) -> None:
        """Count a call as ended."""
        super().leave()
        self._tell()

    def _tell(self) -> None:
        # Under the lock, so that an older number never takes the place of a newer one.
        with self._lock:
            self._tallies.write(self._place, CALLS, self._running)


class SharedMemory(MemoryBudget):
    """As :class:`MemoryBudget`, of all processes together; parameters as of :class:`SharedCalls`."""

    def __init__(self, most: int, tallies: Tallies, place: int) -> None:
        super().__init__(most)
        self._tallies = tallies
        self._place = place

    def take(self, n_bytes: int, beside: int = 0) -> None:
        """Take some bytes; :meth:`give_back` must follow. Raises as that of one process does."""
        super().take(n_bytes, beside)
        self._tell()
        if self._tallies.total(MEMORY) > self.most:
            self.give_back(n_bytes)
            raise self._too_much()

    def give_back(self, n_bytes: int) -> None:
        """Count bytes as free again."""
        super().give_back(n_bytes)
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            self._tallies.write(self._place, MEMORY, self._taken)
