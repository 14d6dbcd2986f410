"""How fast rows come to a collection."""

from __future__ import annotations

import math

_MEMORY_SECONDS = 5.0
# A longer pause counts for this much: what comes after one may be as fast as what came before.
_LONGEST_PAUSE = 1.5


class WritingPace:
    """Rows a second, of the last few seconds in which anything was written."""

    def __init__(self) -> None:
        self._rows = 0.0
        self._seconds = 0.0
        self._last: float | None = None

    def wrote(self, n_rows: int, now: float) -> None:
        """Count rows that were written at a time of the monotonic clock."""
        if self._last is not None:
            passed = now - self._last
            kept = math.exp(-passed / _MEMORY_SECONDS)
            self._rows *= kept
            self._seconds = self._seconds * kept + min(passed, _LONGEST_PAUSE)
        self._rows += n_rows
        self._last = now

    @property
    def rows_per_second(self) -> float:
        """What was counted; infinite of a single write."""
        return self._rows / self._seconds if self._seconds else float("inf")
