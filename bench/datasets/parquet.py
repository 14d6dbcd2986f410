"""Parquet files: one column of vectors; the other columns become payloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..extras import load_extra
from .dataset import Dataset, DatasetError, Floats, MetricName, as_floats, split_queries

VECTOR_COLUMNS = ("vector", "embedding", "emb", "embeddings", "dense")


def read_parquet(
    path: Path, query_file: Path | None, metric: MetricName | None, wanted: int | None
) -> Dataset:
    """Read a file (or a folder of files) whose vectors stand in a list column of equal lengths."""
    vectors, payloads, fields = _read_table(path)
    name = path.stem
    if query_file is not None:
        queries, _, _ = _read_table(query_file)
        return Dataset(name, metric or "cosine", vectors, queries, payloads, fields)
    kept, asked, note = split_queries(vectors, wanted)
    held = [payloads[row] for row in kept.tolist()]
    return Dataset(name, metric or "cosine", vectors[kept], vectors[asked], held, fields, note)


def _read_table(path: Path) -> tuple[Floats, list[dict[str, Any]], dict[str, str]]:
    table = load_extra("pyarrow.parquet").read_table(path)
    column = next((name for name in VECTOR_COLUMNS if name in table.column_names), None)
    if column is None:
        raise DatasetError(
            f"{path}: no column of vectors; expected one of {VECTOR_COLUMNS}, got {table.column_names}"
        )
    chunk = table.column(column).combine_chunks()
    if chunk.null_count:
        raise DatasetError(f"{path}: {chunk.null_count} rows of column {column!r} are null; remove them")
    flat = np.asarray(chunk.flatten().to_numpy(zero_copy_only=False))
    if len(chunk) == 0 or flat.size == 0 or flat.size % len(chunk):
        raise DatasetError(
            f"{path}: column {column!r} holds {flat.size} numbers in {len(chunk)} rows; "
            "expected equal lengths"
        )
    dim = flat.size // len(chunk)
    lengths = load_extra("pyarrow.compute").list_value_length(chunk).to_numpy(zero_copy_only=False)
    if not (lengths == dim).all():
        row = int(np.flatnonzero(lengths != dim)[0])
        raise DatasetError(
            f"{path}: row {row} of column {column!r} has {lengths[row]} dimensions; expected {dim}"
        )
    rest = table.drop_columns([column])
    payloads: list[dict[str, Any]] = rest.to_pylist() if rest.num_columns else [{} for _ in range(len(chunk))]
    return as_floats(flat.reshape(len(chunk), dim)), payloads, _fields(rest.schema)


def _fields(schema: Any) -> dict[str, str]:
    types = load_extra("pyarrow.types")
    known = (
        (types.is_string, "keyword"),
        (types.is_large_string, "keyword"),
        (types.is_boolean, "bool"),
        (types.is_integer, "integer"),
        (types.is_floating, "float"),
    )
    return {column.name: kind for column in schema for is_kind, kind in known if is_kind(column.type)}
