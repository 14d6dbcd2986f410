"""The ids of points: unsigned 64-bit numbers, texts, or a mixture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptionError
from ..invalid_value import InvalidValueError
from .array_like import column_input, list_of
from .id_hash import number_hashes, text_hashes, with_tenants
from .point_id import EXPECTED_ID, MAX_TEXT_BYTES, checked_id
from .ragged import Rows, checked_offsets, concat_offsets, offsets_of, row_numbers, slice_offsets, take_bytes

_NUMBER, _TEXT = 0, 1


class IdColumn:
    """Point ids in row order, immutable.

    Four arrays: ``number`` (n,) uint64 with 0 at texts; ``kind`` (n,) uint8, 1 at texts; ``offset`` (n + 1,)
    int64 and ``text`` uint8, which are empty at numbers. A column of numbers alone keeps the last three at
    length 0. The number 7 and the text "7" are two different ids.
    """

    __slots__ = ("_kind", "_number", "_offset", "_text")

    def __init__(
        self,
        number: NDArray[np.uint64],
        kind: NDArray[np.uint8] | None = None,
        offset: NDArray[np.int64] | None = None,
        text: NDArray[np.uint8] | None = None,
    ) -> None:
        self._number = number
        self._kind = np.empty(0, np.uint8) if kind is None else kind
        self._offset = np.empty(0, np.int64) if offset is None else offset
        self._text = np.empty(0, np.uint8) if text is None else text

    @classmethod
    def from_values(cls, ids: Any) -> IdColumn:
        """Return the column of these numbers, texts and UUIDs; an integer array in uint64 is not copied.

        What can be gone through will do, as :func:`column_input` says.

        Raises
        ------
        InvalidValueError
            At the first id that is a bool, negative, above 2**64 - 1, empty or too long, or none of a number,
            text and a UUID.
        """
        if isinstance(ids, str | bytes):
            raise InvalidValueError(f"ids is {ids!r}; pass a list of ids, [{ids!r}]", field="ids")
        column = column_input(ids, "ids", "pass a list of ids")
        if isinstance(column, np.ndarray):
            return cls._from_array(column)
        return cls._from_list(list_of(column))

    @classmethod
    def _from_array(cls, ids: NDArray[Any]) -> IdColumn:
        if ids.ndim != 1:
            raise InvalidValueError(f"ids has shape {ids.shape}; pass one dimension, (n,)", field="ids")
        if ids.dtype.kind in "UTO":
            return cls._from_list(ids.tolist())
        if ids.dtype.kind == "f" and np.isnan(ids).any():
            row = int(np.argmax(np.isnan(ids)))
            message = f"ids row {row} is missing (the array is one of floats, with NaN); {EXPECTED_ID}"
            raise InvalidValueError(message, field="ids", row=row)
        if ids.dtype.kind not in "ui":
            raise InvalidValueError(f"ids is an array of {ids.dtype}; {EXPECTED_ID}", field="ids")
        if ids.dtype.kind == "i" and ids.size and ids.min() < 0:
            row = int(np.argmax(ids < 0))
            raise InvalidValueError(f"ids row {row} is {ids[row]}; {EXPECTED_ID}", field="ids", row=row)
        return cls(np.ascontiguousarray(ids, dtype=np.uint64))

    @classmethod
    def _from_list(cls, ids: list[Any]) -> IdColumn:
        kinds = set(map(type, ids))
        if not kinds:
            return cls(np.empty(0, np.uint64))
        if kinds == {int}:
            try:
                return cls(np.array(ids, dtype=np.uint64))
            except OverflowError:
                pass
        if kinds == {str}:
            column = cls._from_texts(ids)
            if column is not None:
                return column
        return cls._from_mixture([checked_id(value, row) for row, value in enumerate(ids)])

    @classmethod
    def _from_texts(cls, ids: list[str]) -> IdColumn | None:
        """Return the column of texts alone, or None when one of them is to be refused."""
        try:
            joined = "".join(ids)
            encoded = joined.encode()
        except UnicodeEncodeError:
            return None
        lengths = map(len, ids) if len(joined) == len(encoded) else (len(text.encode()) for text in ids)
        offset = offsets_of(lengths, len(ids))
        sizes = np.diff(offset)
        if sizes.min() < 1 or sizes.max() > MAX_TEXT_BYTES:
            return None
        n = len(ids)
        return cls(np.zeros(n, np.uint64), np.ones(n, np.uint8), offset, np.frombuffer(encoded, np.uint8))

    @classmethod
    def _from_mixture(cls, ids: list[int | str]) -> IdColumn:
        texts = [b"" if isinstance(value, int) else value.encode() for value in ids]
        number = np.array([value if isinstance(value, int) else 0 for value in ids], np.uint64)
        if not any(texts):
            return cls(number)
        kind = np.array([_NUMBER if isinstance(value, int) else _TEXT for value in ids], np.uint8)
        return cls(
            number, kind, offsets_of(map(len, texts), len(ids)), np.frombuffer(b"".join(texts), np.uint8)
        )

    def __len__(self) -> int:
        return len(self._number)

    def __getitem__(self, row: int) -> int | str:
        row = range(len(self))[row]
        if len(self._kind) and self._kind[row] == _TEXT:
            return self.to_list([row])[0]
        return int(self._number[row])

    @property
    def id_of(self) -> Callable[[int], int | str]:
        """What returns the id of one row, in the shortest time that takes."""
        return self._number.item if self.is_numeric else self.__getitem__

    @property
    def is_numeric(self) -> bool:
        """Whether every id is a number."""
        return not len(self._kind)

    @property
    def nbytes(self) -> int:
        """Bytes of the four arrays."""
        return self._number.nbytes + self._kind.nbytes + self._offset.nbytes + self._text.nbytes

    def row_bytes(self) -> NDArray[np.int64]:
        """Return the bytes that each row takes, (n,)."""
        if self.is_numeric:
            return np.full(len(self), 8, np.int64)
        return np.diff(self._offset) + (8 + 1 + 8)

    def to_list(self, rows: Rows | None = None) -> list[int | str]:
        """Return the ids of ``rows`` in that order, or all of them."""
        try:
            return self._to_list(rows)
        except UnicodeDecodeError as error:
            raise CorruptionError("ids", f"a stored id is not UTF-8 text: {error}") from error

    def _to_list(self, rows: Rows | None) -> list[int | str]:
        numbers: list[int | str] = (
            self._number if rows is None else self._number[row_numbers(rows)]
        ).tolist()
        if self.is_numeric:
            return numbers
        chosen = slice(None) if rows is None else row_numbers(rows)
        kinds = self._kind[chosen].tolist()
        starts, stops = self._offset[:-1][chosen].tolist(), self._offset[1:][chosen].tolist()
        if rows is None:
            whole = self._text.tobytes().decode()
            # Where a character is a byte, one decoding serves every row.
            if len(whole) == len(self._text):
                return [
                    whole[start:stop] if kind else number
                    for kind, number, start, stop in zip(kinds, numbers, starts, stops, strict=True)
                ]
        text = self._text.data
        return [
            str(text[start:stop], "utf-8") if kind else number
            for kind, number, start, stop in zip(kinds, numbers, starts, stops, strict=True)
        ]

    def column(self, rows: Rows | None = None) -> NDArray[Any]:
        """Return the ids of ``rows`` as an array: uint64, or object when the column holds any text."""
        if self.is_numeric:
            return self._number if rows is None else self._number[row_numbers(rows)]
        ids = self.to_list(rows)
        column = np.empty(len(ids), object)
        column[:] = ids
        return column

    def take(self, rows: Rows) -> IdColumn:
        """Return the column of ``rows``, in that order."""
        chosen = row_numbers(rows)
        if self.is_numeric:
            return IdColumn(self._number[chosen])
        text, offset = take_bytes(self._text, self._offset, chosen)
        return self._reduced(self._number[chosen], self._kind[chosen], offset, text)

    def slice(self, start: int, stop: int) -> IdColumn:
        """Return the column of rows ``start`` to ``stop``; numbers are not copied."""
        if self.is_numeric:
            return IdColumn(self._number[start:stop])
        text = self._text[self._offset[start] : self._offset[stop]]
        offset = slice_offsets(self._offset, start, stop)
        return self._reduced(self._number[start:stop], self._kind[start:stop], offset, text)

    @classmethod
    def concat(cls, columns: Sequence[IdColumn]) -> IdColumn:
        """Return the columns laid end to end."""
        columns = [column for column in columns if len(column)]
        if not columns:
            return cls(np.empty(0, np.uint64))
        number = np.concatenate([column._number for column in columns])
        if all(column.is_numeric for column in columns):
            return cls(number)
        parts = [column._with_kinds() for column in columns]
        return cls(
            number,
            np.concatenate([part._kind for part in parts]),
            concat_offsets([part._offset for part in parts]),
            np.concatenate([part._text for part in parts]),
        )

    def hashes(self, tenants: NDArray[np.uint32] | None = None) -> NDArray[np.uint64]:
        """Return one 64-bit hash a row, (n,) uint64: the same for the same id in every process.

        With ``tenants`` (n,) the same id hashes differently under each tenant.
        """
        hashed = number_hashes(self._number)
        if not self.is_numeric:
            rows = np.flatnonzero(self._kind)
            hashed[rows] = text_hashes(self._text, self._offset[rows], self._offset[rows + 1])
        return hashed if tenants is None else with_tenants(hashed, tenants)

    def equal(self, rows: Rows, other: IdColumn, other_rows: Rows) -> NDArray[np.bool_]:
        """Return for each of ``rows`` whether its id is that of its fellow among ``other_rows``, (n,)."""
        if self.is_numeric and other.is_numeric:
            return np.equal(self._number[row_numbers(rows)], other._number[row_numbers(other_rows)])
        pairs = zip(self.to_list(rows), other.to_list(other_rows), strict=True)
        return np.fromiter((ours == theirs for ours, theirs in pairs), np.bool_, len(rows))

    def first_duplicate(self, tenants: NDArray[np.uint32] | None = None) -> tuple[int, int] | None:
        """Return the first row whose id (under the same tenant) came before: (earlier row, row), or None."""
        n = len(self)
        if self.is_numeric and tenants is None:
            ordered = np.sort(self._number)
            if not np.any(ordered[1:] == ordered[:-1]):
                return None
        keys: list[Any] = self.to_list()
        if tenants is not None:
            keys = list(zip(tenants.tolist(), keys, strict=True))
        if len(set(keys)) == n:
            return None
        seen: dict[Any, int] = {}
        for row, key in enumerate(keys):
            if seen.setdefault(key, row) != row:
                return seen[key], row
        return None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the four arrays by name."""
        return {"number": self._number, "kind": self._kind, "offset": self._offset, "text": self._text}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], source: str = "ids") -> IdColumn:
        """Return the column over arrays that :meth:`arrays` gave, without a copy.

        Raises
        ------
        CorruptionError
            When one is missing or they do not fit each other; ``source`` says in it where they came from.
        """
        names = ("number", "kind", "offset", "text")
        missing = [name for name in names if name not in arrays]
        if missing:
            raise CorruptionError(source, f"the id arrays {missing} are missing")
        number, kind, offset, text = (arrays[name] for name in names)
        if number.dtype != np.uint64 or number.ndim != 1:
            raise CorruptionError(
                source, f"id numbers are {number.dtype} {number.shape}, expected uint64 (n,)"
            )
        if not len(kind) and not len(offset) and not len(text):
            return cls(number)
        if kind.dtype != np.uint8 or kind.shape != number.shape or text.dtype != np.uint8 or text.ndim != 1:
            raise CorruptionError(source, "id kinds or texts have the wrong type or length")
        if len(checked_offsets(offset, len(text), source)) != len(number) + 1:
            raise CorruptionError(source, f"{len(offset)} id offsets for {len(number)} ids")
        if np.any((np.diff(offset) > 0) != (kind == _TEXT)) or kind.max(initial=0) > _TEXT:
            raise CorruptionError(source, "id kinds do not agree with the id texts")
        return cls(number, kind, offset, text)

    @classmethod
    def _reduced(
        cls,
        number: NDArray[np.uint64],
        kind: NDArray[np.uint8],
        offset: NDArray[np.int64],
        text: NDArray[np.uint8],
    ) -> IdColumn:
        return cls(number, kind, offset, text) if kind.any() else cls(number)

    def _with_kinds(self) -> IdColumn:
        if not self.is_numeric:
            return self
        n = len(self)
        return IdColumn(self._number, np.zeros(n, np.uint8), np.zeros(n + 1, np.int64))
