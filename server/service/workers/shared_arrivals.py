"""Whose calls are let in, where they come to several processes."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

import numpy as np

from ..admission.arrivals import Arrivals
from .shared_bounds import ARRIVED, SILENT, Tallies
from .shared_file import SharedFile

# Keys that have calls in one process at a time; those of more count as calls, and not as keys.
_SLOTS = 512
_SLOT_BYTES = 16


class KeyCounts:
    """How many calls each key has in each process of a server, in one file.

    Each process writes its own slots and reads those of all, without a lock.

    Parameters
    ----------
    path : Path
    places : int
        How many processes there may be at a time.
    """

    def __init__(self, path: Path, places: int) -> None:
        self._file = SharedFile(path, places * _SLOTS * _SLOT_BYTES)
        # Of each slot the digest of a key and its calls.
        self._slots = np.frombuffer(self._file.bytes, np.uint64).reshape(places, _SLOTS, 2)

    def write(self, place: int, slot: int, digest: int, calls: int) -> None:
        """Say how many calls a key has in the process of a place."""
        self._slots[place, slot] = digest, calls

    def of(self, digest: int) -> tuple[int, int]:
        """Return how many calls a key has in all processes, and how many other keys have any."""
        digests, calls = self._slots[:, :, 0], self._slots[:, :, 1]
        own = int(calls[digests == digest].sum())
        return own, len(set(digests[calls > 0].tolist()) - {digest})

    def wipe(self, place: int) -> None:
        """Forget the calls of a process that ended."""
        self._slots[place] = 0

    def close(self) -> None:
        """Let go of the file."""
        del self._slots
        self._file.close()


class SharedArrivals(Arrivals):
    """As :class:`Arrivals`, of all processes together: a key has its share of the places of the server.

    Each process adds what it lets in and looks at what the others have, so two that let a call in at one
    moment may both give the last place away; how many run is bounded by ``SharedCalls`` all the same.

    Parameters
    ----------
    most, spare : int
    tallies : Tallies
    counts : KeyCounts
    place : int
        That of this process.
    """

    def __init__(self, most: int, spare: int, tallies: Tallies, counts: KeyCounts, place: int) -> None:
        super().__init__(most, spare)
        self._tallies = tallies
        self._counts = counts
        self._place = place
        self._slot_of: dict[str, int] = {}
        self._free = list(range(_SLOTS))

    def arrive(self, key_id: str) -> None:
        """Count a call; :meth:`end` must follow. Raises as that of one process does."""
        with self._lock:
            total = self._tallies.total(ARRIVED)
            if total >= self._most:
                own, others = self._counts.of(_digest(key_id))
                self._check(total - self._tallies.total(SILENT), own, others + 1)
            self._total += 1
            self._of_key[key_id] = self._of_key.get(key_id, 0) + 1
            self._tell(key_id)

    def set_silent(self, calls: int) -> None:
        """Say how many of this process hold no place."""
        super().set_silent(calls)
        self._tallies.write(self._place, SILENT, calls)

    def end(self, key_id: str) -> None:
        """Count a call as ended."""
        super().end(key_id)
        with self._lock:
            self._tell(key_id)

    def _tell(self, key_id: str) -> None:
        self._tallies.write(self._place, ARRIVED, self._total)
        calls = self._of_key.get(key_id, 0)
        slot = self._slot_of.get(key_id)
        if slot is None:
            if not self._free or not calls:
                return
            slot = self._slot_of[key_id] = self._free.pop()
        self._counts.write(self._place, slot, _digest(key_id), calls)
        if not calls:
            self._free.append(self._slot_of.pop(key_id))


@lru_cache(4096)
def _digest(key_id: str) -> int:
    return int.from_bytes(blake2b(key_id.encode(), digest_size=8).digest(), "little")
