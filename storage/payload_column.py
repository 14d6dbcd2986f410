"""The payloads of points: one JSON object a row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from .errors import CorruptionError
from .invalid_value import InvalidValueError
from .ragged import Rows, checked_offsets, concat_offsets, offsets_of, row_numbers, slice_offsets, take_bytes

Payload = dict[str, Any]

_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_EMPTY = b"{}"
# Compact JSON has no line feed of its own (text escapes it), so one between rows cuts exactly.
_ROW_END = orjson.Fragment(b"\n")
_BETWEEN_ROWS = b",\n,"
_EXPECTED = (
    "a payload is a JSON object: keys are text; values are null, bool, 64-bit integers, finite floats, text, "
    "lists or objects"
)
_WITHOUT_NUMBERS = frozenset({str, int, bool, type(None)})
_FLOATS = (float, np.floating)


class PayloadColumn:
    """JSON objects in row order, immutable: ``offsets`` (n + 1,) int64 into ``data``, UTF-8 JSON as uint8."""

    __slots__ = ("_data", "_offsets")

    def __init__(self, offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> None:
        self._offsets = offsets
        self._data = data

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any] | None] | None, n: int) -> PayloadColumn:
        """Return the column of ``n`` payloads; None, for a row or for all of them, is the empty object.

        A date or time becomes its ISO 8601 text (without a zone: UTC), a NumPy number a plain one.

        Raises
        ------
        InvalidValueError
            At the first row that is not an object or holds what JSON does not: a key that is not text, NaN,
            infinity, an integer beyond 64 bits, another type.
        """
        if rows is None:
            return cls(np.arange(0, len(_EMPTY) * n + 1, len(_EMPTY)), np.frombuffer(_EMPTY * n, np.uint8))
        if isinstance(rows, Mapping | str | bytes):
            message = f"payloads is a {type(rows).__name__}; pass a list with one object per id"
            raise InvalidValueError(message, field="payloads")
        if len(rows) != n:
            message = f"payloads has {len(rows)} rows for {n} ids; pass one object (or None) per id"
            raise InvalidValueError(message, field="payloads")
        encoded = _encode_all(rows) or [_encode(row, number) for number, row in enumerate(rows)]
        # orjson writes NaN and infinity as null, so only a row with a null can hide one.
        for number, text in enumerate(encoded):
            if b"null" in text and not _is_finite(rows[number]):
                _refuse_non_finite(rows[number], number)
        return cls.from_raw(encoded)

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


def iso_text(moment: date) -> str:
    """Return a date or a time as ISO 8601 text; a time without a zone is one in UTC."""
    if isinstance(moment, datetime) and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.isoformat()


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return iso_text(value)
    if isinstance(value, np.bool_ | np.integer | np.float64 | np.float32 | np.float16):
        return value.item()
    raise TypeError(f"it holds {value!r} ({type(value).__name__})")


def _encode_all(rows: Sequence[Any]) -> list[bytes] | None:
    """Return the JSON text of each row from one call of the encoder; None when a row needs a closer look."""
    if set(map(type, rows)) != {dict}:
        return None
    parts: list[Any] = [_ROW_END] * (2 * len(rows) - 1)
    parts[::2] = rows
    try:
        text = orjson.dumps(parts, _plain, _OPTIONS)
    except TypeError:
        return None
    return text[1:-1].split(_BETWEEN_ROWS)


def _encode(row: Any, number: int) -> bytes:
    if row is None:
        return _EMPTY
    if not isinstance(row, dict):
        message = f"payloads row {number} is {row!r:.80} ({type(row).__name__}); {_EXPECTED}"
        raise InvalidValueError(message, field="payloads", row=number)
    try:
        return orjson.dumps(row, _plain, _OPTIONS)
    except TypeError as error:
        reason = error.__cause__ or error
        message = f"payloads row {number} cannot be stored: {reason}; {_EXPECTED}"
        raise InvalidValueError(message, field="payloads", row=number) from error


def _is_finite(value: Any) -> bool:
    # Asked of every value of a row with a null in it: the type is compared before anything slower.
    kind = type(value)
    if kind in _WITHOUT_NUMBERS:
        return True
    if kind is dict:
        return all(map(_is_finite, value.values()))
    if kind is list or kind is tuple:
        return all(map(_is_finite, value))
    return not isinstance(value, _FLOATS) or math.isfinite(value)


def _refuse_non_finite(row: Any, number: int) -> None:
    pending: list[tuple[str, Any]] = [("", row)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict):
            pending.extend((f"{path}.{key}" if path else key, item) for key, item in value.items())
        elif isinstance(value, list | tuple):
            pending.extend((f"{path}[{index}]", item) for index, item in enumerate(value))
        elif isinstance(value, _FLOATS) and not math.isfinite(value):
            message = (
                f"payloads row {number} has {value} at {path!r}; every number must be finite (None for none)"
            )
            raise InvalidValueError(message, field="payloads", row=number)


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
