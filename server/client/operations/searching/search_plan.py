"""What a search asks for, but for its queries: checked and encoded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .....engine.input.candidates import StagedQuery
from .....engine.input.effort import index_knobs
from .....engine.input.options import SearchOptions, check_budgets
from .....engine.input.payload_paths import read_path
from .....engine.input.queries import chosen_field
from .....engine.input.stored_queries import StoredQueries
from .....engine.results.hits import BatchHits
from .....engine.schema.collection_schema import CollectionSchema
from .....engine.schema.vector_field import VectorField
from .....engine.vector_kinds.registry import kind_of
from .....indexes.protocol import Queries
from .....proto.v1 import search_pb2 as pb
from .....storage.columns.ids import IdColumn
from .....storage.columns.vectors import DenseColumn, VectorColumn
from ....wire.point_ids import put_ids
from ....wire.searching.hits import read_batch_hits
from ....wire.searching.options import put_candidates, put_options
from ....wire.vectors import put_vectors
from ..handle import CollectionHandle

Asked: TypeAlias = Queries | StoredQueries | StagedQuery


@dataclass(frozen=True, slots=True)
class StagedColumns:
    """Queries of a search and those of its first stage, None where they are the same, as they are sent."""

    queries: VectorColumn | IdColumn
    first: VectorColumn | None

    def row_bytes(self) -> NDArray[np.int64]:
        """Return what each query takes, in both."""
        sizes = self.queries.row_bytes()
        return sizes if self.first is None else sizes + self.first.row_bytes()

    def slice(self, start: int, stop: int) -> StagedColumns:
        """Return some of the queries."""
        first = None if self.first is None else self.first.slice(start, stop)
        return StagedColumns(self.queries.slice(start, stop), first)


SentQueries: TypeAlias = VectorColumn | IdColumn | StagedColumns


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What a search asks for that is the same from one query to the next.

    Messages laid end to end are merged, so what repeats is encoded once: all of a request but the filter and
    the queries. The requests of Search, SearchBatch, SearchGroups and Explain have the same fields under the
    same numbers.

    Attributes
    ----------
    options : SearchOptions
        Without the filter.
    field, spec
        The vector field that is searched.
    start : bytes
        Scope and options.
    first : (str, VectorField) or None
        The field in which candidates are found; None where there is no first stage.
    around : (bytes, bytes) or None
        What stands before and after the numbers of a single dense query, ``start`` included; None for queries
        of another kind.
    """

    options: SearchOptions
    field: str
    spec: VectorField
    start: bytes
    first: tuple[str, VectorField] | None
    around: tuple[bytes, bytes] | None

    def one(self, query: Asked) -> bytes:
        """Return the request for one query, without a filter."""
        if self.around is None or isinstance(query, StoredQueries | StagedQuery):
            return self.start + encoded_queries(self.column(query))
        before, after = self.around
        numbers: Any = query
        return b"".join((before, numbers.tobytes(), after))

    def column(self, queries: Asked) -> SentQueries:
        """Return queries as they are sent."""
        if isinstance(queries, StagedQuery):
            first = None
            if queries.first is not None:
                assert self.first is not None
                spec = self.first[1]
                first = kind_of(spec).query_column(spec, queries.first)
            return StagedColumns(_column(self.spec, queries.query), first)
        return _column(self.spec, queries)

    def batch_hits(self, hits: pb.HitColumns, counts: Any, queries: int) -> BatchHits:
        """Return the hits of ``queries`` queries from the columns of an answer."""
        options, nearer = self.options, self.spec.metric.higher_is_nearer
        return read_batch_hits(
            hits, counts, queries, options.k, nearer, options.with_payload, options.with_vectors
        )

    def group_hits(self, hits: pb.HitColumns, counts: Any, groups: int) -> BatchHits:
        """Return the hits of ``groups`` groups from the columns of an answer."""
        options, nearer = self.options, self.spec.metric.higher_is_nearer
        return read_batch_hits(
            hits, counts, groups, options.group_size, nearer, options.with_payload, options.with_vectors
        )


def search_plan(handle: CollectionHandle, schema: CollectionSchema, options: SearchOptions) -> SearchPlan:
    """Return the plan of a search, checked against the schema in the order in which the engine does.

    Raises
    ------
    InvalidArgument
        Whatever is wrong with the options.
    """
    scope = handle.scope(options.tenant)
    if options.group_by is not None:
        read_path(schema, options.group_by, "group_by")
    name, spec = _checked_field(schema, options)
    request = pb.SearchRequest()
    put_options(request.options, options, name)
    first = None
    if options.candidates is not None:
        first = _checked_field(schema, options.candidates)
        put_candidates(request.candidates, options.candidates, first[0])
    start = scope + request.SerializeToString()
    around = None
    floats = kind_of(spec).query_floats(spec)
    if floats is not None:
        before, after = _around_numbers(floats)
        around = start + before, after
    return SearchPlan(options, name, spec, start, first, around)


def _checked_field(schema: CollectionSchema, options: SearchOptions) -> tuple[str, VectorField]:
    """Return the field that one stage searches, if it can be searched so."""
    name, spec = chosen_field(schema, options.field)
    index_knobs(spec, options.effort)
    check_budgets(name, spec, options.tokens)
    return name, spec


def _column(spec: VectorField, queries: Queries | StoredQueries) -> VectorColumn | IdColumn:
    if isinstance(queries, StoredQueries):
        return IdColumn.from_values(queries.ids)
    return kind_of(spec).query_column(spec, queries)


def encoded_queries(queries: SentQueries) -> bytes:
    """Return queries as a part of a request."""
    request = pb.SearchRequest()
    if isinstance(queries, StagedColumns):
        if queries.first is not None:
            put_vectors(request.candidates.query, queries.first)
        return request.SerializeToString() + encoded_queries(queries.queries)
    if isinstance(queries, IdColumn):
        put_ids(request.by_id, queries.column())
    else:
        put_vectors(request.query, queries)
    return request.SerializeToString()


@lru_cache(maxsize=64)
def _around_numbers(dim: int) -> tuple[bytes, bytes]:
    """Return what encoding puts before and after the ``dim`` float32 numbers of one query."""
    # No byte before them is like these, because none that ends a tag or a length has its highest bit set.
    numbers = b"\xff" * (4 * dim)
    whole = encoded_queries(DenseColumn(np.frombuffer(numbers, np.float32).reshape(1, dim)))
    before, _, after = whole.partition(numbers)
    return before, after
