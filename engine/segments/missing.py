"""Batches whose vector fields are not those of a schema: what it lacks goes, what they lack is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...storage.columns.batch import Batch
from ...storage.columns.partial import partial_column
from ...storage.columns.vectors import VectorColumn
from ..schema.collection_schema import CollectionSchema
from ..schema.vector_field import VectorField
from ..vector_kinds.registry import kind_of


def missing_vectors(field: VectorField, n: int) -> VectorColumn:
    """Return a column of ``n`` rows that have no vector."""
    return partial_column(n, np.empty(0, np.uint32), kind_of(field).empty(field))


def fitted(batch: Batch, schema: CollectionSchema, sequence: int) -> Batch:
    """Return a batch that was written from ``sequence`` on with the vector fields of ``schema``."""
    if sequence >= schema.changed:
        return batch
    vectors = {
        name: batch.vectors[name]
        if name in batch.vectors and sequence >= schema.since.get(name, 0)
        else missing_vectors(field, len(batch))
        for name, field in schema.vectors.items()
    }
    return replace(batch, vectors=vectors)
