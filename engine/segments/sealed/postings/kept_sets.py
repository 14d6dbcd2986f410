"""Sets of rows that filters asked a segment for, kept for those that ask again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final

from pyroaring import BitMap

from .....indexes.rows.bits import Bitset
from ...column_budget import ColumnBudget

# What the sets of all segments take; the fields that were not asked for the longest make room.
_BUDGET = ColumnBudget(64 << 20)
# What a set takes beside its containers and what was asked; and that, by the characters it is written with: a
# number takes ten times as many bytes as it has digits.
_BYTES_OF_SET: Final = 512
_BYTES_A_CHARACTER: Final = 16


class KeptSets:
    """The rows of one segment that satisfy what was asked of its indexed fields. Safe to share.

    The sets are handed out as they are, and nobody changes them.
    """

    def __init__(self) -> None:
        self._found: dict[str, dict[Hashable, tuple[Any, int]]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept."""
        return sum(size for kept in list(self._found.values()) for _, size in list(kept.values()))

    def get(self, field: str, asked: Hashable, find: Callable[[], BitMap], least: int = 0) -> BitMap:
        """Return what ``find`` returns, or did for this key of a field; fewer than ``least`` are not kept."""
        known = self._known(field, asked)
        if known is None:
            known = find()
            if len(known) >= least:
                self._keep(field, asked, known, len(known.serialize()))
        found: BitMap = known
        return found

    def bits(self, field: str, asked: Hashable, find: Callable[[], Bitset]) -> Bitset:
        """Return the bitset that ``find`` returns, or did for this key of a field, which no set has."""
        key = "bits", asked
        known = self._known(field, key)
        if known is None:
            known = find()
            self._keep(field, key, known, known.nbytes)
        found: Bitset = known
        return found

    def has(self, field: str, asked: Hashable) -> bool:
        """Whether a set is kept for this key of a field."""
        kept = self._found.get(field)
        return kept is not None and asked in kept

    def _known(self, field: str, asked: Hashable) -> Any:
        kept = self._found.get(field)
        known = None if kept is None else kept.get(asked)
        if known is None:
            return None
        _BUDGET.used(self, field)
        return known[0]

    def _keep(self, field: str, asked: Hashable, found: BitMap | Bitset, taken: int) -> None:
        size = taken + _BYTES_A_CHARACTER * len(repr(asked)) + _BYTES_OF_SET
        self._found.setdefault(field, {})[asked] = found, size
        _BUDGET.used(self, field, size)

    def drop(self, field: str) -> None:
        """Forget the sets of one field; filters under way go on with what they have got."""
        self._found.pop(field, None)
