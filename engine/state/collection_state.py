"""The state of one collection in memory: what the catalog says, ready to search."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from pyroaring import BitMap, BitMap64

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.records import CollectionRecord, StateRecord
from ...storage.columns.batch import Batch
from ...storage.columns.ids import IdColumn
from ...storage.segments.check import any_damage
from ..audit.audited_searches import AuditedSearches
from ..errors import Corruption, NotFound
from ..results.point import PointId
from ..schema.collection_schema import CollectionSchema
from ..segments.bitmaps import bitmap, bitmap64, numbers_of
from ..segments.growing.postings import ParsedFields
from ..segments.growing.segment import GrowingSegment
from ..segments.growing.view import GrowingView
from ..segments.sealed.segment import SealedSegment
from ..segments.sealed.view import SealedView
from ..segments.snapshot import Snapshot
from ..segments.view import SegmentView
from ..tenants.grants import GrantTable
from ..tenants.tenant_numbers import TenantNumbers
from ..vocabulary.vocabularies import Vocabularies
from .writing_pace import WritingPace

UNLOADED = -1
"""The generation of a state that does not hold what the catalog says."""


@dataclass(frozen=True, slots=True)
class ReplaceSegments:
    """A change of the manifest: some segments and a prefix of the growing rows become one segment.

    Attributes
    ----------
    removed : frozenset of str
        Segments that go.
    added : SealedSegment or None
        The segment that holds their live rows; None when none was left alive.
    sealed_below : int
        Growing rows with a lower sequence number are covered by ``added``; 0 for none.
    sealed_from : int
        Sequence number of the first growing row when the rows were read; 0 where none is covered.
    """

    removed: frozenset[str]
    added: SealedSegment | None
    sealed_below: int = 0
    sealed_from: int = 0


class CollectionState:
    """Segments, tombstones and the growing segment of one collection, and the snapshot searches see.

    One thread changes it: the database's writer, or the follower of a read-only process. A change becomes
    visible to readers by :meth:`publish` alone, which swaps one reference; :attr:`snapshot` may be read
    from any thread without a lock. A new one knows name and schema; :func:`~.recovery.reload_collection`
    fills it.
    """

    def __init__(self, record: CollectionRecord, catalog: Catalog) -> None:
        self.number = record.number
        self.vocabularies = Vocabularies(catalog, record)
        self.sealed: dict[str, SealedSegment] = {}
        self.record = record
        self.schema = CollectionSchema.from_json(record.schema)
        self.next_sequence = 1
        self.generation = UNLOADED
        self.growing = GrowingSegment(self.schema)
        self.tenants = TenantNumbers(catalog, record.number)
        self.grants = GrantTable(catalog, record.number)
        self.tombstones = BitMap64()
        self.last_write = time.monotonic()
        self.pace = WritingPace()
        self.dropped = False
        self.calibrations = 0
        self.audited = AuditedSearches()
        self._dead: dict[str, BitMap] = {}
        self._growing_dead = BitMap()
        self._views: dict[str, SealedView] = {}
        self.snapshot = Snapshot(self.schema, (), self.next_sequence, self.vocabularies)

    @property
    def name(self) -> str:
        """Its name; a renaming changes it."""
        return self.record.name

    @property
    def loaded(self) -> bool:
        """Whether it was read from the catalog, or is new."""
        return self.generation != UNLOADED

    def counters(self) -> StateRecord:
        """Return what the catalog is to say of every change so far, published or not."""
        return StateRecord(
            self.next_sequence,
            self.generation,
            self.tenants.last,
            self.tenants.changes,
            self.grants.changes,
        )

    def pending(self) -> Snapshot:
        """Return a snapshot of every change so far, published or not."""
        views: list[SegmentView] = []
        for uuid, segment in self.sealed.items():
            dead = self._dead.setdefault(uuid, BitMap())
            view = self._views.get(uuid)
            # A view that did not change keeps what it has cached.
            if (
                view is None
                or view.segment is not segment
                or view.dead is not dead
                or view.schema is not self.schema
            ):
                earlier, view = view, SealedView(segment, dead, self.schema)
                if earlier is not None and earlier.segment is segment and earlier.schema is self.schema:
                    view.follow(earlier)
                self._views[uuid] = view
            views.append(view)
        for uuid in self._views.keys() - self.sealed.keys():
            del self._views[uuid]
        if len(self.growing):
            views.append(GrowingView(self.growing, len(self.growing), self._growing_dead))
        return Snapshot(
            self.schema,
            tuple(views),
            self.next_sequence,
            self.vocabularies,
            grants=self.grants.of,
            raised=self.audited.raised,
        )

    def publish(self) -> None:
        """Make every change so far visible to searches that start from now on."""
        # Who reads takes the snapshot first: a tenant that is new in it has its number by then.
        self.tenants.publish()
        self.snapshot = self.pending()

    def set_record(self, record: CollectionRecord) -> None:
        """Take over a record, whose schema the segments to come are made for."""
        before, self.schema = self.schema, CollectionSchema.from_json(record.schema)
        self.record = record
        for name in before.vectors:
            if not self.schema.shares(name, before):
                self.audited.forget(name)
        for segment in self.sealed.values():
            segment.scans.forget()

    def rename(self, name: str) -> None:
        """Take over a name."""
        if name != self.record.name:
            self.record = replace(self.record, name=name)

    def change_schema(self, record: CollectionRecord) -> None:
        """Take over a record with another schema; growing rows are indexed by it, sealed ones later."""
        self.set_record(record)
        self.growing.set_schema(self.schema)

    def check_not_dropped(self) -> None:
        """Raise NotFound when the collection was dropped."""
        if self.dropped:
            raise NotFound(f"collection {self.name!r} was dropped", field="name")

    def check_sound(self) -> None:
        """Raise Corruption when a segment was found to be damaged since it was opened."""
        if not any_damage():
            return
        for view in self.snapshot.views:
            if isinstance(view, SealedView) and (what := view.segment.file.damage):
                raise Corruption(
                    f"segment {view.uuid} of {self.name!r}: {what}; answers from it may have been wrong. "
                    f"Restore the file from a backup; `vicinal check` names everything that is damaged"
                )

    def close(self) -> None:
        """Let go of the segment files; what was read of them stays readable."""
        for segment in self.sealed.values():
            segment.file.close()

    def living_sequence(self, ids: Sequence[PointId] | IdColumn, tenant: int) -> NDArray[np.uint64]:
        """Return the sequence numbers of the living versions of the given points, in no order."""
        column = ids if isinstance(ids, IdColumn) else IdColumn.from_values(ids)
        found: list[NDArray[np.uint64]] = []
        rows = self.growing.find(tenant, column.to_list(), len(self.growing))
        rows = _alive(rows, self._growing_dead)
        if len(rows):
            found.append(self.growing.sequence.view(len(self.growing))[rows])
        if self.sealed:
            hashes = column.hashes(np.full(len(column), tenant, np.uint32))
            for uuid, segment in self.sealed.items():
                rows = _alive(segment.find(column, hashes, tenant), self._dead.get(uuid))
                if len(rows):
                    found.append(segment.sequence[rows])
        return np.concatenate(found) if found else np.empty(0, np.uint64)

    def append(self, batch: Batch, first_sequence: int, parsed: ParsedFields) -> None:
        """Add points to the growing segment."""
        self.growing.append(batch, first_sequence, parsed)
        self.next_sequence = max(self.next_sequence, first_sequence + len(batch.ids))
        self.last_write = time.monotonic()
        self.pace.wrote(len(batch.ids), self.last_write)

    def bury(self, sequence: NDArray[np.uint64]) -> None:
        """Mark the rows with the given sequence numbers as dead."""
        if not len(sequence):
            return
        self.tombstones |= bitmap64(sequence)
        rows = self.growing.rows_of_sequence(sequence)
        if len(rows):
            self._growing_dead = self._growing_dead | bitmap(rows)
        for uuid, segment in self.sealed.items():
            rows = segment.rows_of_sequence(sequence)
            if len(rows):
                self._dead[uuid] = self._dead.get(uuid, BitMap()) | bitmap(rows)
        self.last_write = time.monotonic()

    def set_segments(self, segments: Iterable[SealedSegment]) -> None:
        """Start over from the given segments, with nothing dead and nothing growing."""
        self.sealed = {segment.uuid: segment for segment in segments}
        self._dead = {}
        self._growing_dead = BitMap()
        self.growing = GrowingSegment(self.schema)
        self.tombstones = BitMap64()

    def tombstones_after(self, change: ReplaceSegments) -> BitMap64:
        """Return the tombstones that are still of use once ``change`` is made."""
        dead = numbers_of(self.tombstones)
        # Only the dead are looked up: there are few of them beside the rows, and writes wait for this.
        growing = self.growing.sequence.view(len(self.growing))[self.growing.rows_of_sequence(dead)]
        gone = [growing[growing < change.sealed_below]]
        for segment in (self.sealed[uuid] for uuid in change.removed):
            gone.append(segment.sequence[segment.rows_of_sequence(dead)])
        numbers = np.concatenate(gone)
        if change.added is not None:
            numbers = np.setdiff1d(numbers, change.added.sequence[change.added.rows_of_sequence(dead)])
        return bitmap64(np.setdiff1d(dead, numbers))

    def fits(self, change: ReplaceSegments) -> bool:
        """Return whether what ``change`` was made from is what there is: it was not made already."""
        if not change.removed <= self.sealed.keys():
            return False
        if not change.sealed_below:
            return True
        growing = self.growing.sequence.view(len(self.growing))
        return len(growing) > 0 and int(growing[0]) == change.sealed_from

    def replace(self, change: ReplaceSegments, tombstones: BitMap64) -> list[SealedSegment]:
        """Make ``change`` and return the segments that went."""
        growing = self.growing.copy_from(change.sealed_below) if change.sealed_below else self.growing
        growing_dead = self._growing_dead
        if growing is not self.growing:
            first = len(self.growing) - len(growing)
            growing_dead = BitMap(row - first for row in growing_dead if row >= first)
        removed = [self.sealed.pop(uuid) for uuid in change.removed]
        for uuid in change.removed:
            self._dead.pop(uuid, None)
        self.growing, self._growing_dead = growing, growing_dead
        self.tombstones = tombstones
        if change.added is not None:
            rows = change.added.rows_of_sequence(numbers_of(tombstones))
            self._dead[change.added.uuid] = bitmap(rows)
            self.sealed[change.added.uuid] = change.added
        return removed


def _alive(rows: NDArray[np.int64], dead: BitMap | None) -> NDArray[np.int64]:
    rows = rows[rows >= 0]
    if not dead:
        return rows
    return np.array([row for row in rows.tolist() if row not in dead], dtype=np.int64)
