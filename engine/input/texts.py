"""Vectors that are made of the texts in payloads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...storage.columns.partial import partial_column
from ...storage.columns.payloads import PayloadColumn
from ...storage.columns.vectors import VectorColumn
from ..filters.canonical import extract
from ..schema.collection_schema import CollectionSchema
from ..vector_kinds.registry import kind_of


def source_of(schema: CollectionSchema, name: str) -> str | None:
    """Return the path in payloads that a field makes its vectors of, None where they are given."""
    field = schema.vectors[name]
    return kind_of(field).source(field)


def given_fields(schema: CollectionSchema) -> list[str]:
    """Return the vector fields whose vectors callers give."""
    return [name for name in schema.vectors if source_of(schema, name) is None]


def encoded_columns(
    schema: CollectionSchema, payloads: PayloadColumn, names: Iterable[str] | None = None
) -> dict[str, VectorColumn]:
    """Return the vectors of some fields, or of all, that are made of what payloads have at a dotted path.

    What is there is a text or a list, of which the texts count. A point without any has no vector.
    """
    chosen = schema.vectors if names is None else names
    paths = {name: path for name in chosen if (path := source_of(schema, name)) is not None}
    if not paths:
        return {}
    parsed = payloads.to_list()
    columns = {}
    for name, path in paths.items():
        found = [_texts(extract(payload, path)) for payload in parsed]
        present = np.flatnonzero([texts is not None for texts in found]).astype(np.uint32)
        field = schema.vectors[name]
        vectors = kind_of(field).encoded(field, [texts for texts in found if texts is not None])
        columns[name] = partial_column(len(parsed), present, vectors)
    return columns


def _texts(value: Any) -> list[str] | None:
    if isinstance(value, str):
        return [value]
    texts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    return texts or None
