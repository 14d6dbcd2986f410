"""Importing a file into a collection, which is created from what the file holds if it is not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...engine.collection import Collection
from ...engine.database import Database
from ...engine.errors import InvalidArgument
from ...engine.input.texts import given_fields
from ...engine.schema.collection_schema import CollectionSchema
from ...engine.schema.declared import DeclaredFields
from ...engine.schema.multi_field import Multi
from ...engine.schema.sparse_field import Sparse
from ...engine.schema.vector_field import Dense, VectorField
from ...indexes.rows.element import Element
from ...storage.columns.partial import PartialVectors
from ...storage.columns.vectors import ColumnKind
from .batch import FileBatch, FileRequest
from .readers import read_file

# What a vector of a file is stored as when nothing else is said; uint8 may be coordinates or packed bits.
_NATURAL_ELEMENTS = {np.dtype(np.float16): Element.FLOAT16, np.dtype(np.int8): Element.INT8}


@dataclass(frozen=True)
class NewCollection:
    """The collection to import into, and what was said about it in case it has to be created.

    Attributes
    ----------
    name : str
    metric, element : str or None
        Of all dense fields; None means cosine (hamming for binary) and the element type of the file.
    fields : dict or "auto"
        Payload fields to index, name to type, or those that the first points declare.
    partitioned : bool
    """

    name: str
    metric: str | None = None
    element: str | None = None
    fields: DeclaredFields = field(default_factory=dict)
    partitioned: bool = False

    def said(self) -> list[str]:
        """Return the options that only a new collection takes, those that were given."""
        given = {
            "--metric": self.metric,
            "--element": self.element,
            "--fields": self.fields,
            "--partitioned": self.partitioned,
        }
        return [option for option, value in given.items() if value]


def import_points(
    database: Database,
    request: FileRequest,
    new: NewCollection,
    tenant: str | None,
    told: Callable[[int, float], None],
) -> tuple[Collection, int]:
    """Upsert all points of a file; return the collection and how many points were read.

    ``told`` is called with the number of points and the fraction of the file read so far. Every batch is
    durable when the next one is read. A collection that was created for a file whose first batch is
    refused is dropped again.

    Raises
    ------
    InvalidArgument
        Whatever is wrong with the file, or options for a new collection where one exists.
    """
    exists = new.name in database.collections()
    if exists and new.said():
        raise InvalidArgument(
            f"collection {new.name!r} exists, and {', '.join(new.said())} can only be said of a new one"
        )
    into = database.collection(new.name) if exists else None
    if into is not None and not request.vector_fields:
        given = tuple(given_fields(into.schema))
        if len(into.schema.vectors) > 1 or not given:
            request = replace(request, vector_fields=given or None)
    n_points = 0
    for batch in read_file(request):
        if into is None:
            into = database.create_collection(
                new.name, _vector_fields(batch, new), fields=new.fields, partitioned=new.partitioned
            )
        try:
            into.upsert(batch.ids, _named(batch, into.schema), batch.payloads, tenant=tenant)
        except InvalidArgument as error:
            if n_points == 0 and not exists:
                database.drop_collection(new.name)
            raise InvalidArgument(f"{request.path}, after {n_points:,} points: {error}") from error
        n_points += len(batch.ids)
        told(n_points, batch.fraction)
    if into is None:
        raise request.refuse("the file has no rows")
    return into, n_points


def _vector_fields(batch: FileBatch, new: NewCollection) -> dict[str, VectorField]:
    fields: dict[str, VectorField] = {}
    for name, vectors in batch.vectors.items():
        if vectors is None:
            raise InvalidArgument(
                f"the first {len(batch.ids):,} points have no {name!r}, so nobody knows its kind; create the "
                "collection before the import"
            )
        there = vectors.vectors if isinstance(vectors, PartialVectors) else vectors
        fields[name] = _vector_field(batch.kinds[name], there, new)
    return fields


def _vector_field(kind: ColumnKind, vectors: Any, new: NewCollection) -> VectorField:
    if kind == "sparse":
        return Sparse()
    if kind == "tokens":
        return Sparse(tokens=True)
    if kind == "multi":
        return Multi(vectors[0].shape[1])
    element = new.element or _NATURAL_ELEMENTS.get(vectors.dtype, Element.FLOAT32)
    if element == Element.BINARY:
        return Dense(vectors.shape[1] * 8, metric=new.metric or "hamming", element=element)
    return Dense(vectors.shape[1], metric=new.metric or "cosine", element=element)


def _named(batch: FileBatch, schema: CollectionSchema) -> dict[str, Any]:
    """Return the vectors by field; the only ones go into the only field, whatever either is called."""
    vectors = batch.vectors
    if len(vectors) == 1 and len(schema.vectors) == 1:
        return dict(zip(schema.vectors, vectors.values(), strict=True))
    return vectors
