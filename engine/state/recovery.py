"""Builds the state in memory from the catalog, at opening and in processes that follow a writer."""

from __future__ import annotations

from pyroaring import BitMap64

from ...storage.catalog.catalog import Catalog
from ...storage.catalog.key_value_store import ReadTransaction
from ...storage.catalog.records import StateRecord
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
        measured = load_tables(catalog, txn, state.number, segment)
        if segment.uuid in opened:
            # Another process calibrated them: what audits showed was of other tables.
            for field in measured:
                state.audited.forget(field)
        segments.append(segment)
    state.set_segments(segments)
    # Numbers begin at 1; a batch that a damaged key puts before that is read, and refused.
    state.next_sequence = 0
    counters = catalog.state(txn, state.number)
    last = counters.last_tenant
    for segment in segments:
        if segment.tenants is not None and segment.n_rows:
            # A database written before numbers were counted has those of its rows and names.
            last = max(last, int(segment.tenants[-1]))
    state.tenants = _read_tenants(catalog, txn, state.number, last, counters)
    state.grants = _read_grants(catalog, txn, state.number, counters)
    follow_collection(catalog, txn, state)
    state.tenants.are_all_known()
    state.generation = counters.generation


def missing_segment(error: FileNotFoundError) -> Corruption:
    """Return the error for a segment's file that is not where the manifest says."""
    return Corruption(
        f"{error.filename or error} is in the manifest, not in the folder; bring the file back from a copy "
        "of the database"
    )


def follow_collection(catalog: Catalog, txn: ReadTransaction, state: CollectionState) -> None:
    """Apply the writes that came after those ``state`` has, and publish them.

    Only for a manifest that did not change since; otherwise the state is reloaded. Tenants and grants are
    read anew where they changed by what is in no batch.
    """
    known, counters = state.next_sequence, catalog.state(txn, state.number)
    read_anew = counters.tenant_changes != state.tenants.changes
    if read_anew:
        last = max(state.tenants.last, counters.last_tenant)
        state.tenants = _read_tenants(catalog, txn, state.number, last, counters)
    if counters.grant_changes != state.grants.changes:
        state.grants = _read_grants(catalog, txn, state.number, counters)
    for first_sequence, value in catalog.log(txn, state.number, known):
        batch = fitted(Batch.decode(value), state.schema, first_sequence)
        state.append(batch, first_sequence, state.growing.postings.parse(batch.payloads, stored=True))
        # A tenant is put down with its first points.
        state.tenants.saw(int(batch.tenants.max(initial=0)))
    dead = BitMap64()
    for _, numbers in catalog.tombstones(txn, state.number, known):
        dead |= numbers
    state.bury(numbers_of(dead))
    if read_anew:
        state.tenants.are_all_known()
    state.next_sequence = counters.next_seq
    state.publish()


def _read_tenants(
    catalog: Catalog, txn: ReadTransaction, number: int, last: int, counters: StateRecord
) -> TenantNumbers:
    tenants = TenantNumbers(catalog, number, last, counters.tenant_changes)
    tenants.read(txn)
    return tenants


def _read_grants(catalog: Catalog, txn: ReadTransaction, number: int, counters: StateRecord) -> GrantTable:
    grants = GrantTable(catalog, number, counters.grant_changes)
    grants.read(txn)
    return grants
