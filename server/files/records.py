"""Readers of files that hold records: Parquet and JSON lines."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, Any

from ...storage.arrow.payload_values import is_missing_where_null, payload_rows, values_of
from ...storage.arrow.vector_values import vector_kind, vectors_of_array
from ...storage.columns.partial import PartialVectors
from ...storage.columns.vectors import ColumnKind
from ...storage.invalid_value import InvalidValueError
from .batch import (
    BATCH_BYTES,
    BATCH_ROWS,
    DEFAULT_FIELD,
    FileBatch,
    FileRequest,
    choose_fields,
    choose_id,
    optional_module,
    readable,
    rows_per_batch,
)
from .json_line import read_line
from .values import as_stored, column_of, kind_of


def read_parquet(request: FileRequest) -> Iterator[FileBatch]:
    """Read a Parquet file; columns that are neither id nor vector become payload, nulls included."""
    arrow = optional_module("pyarrow", "reading Parquet")
    parquet = optional_module("pyarrow.parquet", "reading Parquet")
    damage = arrow.ArrowException, OSError, UnicodeDecodeError
    with readable(request, *damage), parquet.ParquetFile(request.path) as file:
        n_rows, start = file.metadata.num_rows, 0
        names = file.schema_arrow.names
        if len(set(names)) < len(names):
            repeated = next(name for name in names if names.count(name) > 1)
            raise request.refuse(f"two columns are named {repeated!r}; rename one")
        able = [name for name in names if vector_kind(file.schema_arrow.field(name).type)]
        fields = choose_fields(request, names, able, DEFAULT_FIELD)
        id_field = choose_id(request, names)
        n_bytes = sum(file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups))
        for batch in file.iter_batches(batch_size=rows_per_batch(n_bytes // max(1, n_rows))):
            columns = dict(zip(names, batch.columns, strict=True))
            vectors: dict[str, Any] = {}
            kinds: dict[str, ColumnKind] = {}
            for field in fields:
                column = columns.pop(field)
                if column.null_count == len(column):
                    vectors[field] = None
                else:
                    kinds[field], vectors[field] = _arrow_vectors(request, field, column)
            stop = start + len(batch)
            ids = range(start, stop) if id_field is None else columns.pop(id_field).to_pylist()
            payloads = _arrow_payloads(request, columns, file.schema_arrow) if columns else None
            yield FileBatch(ids, vectors, kinds, payloads, stop / n_rows)
            start = stop


def read_json_lines(request: FileRequest) -> Iterator[FileBatch]:
    """Read one object a line; what is neither id nor vector becomes payload."""
    size = max(1, request.path.stat().st_size)
    start = 0
    fields: list[str] = []
    kinds: dict[str, ColumnKind] = {}
    id_field: str | None = None
    with open(request.path, "rb") as raw, readable(request, EOFError, zlib.error, gzip.BadGzipFile):
        lines: IO[bytes] = raw
        if request.path.suffix == ".gz":
            lines = gzip.GzipFile(fileobj=raw)  # type: ignore[assignment]  # typeshed: not an IO[bytes]
        for records in _batches_of_records(request, lines):
            if not fields:
                # What some records lack, or have as null, others have.
                first = {name: value for record in reversed(records) for name, value in record.items()}
                first |= {n: v for record in reversed(records) for n, v in record.items() if v is not None}
                able = [name for name, value in first.items() if kind_of(value)]
                fields = choose_fields(request, list(first), able, DEFAULT_FIELD)
                id_field = choose_id(request, list(first))
            vectors: dict[str, Any] = {}
            for field in fields:
                values = [record.pop(field, None) for record in records]
                found = next((value for value in values if value is not None), None)
                if found is not None and field not in kinds:
                    kinds[field] = _kind_of_first(request, field, found)
                where = f"{request.path}, {field!r}"
                vectors[field] = None if found is None else column_of(kinds[field], values, where, start)
            stop = start + len(records)
            ids = range(start, stop) if id_field is None else _take_ids(request, records, id_field, start)
            yield FileBatch(ids, vectors, kinds, records, min(1.0, raw.tell() / size))
            start = stop


def _arrow_payloads(request: FileRequest, columns: dict[str, Any], schema: Any) -> list[dict[str, Any]]:
    """Return the payload of each row of a record batch; nulls are kept, unless the column says otherwise."""
    missing = [name for name in columns if is_missing_where_null(schema.field(name))]
    try:
        values = {name: values_of(schema.field(name), array) for name, array in columns.items()}
    except InvalidValueError as error:
        raise request.refuse(str(error)) from error
    return payload_rows(values, len(next(iter(columns.values()))), missing)


def _arrow_vectors(request: FileRequest, field: str, array: Any) -> tuple[ColumnKind, Any]:
    """Turn one column of a record batch into vectors, without a Python object a number."""
    kind = vector_kind(array.type)
    if kind is None:
        raise request.refuse(f"the column {field!r} holds no vectors but {array.type}")
    try:
        vectors = vectors_of_array(repr(field), array)
    except InvalidValueError as error:
        raise request.refuse(str(error)) from error
    if kind != "dense":
        return kind, vectors
    if isinstance(vectors, PartialVectors):
        return kind, replace(vectors, vectors=as_stored(vectors.vectors))
    return kind, as_stored(vectors)


def _batches_of_records(request: FileRequest, lines: IO[bytes]) -> Iterator[list[dict[str, Any]]]:
    records: list[dict[str, Any]] = []
    n_bytes = 0
    for number, line in enumerate(lines, start=1):
        if line.isspace():
            continue
        try:
            records.append(read_line(line, number == 1))
        except ValueError as error:
            raise request.refuse(f"line {number} {error}") from error
        n_bytes += len(line)
        if n_bytes > BATCH_BYTES or len(records) == BATCH_ROWS:
            yield records
            records, n_bytes = [], 0
    if records:
        yield records


def _take_ids(request: FileRequest, records: list[dict[str, Any]], id_field: str, start: int) -> list[Any]:
    for row, record in enumerate(records, start=start):
        if id_field not in record:
            raise request.refuse(f"record {row} has no {id_field!r}, the field of the ids")
    return [record.pop(id_field) for record in records]


def _kind_of_first(request: FileRequest, field: str, value: Any) -> ColumnKind:
    kind = kind_of(value)
    if kind is None:
        raise request.refuse(f"the field {field!r} holds no vectors")
    return kind
