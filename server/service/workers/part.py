"""What a process of a server is, as it is told at its start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..settings.settings import ServerSettings
from .shared_arrivals import KeyCounts
from .shared_bounds import Tallies
from .shared_buckets import SharedBuckets

WRITER = "writer"


@dataclass(frozen=True, slots=True)
class Part:
    """One process of a server.

    Attributes
    ----------
    name : str
        ``writer``, or ``worker-1`` and so on; what its lines in the log and its metrics are marked with.
    settings : ServerSettings
        Of the server as a whole.
    folder : Path
        Where the processes of this server meet; no other user of the machine can look into it.
    workers : int
        How many workers there are.
    place : int
        Where its numbers lie in what the processes share; no other has the same at the same time.
    places : int
    """

    name: str
    settings: ServerSettings
    folder: Path
    workers: int
    place: int
    places: int

    @property
    def is_writer(self) -> bool:
        """Whether it owns the database."""
        return self.name == WRITER

    @property
    def socket(self) -> Path:
        """Where the writer listens."""
        return self.folder / "writer"

    def tallies(self) -> Tallies:
        """Return the numbers that all processes share."""
        return Tallies(self.folder / "tallies", self.places)

    def key_counts(self) -> KeyCounts:
        """Return the calls by key that all processes share."""
        return KeyCounts(self.folder / "keys", self.places)

    def buckets(self) -> SharedBuckets:
        """Return the rates that all processes share."""
        return SharedBuckets(self.folder / "buckets")

    def own_settings(self) -> ServerSettings:
        """Return what this process does of what the server was told."""
        settings = replace(self.settings, metrics_port=None)
        limits = settings.limits
        if self.is_writer:
            # Callers speak to the workers, which count their calls by key and log them.
            limits = replace(limits, calls_per_second=None)
            return replace(
                settings, tls_cert=None, tls_key=None, client_ca=None, log_calls=False, limits=limits
            )
        searches = max(2, -(-limits.running_searches // self.workers))
        return replace(settings, limits=replace(limits, running_searches=searches))
