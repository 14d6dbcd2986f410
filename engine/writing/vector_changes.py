"""What a write makes of vectors: pure functions from the points there are to those there are to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...storage.columns.batch import Batch
from ...storage.columns.ids import IdColumn
from ...storage.columns.partial import PartialColumn, concat_columns, partial_column, present_rows
from ...storage.columns.vectors import VectorColumn
from ..errors import InvalidArgument
from ..schema.collection_schema import CollectionSchema
from ..vocabulary.token_columns import IdsOf, column_with_ids


def check_kept(fields: Iterable[str], known: CollectionSchema, schema: CollectionSchema) -> None:
    """Raise InvalidArgument unless a schema has fields as the one has against which a call was checked."""
    for name in fields:
        if not schema.shares(name, known):
            raise InvalidArgument(f"vector field {name!r} was dropped while the call waited", field="vectors")


def with_vectors(batch: Batch, ids: IdColumn, vectors: Mapping[str, VectorColumn], ids_of: IdsOf) -> Batch:
    """Return the points whose ids have vectors, with those; where an id has none, with their own.

    What is stored has ids already, so tokens are given theirs by ``ids_of``.
    """
    row_of = {point_id: row for row, point_id in enumerate(ids.to_list())}
    rows = np.array([row_of[point_id] for point_id in batch.ids.to_list()], np.int64)
    new = {name: column_with_ids(name, column.take(rows), ids_of) for name, column in vectors.items()}
    having = np.unique(np.concatenate([present_rows(column) for column in new.values()]))
    batch = batch.take(having)
    changed = {name: _laid_over(batch.vectors[name], column.take(having)) for name, column in new.items()}
    return replace(batch, vectors={**batch.vectors, **changed})


def without_vectors(batch: Batch, fields: Sequence[str]) -> Batch:
    """Return the points that have a vector in one of the fields, without it."""
    having = [present_rows(batch.vectors[name]) for name in fields]
    batch = batch.take(np.unique(np.concatenate(having)))
    nothing = np.empty(0, np.uint32)
    none = {name: partial_column(len(batch), nothing, _no_rows(batch.vectors[name])) for name in fields}
    return replace(batch, vectors={**batch.vectors, **none})


def _laid_over(old: VectorColumn, new: VectorColumn) -> VectorColumn:
    if not isinstance(new, PartialColumn):
        return new
    rows = np.arange(len(old))
    rows[new.present] = len(old) + new.present
    return concat_columns([old, new]).take(rows)


def _no_rows(column: VectorColumn) -> VectorColumn:
    return (column.vectors if isinstance(column, PartialColumn) else column).slice(0, 0)
