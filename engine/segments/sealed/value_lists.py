"""The values of indexed payload fields of a sealed segment, gathered from its postings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ....storage.errors import CorruptionError
from ... import deadline
from ...filters.canonical import extract
from ...filters.conditions.scanned import values_of
from ...schema.payload_field import FieldType
from ..column_budget import ColumnBudget
from ..value_rows import ValueRows
from .postings.keys import LONG_VALUE, VALUE
from .postings.segment_postings import SegmentPostings, rows_of_posting

# What is kept of all segments; more is gathered again.
_BUDGET = ColumnBudget(128 << 20)
_VALUES_BETWEEN_CHECKS = 1024
_BOOLS: Mapping[bytes, bool] = {b"false": False, b"true": True}


class PostingsByKey(Protocol):
    """The part of a segment that goes through its postings."""

    def postings(self, field: str, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield the keys of a field that begin with ``prefix``, each with what was stored for it."""


class ValueLists:
    """Which rows of a segment have which value. Kept while there is room for it; safe to share.

    Parameters
    ----------
    file : PostingsByKey
    postings : SegmentPostings
        Of the same segment.
    payload : callable
        Returns the payload of a row.
    """

    def __init__(
        self, file: PostingsByKey, postings: SegmentPostings, payload: Callable[[int], dict[str, Any]]
    ) -> None:
        self._file = file
        self._postings = postings
        self._payload = payload
        self._kept: dict[str, ValueRows] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of what is kept."""
        return sum(map(_size, list(self._kept.values())))

    def of(self, field: str, kind: FieldType) -> ValueRows:
        """Return the values of a field that has postings of this type.

        Raises
        ------
        DeadlineExceeded
            The time was over before all were gathered.
        """
        found, added = self._kept.get(field), 0
        if found is None:
            if kind in (FieldType.KEYWORD, FieldType.BOOL):
                found = ValueRows.of_lists(*self._listed(field, kind))
            else:
                found = ValueRows.of_pairs(*self._postings.values(field))
            self._kept[field] = found
            added = _size(found)
        _BUDGET.used(self, field, added)
        return found

    def drop(self, field: str) -> None:
        """Forget the values of one field; who has got them goes on with them."""
        self._kept.pop(field, None)

    def _listed(self, field: str, kind: FieldType) -> tuple[list[Any], list[NDArray[np.uint32]]]:
        found: list[tuple[Any, NDArray[np.uint32]]] = []
        for number, (key, stored) in enumerate(self._file.postings(field, VALUE)):
            if number % _VALUES_BETWEEN_CHECKS == 0:
                deadline.check()
            value = _BOOLS[key[1:]] if kind is FieldType.BOOL else key[1:].decode()
            found.append((value, rows_of_posting(field, key, stored)))
        for key, stored in self._file.postings(field, LONG_VALUE):
            rows = rows_of_posting(field, key, stored)
            found.append((self._long_text(field, key[1:], int(rows[0])), rows))
        found.sort(key=lambda pair: pair[0])
        return [value for value, _ in found], [rows for _, rows in found]

    def _long_text(self, field: str, digest: bytes, row: int) -> str:
        """Return the text of which a segment has the digest alone, from the payload of a row that has it."""
        for value in values_of(extract(self._payload(row), field)):
            if isinstance(value, str) and blake2b(value.encode(), digest_size=32).digest() == digest:
                return value
        raise CorruptionError("segment", f"row {row} has not the value of a posting of field {field!r}")


def _size(found: ValueRows) -> int:
    # Where values are an array, rows are pages of the file.
    return found.nbytes + (0 if isinstance(found.values, np.ndarray) else int(found.rows.nbytes))
