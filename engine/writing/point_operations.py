"""The changes a writer commits: upsert, delete, payload update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import WriteTransaction
from ...storage.columns.batch import Batch
from ...storage.columns.ids import IdColumn
from ...storage.columns.partial import PartialColumn
from ..error_translation import translated
from ..errors import InvalidArgument
from ..filters.expression import Filter
from ..filters.parsing import ParsedFields, parse_fields
from ..input.queries import bound
from ..input.texts import encoded_columns
from ..input.upsert_condition import UpsertCondition, UpsertMode
from ..results.point import PointId
from ..results.written import Written
from ..schema.collection_schema import CollectionSchema
from ..segments.bitmaps import bitmap, bitmap64, rows_of
from ..segments.missing import missing_vectors
from ..segments.sizes import Admit, stored_sizes
from ..segments.snapshot import place
from ..segments.view import SegmentView
from ..state.collection_state import CollectionState
from ..tenants.tenant import Tenant
from ..vector_kinds.registry import kind_of
from ..vocabulary.token_columns import IdsOf, batch_with_ids, has_tokens
from ..vocabulary.vocabularies import Vocabularies
from ..vocabulary.vocabulary import Vocabulary
from .manifest_operations import ChangeSchema
from .quota_check import check_quota, is_limited
from .shown_fields import declared_by

LOG_RECORD_BYTES = 1 << 20
"""Target size of one value of the log; LMDB finds room for values of this size without long searches."""


Change = Callable[[Batch, IdsOf], Batch]
"""From the points there are, and what gives tokens ids, to the points there are to be."""


@dataclass(frozen=True, slots=True)
class Upsert:
    """Insert points, or replace those whose ids exist.

    Attributes
    ----------
    state : CollectionState
    tenant : Tenant
    chunks : list of (int, bytes)
        The batch cut into log records: number of points and encoded bytes of each. Without records where
        tokens have no ids yet, which the writer gives them.
    batch : Batch
        The same points in one piece.
    schema : CollectionSchema
        What they were checked against.
    parsed : ParsedFields or None
        Their indexed payload fields; None where those are declared by what is written.
    condition : UpsertCondition or None
        What holds for those that are written; None for all.
    vocabularies : Vocabularies or None
        What told the ids of tokens; None where there was none to be told.
    untold : Batch or None
        The points before their tokens were told ids; None where there was none to be told.
    """

    state: CollectionState
    tenant: Tenant
    chunks: list[tuple[int, bytes]]
    batch: Batch
    schema: CollectionSchema
    parsed: ParsedFields | None
    condition: UpsertCondition | None = None
    vocabularies: Vocabularies | None = None
    untold: Batch | None = None

    @property
    def touched(self) -> CollectionState:
        """The collection whose snapshot changes."""
        return self.state

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> Written:
        """Log the points and return the sequence number after them, and how many they were."""
        state, batch, chunks, parsed = self.state, self.batch, self.chunks, self.parsed
        if self.untold is not None and self.vocabularies is not state.vocabularies:
            # An id that was read may be of a commit that came to nothing, and another token's by now.
            batch = self.untold
        owner = _resolved(state, self.tenant)
        rows = None if self.condition is None else _meeting(state, owner, batch.ids, self.condition)
        if rows is not None and not len(rows):
            return Written(state.next_sequence, 0)
        if rows is not None and len(rows) < len(batch.ids):
            batch = batch.take(rows)
        if state.schema is not self.schema:
            batch = _under(batch, self.schema, state.schema)
        schema = declared_by(state, batch.payloads) if state.schema.declares else state.schema
        if parsed is None or batch is not self.batch or schema is not self.schema:
            parsed = parse_fields(schema.fields, batch.payloads)
        check_quota(state, self.tenant.name, owner, batch)
        if has_tokens(batch):
            batch = batch_with_ids(batch, _assigning(state, txn))
        if batch is not self.batch:
            chunks = _log_chunks(batch)
        number = _stored_tenant(txn, state, self.tenant)
        if number != self.tenant.number:
            # The tenant was not known yet, or not under this number, when the caller encoded the batch.
            batch = replace(batch, tenants=np.full(len(batch.ids), number, np.uint32))
            chunks = _log_chunks(batch)
        ChangeSchema(state, lambda known, _: schema).apply(catalog, txn)
        replaced = state.living_sequence(batch.ids, number)
        first = state.next_sequence
        sequence = first
        for n, encoded in chunks:
            catalog.append_log(txn, state.number, sequence, encoded)
            sequence += n
        _bury(catalog, txn, state, first, replaced)
        state.append(batch, first, parsed)
        _put_state(catalog, txn, state)
        return Written(state.next_sequence, len(batch.ids))


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete points by id, or those of a tenant that satisfy a filter, which is not bound to a schema."""

    state: CollectionState
    tenant: Tenant
    ids: Sequence[PointId] | None
    filter: Filter | None

    @property
    def touched(self) -> CollectionState:
        """The collection whose snapshot changes."""
        return self.state

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> int:
        """Bury the points and return how many there were."""
        state, tenant = self.state, _resolved(self.state, self.tenant)
        if tenant is None:
            return 0
        ids: Sequence[PointId]
        if self.ids is not None:
            dead, ids = state.living_sequence(self.ids, tenant.number), self.ids
        else:
            dead, ids = _matching(state, self.filter, tenant)
        if len(dead):
            _bury(catalog, txn, state, state.next_sequence, dead)
            state.grants.end_of_points(txn, tenant.number, ids)
            state.next_sequence += 1
            _put_state(catalog, txn, state)
        return len(dead)


@dataclass(frozen=True, slots=True)
class Update:
    """Write points that exist anew, each with another payload or other vectors. The filter is not bound.

    ``change`` maps the points that were chosen to those that change, which stay in their order; it runs in
    the writer's thread, so that no write can come between reading and replacing, and is told what gives
    tokens their ids. ``admit`` is told the bytes of the new versions, each with ``added`` more than it has,
    before any is read; what it raises is a VicinalError.
    """

    state: CollectionState
    tenant: Tenant
    ids: Sequence[PointId] | None
    filter: Filter | None
    change: Change
    added: int = 0
    admit: Admit | None = None

    @property
    def touched(self) -> CollectionState:
        """The collection whose snapshot changes."""
        return self.state

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> int:
        """Write a new version of each point that changes and return how many were chosen."""
        tenant = _resolved(self.state, self.tenant)
        if tenant is None:
            return 0
        pending = self.state.pending()
        expression = bound(self.filter, pending.schema)
        chosen = [self._rows(view, expression, tenant) for view in pending.views]
        if not any(map(len, chosen)):
            return 0
        if self.admit is not None:
            places = np.concatenate([place(number, rows) for number, rows in enumerate(chosen)])
            self.admit(int(stored_sizes(pending, places, vectors=True).sum()) + len(places) * self.added)
        found = [(view, rows) for view, rows in zip(pending.views, chosen, strict=True) if len(rows)]
        parts = [view.batch(rows) for view, rows in found]
        sequences = [view.sequence()[rows] for view, rows in found]
        # In the order they were written, which does not depend on how segments are cut and arranged.
        old = Batch.concat(parts).take(np.argsort(np.concatenate(sequences)))
        with translated():
            if is_limited(self.state, tenant.name) and _may_have_tokens(pending.schema):
                # Tokens would keep the ids that they get, though the points are refused.
                check_quota(self.state, tenant.name, tenant, self.change(old, _numbered))
            new = self.change(old, _assigning(self.state, txn))
        if len(new):
            upsert(self.state, pending.schema, tenant, new).apply(catalog, txn)
        return len(old)

    def _rows(self, view: SegmentView, expression: Filter | None, tenant: Tenant) -> NDArray[Any]:
        if self.ids is None:
            return rows_of(view.matching(expression, tenant.scope))
        rows = view.find(self.ids, tenant.number)
        return rows[rows >= 0]


def upsert(
    state: CollectionState,
    schema: CollectionSchema,
    tenant: Tenant,
    batch: Batch,
    condition: UpsertCondition | None = None,
) -> Upsert:
    """Encode ``batch`` for the log and parse its indexed fields; any thread may call this.

    The schema is the one the batch was checked against: that of the state may be another by now.
    """
    parsed = None if schema.declares else parse_fields(schema.fields, batch.payloads)
    vocabularies = untold = None
    if has_tokens(batch):
        # Where all tokens have ids already, the writer has less to do.
        known, untold = state.vocabularies, batch
        batch = batch_with_ids(batch, lambda field, tokens: _of(known, schema, field).known_ids(tokens))
        vocabularies = known
    chunks = [] if has_tokens(batch) else _log_chunks(batch)
    return Upsert(state, tenant, chunks, batch, schema, parsed, condition, vocabularies, untold)


def _assigning(state: CollectionState, txn: WriteTransaction) -> IdsOf:
    """Return what gives tokens ids in a transaction, under the schema there is now."""
    return lambda field, tokens: _of(state.vocabularies, state.schema, field).assigned_ids(txn, tokens)


def _may_have_tokens(schema: CollectionSchema) -> bool:
    return any(kind_of(field).has_tokens(field) for field in schema.vectors.values())


def _numbered(_field: str, tokens: list[str]) -> NDArray[np.uint32]:
    """Return ids as long as those that tokens get, for points that are not stored."""
    return np.arange(len(tokens), dtype=np.uint32)


def _of(vocabularies: Vocabularies, schema: CollectionSchema, field: str) -> Vocabulary:
    vocabulary = vocabularies.of(schema, field)
    assert vocabulary is not None
    return vocabulary


def _under(batch: Batch, known: CollectionSchema, schema: CollectionSchema) -> Batch:
    """Return a batch that was checked against one schema with the vector fields of another."""
    for name, column in batch.vectors.items():
        lacks_all = isinstance(column, PartialColumn) and not len(column.vectors)
        if not lacks_all and not schema.shares(name, known):
            raise InvalidArgument(f"vector field {name!r} was dropped while the call waited", field="vectors")
    vectors = {
        name: batch.vectors[name] if schema.shares(name, known) else missing_vectors(field, len(batch))
        for name, field in schema.vectors.items()
    }
    added = [name for name in schema.vectors if not schema.shares(name, known)]
    return replace(batch, vectors=vectors | encoded_columns(schema, batch.payloads, added))


def _log_chunks(batch: Batch) -> list[tuple[int, bytes]]:
    return [(len(part.ids), part.encode()) for part in batch.split(LOG_RECORD_BYTES)]


def _meeting(
    state: CollectionState, owner: Tenant | None, ids: IdColumn, condition: UpsertCondition
) -> NDArray[np.int64]:
    """Return the positions of the ids that an upsert writes, by what is stored of them."""
    n, listed = len(ids), ids.to_list()
    exists, fits = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    pending = state.pending()
    expression = bound(condition.only_if, pending.schema)
    for view in pending.views:
        if owner is None:
            break
        rows = view.find(listed, owner.number)
        found = np.flatnonzero(rows >= 0)
        exists[found] = True
        if expression is not None and len(found):
            matching = view.matching(expression, owner.scope, among=bitmap(rows[found]))
            fits[found] = [row in matching for row in rows[found].tolist()]
    match condition.mode:
        case UpsertMode.INSERT_ONLY:
            written = ~exists
        case UpsertMode.UPDATE_ONLY:
            written = exists if expression is None else fits
        case UpsertMode.UPSERT:
            written = ~exists | fits
    return np.flatnonzero(written)


def _matching(
    state: CollectionState, filter: Filter | None, tenant: Tenant
) -> tuple[NDArray[np.uint64], list[PointId]]:
    """Return the sequence numbers of the points that a filter holds for, and their ids if any is granted."""
    pending = state.pending()
    expression = bound(filter, pending.schema)
    found, ids = [np.empty(0, np.uint64)], list[PointId]()
    gives = state.grants.gives(tenant.number)
    for view in pending.views:
        rows = rows_of(view.matching(expression, tenant.scope))
        found.append(view.sequence()[rows])
        ids += view.ids(rows) if gives else []
    return np.concatenate(found), ids


def _resolved(state: CollectionState, tenant: Tenant) -> Tenant | None:
    """Return the tenant with the number it has now; one given in a commit that failed was taken back."""
    if tenant.name is None:
        return tenant
    number = state.tenants.written(tenant.name)
    return None if number is None else Tenant(tenant.name, number)


def _stored_tenant(txn: WriteTransaction, state: CollectionState, tenant: Tenant) -> int:
    if tenant.name is None:
        return tenant.number
    number = state.tenants.written(tenant.name)
    return state.tenants.add(txn, tenant.name) if number is None else number


def _bury(
    catalog: Catalog,
    txn: WriteTransaction,
    state: CollectionState,
    sequence: int,
    dead: NDArray[np.uint64],
) -> None:
    if len(dead):
        catalog.put_tombstones(txn, state.number, sequence, bitmap64(dead))
        state.bury(dead)


def _put_state(catalog: Catalog, txn: WriteTransaction, state: CollectionState) -> None:
    catalog.put_state(txn, state.number, state.counters())
