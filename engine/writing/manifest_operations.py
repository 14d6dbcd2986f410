"""The changes of schema and manifest that a writer commits."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace
from numpy.typing import NDArray

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import WriteTransaction
from ...storage.catalog.records import CollectionRecord, SegmentRecord, StateRecord
from ..errors import NotFound, Unavailable
from ..schema.collection_schema import CollectionSchema
from ..segments.sealed.effort_tables import Tables, encode_queries, store_tables
from ..segments.sealed.segment import SealedSegment
from ..state.collection_set import CollectionSet
from ..state.collection_state import CollectionState, ReplaceSegments
from ..vocabulary.vocabularies import check_given


@dataclass(frozen=True, slots=True)
class ReplaceInManifest:
    """Put a new segment in the place of those it was made from.

    One transaction adds the segment, drops the log records it covers and rewrites the tombstones, so
    that a crash leaves the old segments or the new one, never both or neither.
    """

    state: CollectionState
    change: ReplaceSegments
    record: SegmentRecord | None
    tables: Tables = field(default_factory=dict)

    @property
    def touched(self) -> CollectionState:
        """The collection whose snapshot changes."""
        return self.state

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> list[SealedSegment]:
        """Rewrite the manifest and return the segments that left it."""
        state, change = self.state, self.change
        if not state.fits(change):
            # A merge that was told its commit had failed may have been committed all the same.
            raise Unavailable(f"the segments of {state.name!r} are not those that were merged; try again")
        tombstones = state.tombstones_after(change)
        for old in change.removed:
            catalog.delete_segment(txn, state.number, old)
        if self.record is not None:
            catalog.put_segment(txn, state.number, self.record)
            store_tables(catalog, txn, state.number, self.record.uuid, self.tables)
        if change.sealed_below:
            catalog.drop_log(txn, state.number, change.sealed_below)
        catalog.replace_tombstones(txn, state.number, state.next_sequence, tombstones)
        state.next_sequence += 1
        state.generation += 1
        catalog.put_state(txn, state.number, state.counters())
        return state.replace(change, tombstones)


@dataclass(frozen=True, slots=True)
class StoreCalibration:
    """Keep the effort tables measured on a caller's queries, and the queries for segments to come."""

    state: CollectionState
    schema: CollectionSchema
    field: str
    queries: Mapping[str, NDArray[Any]]
    tables: Mapping[str, Tables]

    @property
    def touched(self) -> CollectionState:
        """The collection whose snapshot changes."""
        return self.state

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> int:
        """Store the tables of the segments that are still there; return how many those are."""
        if not self.state.schema.shares(self.field, self.schema):
            raise NotFound(f"vector field {self.field!r} was dropped meanwhile", field="field")
        self.state.calibrations += 1
        catalog.put_calibration_queries(txn, self.state.number, self.field, encode_queries(self.queries))
        stored = 0
        for segment, tables in self.tables.items():
            if segment in self.state.sealed:
                store_tables(catalog, txn, self.state.number, segment, tables)
                stored += 1
        state = self.state
        state.generation += 1
        catalog.put_state(txn, state.number, state.counters())
        return stored


@dataclass(frozen=True, slots=True)
class StoreTables:
    """Keep effort tables of one segment that were measured after it was put into the manifest."""

    state: CollectionState
    segment: str
    tables: Tables

    @property
    def touched(self) -> CollectionState:
        """The collection whose snapshot changes."""
        return self.state

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> None:
        """Store them, unless the segment was merged away meanwhile."""
        state = self.state
        if self.segment in state.sealed:
            store_tables(catalog, txn, state.number, self.segment, self.tables)
            state.generation += 1
            catalog.put_state(txn, state.number, state.counters())


@dataclass(frozen=True, slots=True)
class CreateCollection:
    """Add a collection."""

    name: str
    schema: CollectionSchema
    collections: CollectionSet

    @property
    def touched(self) -> None:
        """No collection's snapshot changes."""

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> CollectionState:
        """Write its record and return its empty state."""
        self.collections.written.check_free(self.name)
        check_given(self.schema, self.schema.vectors)
        record = CollectionRecord(
            number=self.collections.new_number(),
            name=self.name,
            uuid=uuid.uuid4().hex,
            schema=self.schema.to_json(),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )
        catalog.put_collection(txn, record)
        catalog.put_state(txn, record.number, StateRecord(1, 0))
        state = CollectionState(record, catalog)
        for name in self.schema.vectors:
            state.vocabularies.create(txn, self.schema, name)
        state.generation = 0
        self.collections.add(state)
        return state


@dataclass(frozen=True, slots=True)
class ChangeSchema:
    """Give a collection another schema.

    ``change`` maps the schema there is, and the sequence number of the change, to the one there is to be; it
    runs in the writer's thread, so that no other change can come between.
    """

    state: CollectionState
    change: Callable[[CollectionSchema, int], CollectionSchema]

    @property
    def touched(self) -> CollectionState:
        """The collection whose snapshot changes."""
        return self.state

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> None:
        """Write the record, unless the schema stays what it is."""
        state = self.state
        known, schema = state.schema, self.change(state.schema, state.next_sequence)
        if schema is known:
            return
        added = [name for name in schema.vectors if not schema.shares(name, known)]
        check_given(schema, added)
        for name in added:
            state.vocabularies.create(txn, schema, name)
        record = replace(state.record, schema=schema.to_json())
        catalog.put_collection(txn, record)
        for name in known.vectors:
            if not schema.shares(name, known):
                catalog.delete_calibration_queries(txn, state.number, name)
                state.vocabularies.stored(known, name).delete(txn)
        # No two changes have the same number, and no point has that of one.
        state.next_sequence += 1
        state.generation += 1
        catalog.put_state(txn, state.number, state.counters())
        state.change_schema(record)


@dataclass(frozen=True, slots=True)
class DropCollection:
    """Remove a collection with all it holds."""

    state: CollectionState
    collections: CollectionSet

    @property
    def touched(self) -> CollectionState:
        """The collection, which nothing is written to from now on."""
        return self.state

    def apply(self, catalog: Catalog, txn: WriteTransaction) -> list[str]:
        """Remove its keys and return the uuids of its segments; it need not be loaded, or sound."""
        removed = [record.uuid for record in catalog.segments(txn, self.state.number)]
        catalog.delete_collection(txn, self.state.number)
        self.collections.remove(self.state)
        return removed
