"""What processes of a server have counted, so that it can be added up."""

from __future__ import annotations

from dataclasses import dataclass, field

from ....engine.results.info import DatabaseInfo

# Seconds. A search takes fractions of a millisecond, a merge minutes.
BOUNDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0),
)


@dataclass(slots=True)
class EndedCalls:
    """The calls of one method that have ended.

    Attributes
    ----------
    by_code : dict of str to int
        How many there are of each status code.
    by_bound : list of int
        How many took up to each of `BOUNDS`, but longer than the one before; the last: longer than all.
    seconds : float
        How long they took together.
    """

    # A series that begins with its first event hides that event from rate().
    by_code: dict[str, int] = field(default_factory=lambda: {"OK": 0})
    by_bound: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0

    def add(self, other: EndedCalls) -> None:
        """Count those of another process too."""
        _add(self.by_code, other.by_code)
        self.by_bound = [sum(pair) for pair in zip(self.by_bound, other.by_bound, strict=True)]
        self.seconds += other.seconds


@dataclass(slots=True)
class AuditedSearches:
    """What audits of one collection found: how many there were, and the sums of recall asked for and had."""

    count: int = 0
    target: float = 0.0
    audited: float = 0.0

    def add(self, other: AuditedSearches) -> None:
        """Count those of another process too."""
        self.count += other.count
        self.target += other.target
        self.audited += other.audited


@dataclass(slots=True)
class Numbers:
    """What there is to tell of calls, audits and sizes, of one process or of several.

    Attributes
    ----------
    calls : dict of str to EndedCalls
        By the path of the method.
    refused : dict of str to int
        By reason.
    audits : dict of str to AuditedSearches
        By collection.
    in_flight, waiting : int
        Calls that were let in and have not ended; of these, those that wait for their turn.
    certificate_ends : float or None
        When the certificate in use expires, in seconds since 1970.
    info : DatabaseInfo or None
        Sizes, of whoever knows them.
    """

    calls: dict[str, EndedCalls] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    audits: dict[str, AuditedSearches] = field(default_factory=dict)
    in_flight: int = 0
    waiting: int = 0
    certificate_ends: float | None = None
    info: DatabaseInfo | None = None

    def add(self, other: Numbers) -> None:
        """Add those of another process."""
        self.add_counted(other)
        self.in_flight += other.in_flight
        self.waiting += other.waiting
        self.certificate_ends = other.certificate_ends or self.certificate_ends
        self.info = other.info or self.info

    def add_counted(self, other: Numbers) -> None:
        """Add what stays counted when the other process has ended."""
        for path, calls in other.calls.items():
            self.calls.setdefault(path, EndedCalls()).add(calls)
        _add(self.refused, other.refused)
        for name, audits in other.audits.items():
            self.audits.setdefault(name, AuditedSearches()).add(audits)


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count
