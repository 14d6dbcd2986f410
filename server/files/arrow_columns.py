"""Columns of a Parquet file as values of payloads, none of them changed on the way."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ...storage.columns.json_rows import iso_text
from .batch import FileRequest

NULL_KEY = b"vicinal.null"
"""In the metadata of a column: what a null of it stands for. Without it, for a null."""
MISSING = b"missing"
"""The payload has no such key."""


def payloads_of(
    request: FileRequest, arrow: Any, columns: dict[str, Any], schema: Any
) -> list[dict[str, Any]]:
    """Return the payload of each row of a record batch; nulls are kept, unless the column says otherwise."""
    names = list(columns)
    sparse = [name for name in names if (schema.field(name).metadata or {}).get(NULL_KEY) == MISSING]
    values = [_values(request, arrow, name, array) for name, array in columns.items()]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
    for name in sparse:
        for row in rows:
            if row[name] is None:
                del row[name]
    return rows


def _values(request: FileRequest, arrow: Any, name: str, array: Any) -> list[Any]:
    try:
        if arrow.types.is_timestamp(array.type) and array.type.unit == "ns":
            return _nanoseconds(arrow, array)
        values: list[Any] = array.to_pylist()
    except (arrow.ArrowException, ValueError, OverflowError, KeyError) as error:
        raise request.refuse(f"column {name!r} of {array.type} cannot be read: {error}") from error
    return values


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
