"""The payloads of points: one JSON object a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ..errors import CorruptionError
from ..invalid_value import InvalidValueError
from . import json_rows
from .array_like import column_input, list_of
from .ragged import Rows, checked_offsets, concat_offsets, offsets_of, row_numbers, slice_offsets, take_bytes

Payload = dict[str, Any]

_EMPTY = b"{}"


class PayloadColumn:
    """JSON objects in row order, immutable: ``offsets`` (n + 1,) int64 into ``data``, UTF-8 JSON as uint8."""

    __slots__ = ("_data", "_offsets")

    def __init__(self, offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> None:
        self._offsets = offsets
        self._data = data

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any] | None] | None, n: int) -> PayloadColumn:
        """Return the column of ``n`` payloads; None, for a row or for all of them, is the empty object.

        Rows come as any iterable but a mapping; `json_rows` says what they may hold and how it is stored.

        Raises
        ------
        InvalidValueError
            At the first row that is not an object or holds what JSON does not.
        """
        if rows is None:
            return cls(np.arange(0, len(_EMPTY) * n + 1, len(_EMPTY)), np.frombuffer(_EMPTY * n, np.uint8))
        listed = list_of(column_input(rows, "payloads", "pass a list with one object per id"))
        # A NumPy scalar is listed as one plain value.
        if not isinstance(listed, list):
            message = f"payloads is {listed!r:.80}; pass a list with one object per id"
            raise InvalidValueError(message, field="payloads")
        if len(listed) != n:
            message = f"payloads has {len(listed)} rows for {n} ids; pass one object (or None) per id"
            raise InvalidValueError(message, field="payloads")
        return cls.from_raw(json_rows.encode(listed))

    @classmethod
    def from_raw(cls, texts: Sequence[bytes]) -> PayloadColumn:
        """Return the column of texts that :meth:`raw` gave; nothing is checked."""
        return cls(offsets_of(map(len, texts), len(texts)), np.frombuffer(b"".join(texts), np.uint8))

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @property
    def nbytes(self) -> int:
        """Bytes of the two arrays."""
        return self._offsets.nbytes + self._data.nbytes

    def row_bytes(self) -> NDArray[np.int64]:
        """Return the bytes that each row takes, (n,)."""
        return np.diff(self._offsets) + 8

    def sizes(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the bytes of the JSON text of each of ``rows``."""
        sizes: NDArray[np.int64] = self._offsets[rows + 1] - self._offsets[rows]
        return sizes

    def largest(self) -> int:
        """Return the bytes of the longest JSON text, 0 when there is none."""
        return int(np.diff(self._offsets).max(initial=0))

    def raw(self, row: int) -> bytes:
        """Return the JSON text of one payload."""
        row = range(len(self))[row]
        return self._data[self._offsets[row] : self._offsets[row + 1]].tobytes()

    def get(self, row: int) -> Payload:
        """Return one payload."""
        return _decode(self.raw(row))

    def to_list(self, rows: Rows | None = None) -> list[Payload]:
        """Return the payloads of ``rows`` in that order, or all of them."""
        view = self._data.data
        chosen = slice(None) if rows is None else row_numbers(rows)
        starts, stops = self._offsets[:-1][chosen].tolist(), self._offsets[1:][chosen].tolist()
        return [_decode(view[start:stop]) for start, stop in zip(starts, stops, strict=True)]

    def each(self, rows: NDArray[np.int64]) -> Iterator[Payload]:
        """Yield the payloads of ``rows`` in that order; faster than a list where each is let go at once."""
        view = self._data.data
        for start, stop in zip(self._offsets[rows].tolist(), self._offsets[rows + 1].tolist(), strict=True):
            yield _decode(view[start:stop])

    def take(self, rows: Rows) -> PayloadColumn:
        """Return the column of ``rows``, in that order."""
        data, offsets = take_bytes(self._data, self._offsets, row_numbers(rows))
        return PayloadColumn(offsets, data)

    def slice(self, start: int, stop: int) -> PayloadColumn:
        """Return the column of rows ``start`` to ``stop``; the text is not copied."""
        data = self._data[self._offsets[start] : self._offsets[stop]]
        return PayloadColumn(slice_offsets(self._offsets, start, stop), data)

    @classmethod
    def concat(cls, columns: Sequence[PayloadColumn]) -> PayloadColumn:
        """Return the columns laid end to end."""
        if not columns:
            return cls.from_rows(None, 0)
        offsets = concat_offsets([column._offsets for column in columns])
        return cls(offsets, np.concatenate([column._data for column in columns]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the two arrays by name."""
        return {"offsets": self._offsets, "data": self._data}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], source: str = "payloads") -> PayloadColumn:
        """Return the column over arrays that :meth:`arrays` gave, without a copy.

        Raises
        ------
        CorruptionError
            When one is missing or they do not fit each other; ``source`` says in it where they came from.
        """
        if "offsets" not in arrays or "data" not in arrays:
            raise CorruptionError(source, f"payload arrays are {sorted(arrays)}, expected offsets and data")
        data = arrays["data"]
        if data.dtype != np.uint8 or data.ndim != 1:
            raise CorruptionError(
                source, f"payload text is {data.dtype} {data.shape}, expected uint8 (bytes,)"
            )
        return cls(checked_offsets(arrays["offsets"], len(data), source), data)


def _decode(text: bytes | memoryview) -> Payload:
    try:
        payload = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CorruptionError("payloads", f"a stored payload is not JSON: {error}") from error
    if not isinstance(payload, dict):
        raise CorruptionError(
            "payloads", f"a stored payload is a JSON {type(payload).__name__}, expected an object"
        )
    return payload
