"""Builds the state in memory from the catalog, at opening and in processes that follow a writer."""

from __future__ import annotations

from pyroaring import BitMap64

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import ReadTransaction
from ...storage.columns.batch import Batch
from ...storage.errors import CorruptionError
from ...storage.segments.segment import SegmentStore
from ..errors import Corruption, NotFound
from ..segments.bitmaps import numbers_of
from ..segments.missing import fitted
from ..segments.sealed.effort_tables import load_tables
from ..segments.sealed.segment import SealedSegment
from ..tenants.grants import GrantTable
from ..tenants.tenant_numbers import TenantNumbers
from .collection_state import CollectionState


def reload_collection(
    catalog: Catalog, txn: ReadTransaction, state: CollectionState, folder: SegmentStore
) -> None:
    """Bring ``state`` to what ``txn`` sees, from scratch; segments that are open stay open."""
    record = catalog.collection(txn, state.number)
    if record is None or record.uuid != state.record.uuid:
        raise NotFound(f"collection {state.name!r} was dropped", field="name")
    if record != state.record:
        state.set_record(record)
    opened = state.sealed
    segments = []
    for entry in catalog.segments(txn, state.number):
        segment = opened.get(entry.uuid) or SealedSegment(folder.open(entry.uuid), state.schema)
        if segment.n_rows != entry.rows:
            raise CorruptionError(
                f"segments/{entry.uuid}.seg", f"holds {segment.n_rows} rows, the manifest says {entry.rows}"
            )
        load_tables(catalog, txn, state.number, segment)
        segments.append(segment)
    state.set_segments(segments)
    # Numbers begin at 1; a batch that a damaged key puts before that is read, and refused.
    state.next_sequence = 0
    tenants = TenantNumbers(catalog, state.number)
    tenants.read(txn)
    for segment in segments:
        if segment.tenants is not None and segment.n_rows:
            # One that was dropped has a number and no name for as long as it has rows, dead ones.
            tenants.last = max(tenants.last, int(segment.tenants[-1]))
    state.tenants, state.grants = tenants, GrantTable(catalog, state.number)
    state.grants.read(txn)
    follow_collection(catalog, txn, state)
    tenants.are_all_known()
    state.generation = catalog.state(txn, state.number).generation


def missing_segment(error: FileNotFoundError) -> Corruption:
    """Return the error for a segment's file that is not where the manifest says."""
    return Corruption(
        f"{error.filename or error} is in the manifest, not in the folder; bring the file back from a copy "
        "of the database"
    )


def follow_collection(catalog: Catalog, txn: ReadTransaction, state: CollectionState) -> None:
    """Apply the writes that came after those ``state`` has, and publish them.

    Only for a manifest that did not change since; otherwise the state is reloaded.
    """
    known = state.next_sequence
    for first_sequence, value in catalog.log(txn, state.number, known):
        batch = fitted(Batch.decode(value), state.schema, first_sequence)
        state.append(batch, first_sequence, state.growing.postings.parse(batch.payloads, stored=True))
        # A tenant is put down with its first points.
        state.tenants.saw(int(batch.tenants.max(initial=0)))
    dead = BitMap64()
    for _, numbers in catalog.tombstones(txn, state.number, known):
        dead |= numbers
    state.bury(numbers_of(dead))
    state.next_sequence = catalog.state(txn, state.number).next_seq
    state.publish()
