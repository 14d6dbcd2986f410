"""The newest row of each point of a growing segment."""

from __future__ import annotations

from ...results.point import PointId
from ..content import ABSENT

# A dictionary that grows beyond its room is made anew, in as long as it is large: parts bound that.
_PART_KEYS = 1 << 16

Key = tuple[int, PointId]
"""A tenant and an id of its points."""


class NewestRows:
    """Rows by key. One thread sets, any thread looks up: it finds what was set before, or what is newer.

    Keys are spread over parts by when they were set, so that no write moves all that came before.
    """

    def __init__(self) -> None:
        self._parts: list[dict[Key, int]] = [{}]

    def get(self, key: Key) -> int:
        """Return the row that was set last, -1 where there is none."""
        for part in reversed(self._parts):
            row = part.get(key)
            if row is not None:
                return row
        return ABSENT

    def set(self, rows: dict[Key, int]) -> None:
        """Set the rows of some keys."""
        if len(self._parts[-1]) + len(rows) > _PART_KEYS and self._parts[-1]:
            self._parts.append({})
        self._parts[-1].update(rows)
