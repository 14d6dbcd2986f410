"""What one call, and all calls together, may ask of a server."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from ....engine.errors import InvalidArgument
from .cores import usable_cores

_MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a server; a call beyond one is refused with a status that names it.

    Attributes
    ----------
    max_message_bytes : int
        Bytes of one request.
    max_points : int
        Points of one upsert, get or score.
    max_queries : int
        Queries of one search.
    max_results : int
        Results of one search, offset included, over all its queries.
    max_calls : int
        Calls whose message was received and that were not answered yet.
    max_receiving : int
        Calls whose message has not come yet; they hold a thread at most.
    running_searches : int
        Reads that run at a time; more of them wait in line.
    memory_bytes : int
        Estimated bytes of the work of all calls.
    disk_free_bytes : int
        With less room than this on the file system, writes are refused; deletes and reads go on.
    receive_seconds : float
        How long a caller may take to send its message, or to take a large answer.
    calls_per_second : float or None
        Calls of one key a second; None for any number.
    """

    max_message_bytes: int = 32 * _MB
    max_points: int = 10_000
    max_queries: int = 1_000
    max_results: int = 1_000_000
    max_calls: int = 64
    max_receiving: int = 1_024
    running_searches: int = field(default_factory=lambda: max(2, usable_cores()))
    memory_bytes: int = 256 * _MB
    disk_free_bytes: int = 1024 * _MB
    receive_seconds: float = 10.0
    calls_per_second: float | None = None

    @property
    def spare_calls(self) -> int:
        """Places beyond ``max_calls``, for keys that have fewer than their share."""
        return max(1, self.max_calls // 4)

    @property
    def running_calls(self) -> int:
        """Calls that may be worked on, whosever they are."""
        return self.max_calls + self.spare_calls

    def __post_init__(self) -> None:
        for name in (one.name for one in fields(self)):
            value = getattr(self, name)
            if value is None and name == "calls_per_second":
                continue
            if value == 0 and name == "disk_free_bytes":
                continue
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not 0 < value < float("inf"):
                raise InvalidArgument(f"{name} is {value!r}; expected a number above 0", field=name)
