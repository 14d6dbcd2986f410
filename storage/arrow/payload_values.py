"""Columns of Arrow, and of frames, as values of payloads, none of them changed on the way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import orjson

from ..columns.json_rows import iso_text
from ..invalid_value import InvalidValueError
from .library import is_pandas, optional_library, speaks_arrow

NULL_KEY = b"vicinal.null"
"""In the metadata of a column: what a null of it stands for. Without it, for a null."""
MISSING = b"missing"
"""The payload has no such key."""

JSON_KEY = b"vicinal.json"
"""In the metadata of a column of text: :data:`JSON` when each is the JSON text of a value."""
JSON = b"true"

_NEEDED_FOR = "a frame as payloads"


class FrameValues:
    """The values of a frame: ``columns`` by name, each a list of ``n_rows``.

    A null in one of the columns ``missing`` stands for a payload without the key, in another for a null.
    ``empty`` are the rows that are null as a whole.
    """

    def __init__(
        self,
        columns: dict[str, list[Any]],
        n_rows: int,
        missing: Collection[str] = (),
        empty: Collection[int] = (),
    ) -> None:
        self.columns = columns
        self.n_rows = n_rows
        self.missing = missing
        self.empty = empty

    @classmethod
    def of(cls, value: Any) -> FrameValues | None:
        """Return the values of a frame of pandas, or of what gives itself as Arrow; None for anything else.

        In pandas NaN, NaT and NA are its nulls; its index is no column.

        Raises
        ------
        InvalidValueError
            When a column is named twice or not by text, is of a type without values in Python, or when
            pyarrow is not installed.
        """
        if is_pandas(value, "DataFrame"):
            return cls._of_pandas(value)
        # A Series is rows that are objects already.
        if is_pandas(value, "Series") or not speaks_arrow(value):
            return None
        arrow = optional_library("pyarrow", _NEEDED_FOR)
        try:
            rows = arrow.chunked_array(value)
        except (arrow.ArrowException, TypeError, ValueError) as error:
            message = f"payloads is a {type(value).__name__} that cannot be read: {error}"
            raise InvalidValueError(message, field="payloads") from error
        if not arrow.types.is_struct(rows.type):
            message = f"payloads is a column of {rows.type}; pass a frame, or one object per id"
            raise InvalidValueError(message, field="payloads")
        fields = [rows.type.field(place) for place in range(rows.type.num_fields)]
        _check_names([field.name for field in fields])
        arrays = rows.flatten() if fields else []
        columns = {field.name: values_of(field, array) for field, array in zip(fields, arrays, strict=True)}
        empty = [row for row, there in enumerate(rows.is_valid().to_pylist()) if not there]
        missing = [field.name for field in fields if is_missing_where_null(field)]
        return cls(columns, len(rows), missing, empty if rows.null_count else ())

    @classmethod
    def _of_pandas(cls, frame: Any) -> FrameValues:
        arrow = optional_library("pyarrow", _NEEDED_FOR)
        _check_names(list(frame.columns))
        columns = {}
        for name, series in frame.items():
            if series.dtype == object:
                # Arrow would look for one type and change what does not have it.
                nulls = series.isna()
                columns[name] = [None if null else value for value, null in zip(series, nulls, strict=True)]
                continue
            try:
                array = arrow.Array.from_pandas(series)
            except (arrow.ArrowException, TypeError, ValueError) as error:
                raise _unreadable(name, series.dtype, error) from error
            if _is_of_pandas_alone(arrow, array.type):
                raise _unreadable(name, series.dtype, "make it text, numbers or times first")
            values = values_of(arrow.field(name, array.type), array)
            if arrow.types.is_floating(array.type):
                values = [value if value == value else None for value in values]
            columns[name] = values
        return cls(columns, len(frame))

    def rows(self) -> list[dict[str, Any] | None]:
        """Return one payload a row."""
        rows: list[dict[str, Any] | None] = [*payload_rows(self.columns, self.n_rows, self.missing)]
        for row in self.empty:
            rows[row] = None
        return rows


def payload_rows(
    columns: Mapping[str, list[Any]], n_rows: int, missing: Collection[str]
) -> list[dict[str, Any]]:
    """Return columns of values as one payload a row; nulls are kept, but for those of columns ``missing``."""
    if not columns:
        return [{} for _ in range(n_rows)]
    names = list(columns)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for name in missing:
        for row in rows:
            if row[name] is None:
                del row[name]
    return rows


def is_missing_where_null(field: Any) -> bool:
    """Return whether a null in the column of this Arrow field stands for a payload without the key."""
    return (field.metadata or {}).get(NULL_KEY) == MISSING


def values_of(field: Any, array: Any) -> list[Any]:
    """Return the values of an Arrow array, which is the column ``field``; times of nanoseconds as text.

    Raises
    ------
    InvalidValueError
        When one is none of Python, as a time beyond the year 9999, or no JSON where the column says so.
    """
    arrow = optional_library("pyarrow", _NEEDED_FOR)
    try:
        if arrow.types.is_timestamp(array.type) and array.type.unit == "ns":
            return _nanoseconds(arrow, array)
        values: list[Any] = array.to_pylist()
        if (field.metadata or {}).get(JSON_KEY) == JSON:
            values = [None if text is None else orjson.loads(text) for text in values]
    except (arrow.ArrowException, ValueError, OverflowError, KeyError) as error:
        raise _unreadable(field.name, array.type, error) from error
    return values


def _unreadable(name: str, kind: Any, why: Any) -> InvalidValueError:
    return InvalidValueError(f"column {name!r} of {kind} cannot be read: {why}", field="payloads")


def _check_names(names: list[Any]) -> None:
    for name in names:
        if not isinstance(name, str):
            message = (
                f"payloads has the column {name!r:.80} ({type(name).__name__}), but keys are text: rename it"
            )
            raise InvalidValueError(message, field="payloads")
        if names.count(name) > 1:
            message = f"payloads has two columns named {name!r}; rename one"
            raise InvalidValueError(message, field="payloads")


def _is_of_pandas_alone(arrow: Any, kind: Any) -> bool:
    """Return whether values of a type are periods or intervals: their Arrow values are less than they are."""
    if arrow.types.is_dictionary(kind):
        return _is_of_pandas_alone(arrow, kind.value_type)
    return isinstance(kind, arrow.ExtensionType) and kind.extension_name.startswith("pandas.")


def _nanoseconds(arrow: Any, array: Any) -> list[str | None]:
    """Return times as text of nine digits where six would lose something; a datetime has six."""
    counts = [(0, 0) if n is None else divmod(n, 1000) for n in array.cast(arrow.int64()).to_pylist()]
    kind = arrow.timestamp("us", array.type.tz)
    moments: list[datetime] = (
        arrow.array([count for count, _ in counts], arrow.int64()).cast(kind).to_pylist()
    )
    texts: list[str | None] = []
    for is_there, moment, (_, rest) in zip(array.is_valid().to_pylist(), moments, counts, strict=True):
        text = iso_text(moment) if is_there else None
        if text is not None and rest:
            zone = text[len(moment.replace(tzinfo=None).isoformat()) :]
            text = f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}{rest:03d}{zone}"
        texts.append(text)
    return texts
