"""How much memory the values of payload fields without an index take, over all segments of the process."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from typing import Protocol


class KeepsColumns(Protocol):
    """What keeps columns by field."""

    def drop(self, field: str) -> None:
        """Forget the columns of one field; scans under way go on with what they have got."""


class ColumnBudget:
    """Lets owners keep columns of at most so many bytes together. Safe to share.

    Beyond that the columns go that were not asked for the longest, those of one field of one owner at once.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, str], tuple[weakref.ref[KeepsColumns], int]] = OrderedDict()

    def used(self, owner: KeepsColumns, field: str, added: int = 0) -> None:
        """Say that the columns of a field were asked for, and that they grew by so many bytes."""
        key = id(owner), field
        with self._lock:
            reference, held = self._kept.pop(key, (None, 0))
            if reference is None or reference() is not owner:
                reference, held = weakref.ref(owner), 0
            if held + added:
                self._kept[key] = reference, held + added
            dropped = self._beyond() if added else []
        for other, name in dropped:
            other.drop(name)

    def _beyond(self) -> list[tuple[KeepsColumns, str]]:
        if sum(held for _, held in self._kept.values()) <= self._most:
            return []
        for key in [key for key, (reference, _) in self._kept.items() if reference() is None]:
            del self._kept[key]
        total = sum(held for _, held in self._kept.values())
        dropped = []
        while total > self._most:
            (_, field), (reference, held) = self._kept.popitem(last=False)
            total -= held
            owner = reference()
            if owner is not None:
                dropped.append((owner, field))
        return dropped
