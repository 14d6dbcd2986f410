"""Readers of files that hold records: Parquet and JSON lines."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from ...storage.columns.vectors import VectorKind
from .arrow_columns import payloads_of
from .batch import (
    BATCH_BYTES,
    BATCH_ROWS,
    DEFAULT_FIELD,
    FileBatch,
    FileRequest,
    choose_fields,
    choose_id,
    optional_module,
    rows_per_batch,
)
from .json_line import read_line
from .values import SPARSE_KEYS, as_stored, column_of, kind_of


def read_parquet(request: FileRequest) -> Iterator[FileBatch]:
    """Read a Parquet file; columns that are neither id nor vector become payload, nulls included."""
    arrow = optional_module("pyarrow", "reading Parquet")
    parquet = optional_module("pyarrow.parquet", "reading Parquet")
    try:
        file = parquet.ParquetFile(request.path)
    except arrow.ArrowInvalid as error:
        raise request.refuse(f"not a Parquet file: {error}") from error
    with file, _readable(request, arrow.ArrowException, OSError):
        n_rows, start = file.metadata.num_rows, 0
        names = file.schema_arrow.names
        if len(set(names)) < len(names):
            repeated = next(name for name in names if names.count(name) > 1)
            raise request.refuse(f"two columns are named {repeated!r}; rename one")
        able = [name for name in names if _may_be_vectors(arrow, file.schema_arrow.field(name).type)]
        fields = choose_fields(request, names, able, DEFAULT_FIELD)
        id_field = choose_id(request, names)
        n_bytes = sum(file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups))
        for batch in file.iter_batches(batch_size=rows_per_batch(n_bytes // max(1, n_rows))):
            columns = dict(zip(names, batch.columns, strict=True))
            vectors, kinds = {}, {}
            for field in fields:
                kinds[field], vectors[field] = _arrow_vectors(request, field, columns.pop(field), start)
            stop = start + len(batch)
            ids = range(start, stop) if id_field is None else columns.pop(id_field).to_pylist()
            payloads = payloads_of(request, arrow, columns, file.schema_arrow) if columns else None
            yield FileBatch(ids, vectors, kinds, payloads, stop / n_rows)
            start = stop


def read_json_lines(request: FileRequest) -> Iterator[FileBatch]:
    """Read one object a line; what is neither id nor vector becomes payload."""
    size = max(1, request.path.stat().st_size)
    start = 0
    fields: list[str] = []
    kinds: dict[str, VectorKind] = {}
    id_field: str | None = None
    with open(request.path, "rb") as raw, _readable(request, EOFError, zlib.error, gzip.BadGzipFile):
        lines: IO[bytes] = raw
        if request.path.suffix == ".gz":
            lines = gzip.GzipFile(fileobj=raw)  # type: ignore[assignment]  # typeshed: not an IO[bytes]
        for records in _batches_of_records(request, lines):
            first = records[0]
            if not fields:
                able = [name for name, value in first.items() if kind_of(value)]
                fields = choose_fields(request, list(first), able, DEFAULT_FIELD)
                id_field = choose_id(request, list(first))
                kinds = {field: _kind_of_first(request, field, first[field]) for field in fields}
            vectors = {}
            for field in fields:
                values = [record.pop(field, None) for record in records]
                vectors[field] = column_of(kinds[field], values, f"{request.path}, {field!r}", start)
            stop = start + len(records)
            ids = range(start, stop) if id_field is None else _take_ids(request, records, id_field, start)
            yield FileBatch(ids, vectors, kinds, records, min(1.0, raw.tell() / size))
            start = stop


@contextmanager
def _readable(request: FileRequest, *damage: type[Exception]) -> Iterator[None]:
    try:
        yield
    except damage as error:
        raise request.refuse(f"it is damaged or cut off: {error}") from error


def _may_be_vectors(arrow: Any, kind: Any) -> bool:
    if arrow.types.is_struct(kind):
        return {field.name for field in kind} == SPARSE_KEYS
    if not _is_list(arrow, kind):
        return False
    inner = kind.value_type
    return _is_list(arrow, inner) or arrow.types.is_integer(inner) or arrow.types.is_floating(inner)


def _is_list(arrow: Any, kind: Any) -> bool:
    types = arrow.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _arrow_vectors(request: FileRequest, field: str, array: Any, start: int) -> tuple[VectorKind, Any]:
    """Turn one column of a record batch into vectors; dense ones without a Python object a number."""
    arrow = optional_module("pyarrow", "reading Parquet")
    compute = optional_module("pyarrow.compute", "reading Parquet")
    where = f"{request.path}, column {field!r}"
    if not _may_be_vectors(arrow, array.type):
        raise request.refuse(f"the column {field!r} holds no vectors but {array.type}")
    if array.null_count:
        raise request.refuse(
            f"{array.null_count} rows from {start} on have no {field!r}; every point needs one"
        )
    if _is_list(arrow, array.type) and not _is_list(arrow, array.type.value_type):
        sizes = compute.unique(compute.list_value_length(array)).to_pylist()
        if len(sizes) > 1:
            raise request.refuse(
                f"{field!r} has vectors of {sorted(sizes)} numbers; a field has one dimension"
            )
        flat = np.asarray(array.flatten())
        return "dense", as_stored(flat.reshape(len(array), -1))
    kind: VectorKind = "sparse" if arrow.types.is_struct(array.type) else "multi"
    return kind, column_of(kind, array.to_pylist(), where, start)


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


def _kind_of_first(request: FileRequest, field: str, value: Any) -> VectorKind:
    kind = kind_of(value)
    if kind is None:
        raise request.refuse(f"the field {field!r} holds no vectors")
    return kind
