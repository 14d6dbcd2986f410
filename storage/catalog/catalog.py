"""Typed reads and writes of everything a database knows beside its segments."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, TypeVar

import msgspec
from pyroaring import BitMap64

from ..errors import CorruptionError, FormatVersionError
from . import keys
from .envelope import seal, unseal
from .key_parts import KeyRange
from .key_value_store import KeyValueStore, ReadTransaction, StoreUse, WriteTransaction
from .keys import KeyKind
from .records import CollectionRecord, Meta, QuotaRecord, SegmentRecord, StateRecord

__all__ = ["FORMAT_VERSION", "Catalog", "CollectionRecord", "Meta", "SegmentRecord", "StateRecord"]

FORMAT_VERSION = 1
# LMDB looks for a run of free pages for each value, so a big bitmap is stored in pieces.
_TOMBSTONE_PART_BYTES = 1 << 18
_PER_COLLECTION = (
    KeyKind.TENANT,
    KeyKind.LOG,
    KeyKind.TOMBSTONES,
    KeyKind.MANIFEST,
    KeyKind.STATE,
    KeyKind.CALIBRATION,
    KeyKind.CALIBRATION_QUERIES,
    KeyKind.VOCABULARY,
    KeyKind.TOKEN,
    KeyKind.TOKEN_TEXTS,
    KeyKind.QUERY_WEIGHTS,
    KeyKind.TENANT_QUOTA,
    KeyKind.GRANT,
)

R = TypeVar("R")


class Catalog:
    """The typed view of a `KeyValueStore`.

    Every method takes the transaction it works in, so that any mix of them can be one commit. What is read is
    checked against its checksum and its record type; `CorruptionError` says which key is damaged.
    """

    def __init__(self, store: KeyValueStore) -> None:
        self.store = store

    @property
    def size_bytes(self) -> int:
        """How much room the store takes."""
        return self.store.size_bytes

    def use(self) -> StoreUse:
        """Return how much of the store is in use, and who holds the rest."""
        return self.store.use()

    def read(self) -> AbstractContextManager[ReadTransaction]:
        """Begin a read of the store."""
        return self.store.read()

    def write(self) -> AbstractContextManager[WriteTransaction]:
        """Begin a write of the store."""
        return self.store.write()

    def version(self) -> int:
        """Return the store's version."""
        return self.store.version()

    def known_version(self) -> int | None:
        """Return it where the store knows it without a transaction."""
        return self.store.known_version()

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def read_meta(self, txn: ReadTransaction) -> Meta | None:
        """Return the meta record, None in a new store; FormatVersionError when it is of a newer format."""
        raw = self._get(txn, keys.meta())
        if raw is None:
            return None
        # A newer release may have added members, so look at the number before the record's shape.
        probe = self._decode(keys.meta(), raw, _FormatOnly)
        if probe.format > FORMAT_VERSION:
            raise FormatVersionError(probe.format, FORMAT_VERSION)
        return self._decode(keys.meta(), raw, Meta)

    def create_meta(self, txn: WriteTransaction, engine: str) -> Meta:
        """Write the meta record of a new database."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        meta = Meta(format=FORMAT_VERSION, uuid=str(uuid.uuid4()), created=now, engine=engine)
        _put(txn, keys.meta(), meta)
        return meta

    def collections(self, txn: ReadTransaction) -> list[CollectionRecord]:
        """Return every collection by number."""
        return self._records(txn, keys.every(KeyKind.COLLECTION), CollectionRecord)

    def collection(self, txn: ReadTransaction, number: int) -> CollectionRecord | None:
        """Return the record of one collection, None when it was dropped."""
        return self._record(txn, keys.collection(number), CollectionRecord)

    def put_collection(self, txn: WriteTransaction, record: CollectionRecord) -> None:
        """Write a collection's record."""
        _put(txn, keys.collection(record.number), record)

    def delete_collection(self, txn: WriteTransaction, number: int) -> None:
        """Delete a collection's record, its aliases and every key that belongs to it."""
        txn.delete(keys.collection(number))
        for alias, aliased in self.aliases(txn).items():
            if aliased == number:
                self.delete_alias(txn, alias)
        for kind in _PER_COLLECTION:
            txn.delete_range(*keys.every_of_collection(kind, number))

    def aliases(self, txn: ReadTransaction) -> dict[str, int]:
        """Return the number of a collection by each alias."""
        return {
            keys.parse_alias(key): self._decode(key, raw, int)
            for key, raw in self._scan(txn, keys.every(KeyKind.ALIAS))
        }

    def alias(self, txn: ReadTransaction, name: str) -> int | None:
        """Return the number of the collection that has an alias, None when there is no such alias."""
        return self._record(txn, keys.alias(name), int)

    def put_alias(self, txn: WriteTransaction, name: str, number: int) -> None:
        """Give an alias to a collection, and take it from the one that had it."""
        _put(txn, keys.alias(name), number)

    def delete_alias(self, txn: WriteTransaction, name: str) -> bool:
        """Delete an alias; return whether it was there."""
        return txn.delete(keys.alias(name))

    def tenants(self, txn: ReadTransaction, number: int) -> dict[str, int]:
        """Return the number of each tenant of a collection by name."""
        return {
            keys.parse_tenant(key)[1]: self._decode(key, raw, int)
            for key, raw in self._scan(txn, keys.every_of_collection(KeyKind.TENANT, number))
        }

    def tenant_page(
        self, txn: ReadTransaction, number: int, prefix: str, after: str | None, limit: int
    ) -> list[str]:
        """Return so many names of tenants that begin with `prefix`, in order, behind the name `after`."""
        pairs = txn.scan(*keys.tenants_after(number, prefix, after))
        return [keys.parse_tenant(key)[1] for key, _ in islice(pairs, limit)]

    def tenant(self, txn: ReadTransaction, number: int, name: str) -> int | None:
        """Return the number of one tenant of a collection, None when there is none of the name."""
        return self._record(txn, keys.tenant(number, name), int)

    def put_tenant(self, txn: WriteTransaction, number: int, name: str, tenant: int) -> None:
        """Give a tenant its number."""
        _put(txn, keys.tenant(number, name), tenant)

    def delete_tenant(self, txn: WriteTransaction, number: int, name: str) -> None:
        """Delete a tenant's number and quota; its points are the caller's business."""
        txn.delete(keys.tenant(number, name))
        txn.delete(keys.tenant_quota(number, name))

    def quotas(self, txn: ReadTransaction, number: int) -> dict[str, QuotaRecord]:
        """Return what tenants of a collection may have by name, of those that may not have all they like."""
        return {
            keys.parse_tenant(key)[1]: self._decode(key, raw, QuotaRecord)
            for key, raw in self._scan(txn, keys.every_of_collection(KeyKind.TENANT_QUOTA, number))
        }

    def put_quota(self, txn: WriteTransaction, number: int, name: str, quota: QuotaRecord | None) -> None:
        """Say what a tenant may have; None for all it likes."""
        if quota is None:
            txn.delete(keys.tenant_quota(number, name))
        else:
            _put(txn, keys.tenant_quota(number, name), quota)

    def state(self, txn: ReadTransaction, number: int) -> StateRecord:
        """Return a collection's counters, which are written with its record."""
        record = self._record(txn, keys.state(number), StateRecord)
        if record is None:
            raise CorruptionError(self.store.path, f"collection {number} has no counters")
        return record

    def put_state(self, txn: WriteTransaction, number: int, record: StateRecord) -> None:
        """Write a collection's counters."""
        _put(txn, keys.state(number), record)

    def append_log(self, txn: WriteTransaction, number: int, first_seq: int, payload: bytes) -> None:
        """Store an encoded batch whose first point has sequence number `first_seq`."""
        key = keys.log(number, first_seq)
        txn.put(key, seal(key, payload))

    def log(self, txn: ReadTransaction, number: int, from_seq: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield first sequence number and batch, in order, of the batches starting at `from_seq` or later."""
        for key, raw in self._scan(txn, keys.log_from(number, from_seq)):
            yield keys.parse_log(key)[1], bytes(raw)

    def drop_log(self, txn: WriteTransaction, number: int, below_seq: int) -> int:
        """Delete the batches that start below `below_seq`; return how many."""
        return txn.delete_range(*keys.log_below(number, below_seq))

    def put_tombstones(self, txn: WriteTransaction, number: int, seq: int, dead: BitMap64) -> None:
        """Store the sequence numbers that died at `seq`, replacing what was stored at `seq`."""
        txn.delete_range(*keys.tombstones_at(number, seq))
        serialized = dead.serialize()
        for part, start in enumerate(range(0, len(serialized), _TOMBSTONE_PART_BYTES)):
            key = keys.tombstones(number, seq, part)
            txn.put(key, seal(key, serialized[start : start + _TOMBSTONE_PART_BYTES]))

    def tombstones(
        self, txn: ReadTransaction, number: int, from_seq: int = 0
    ) -> Iterator[tuple[int, BitMap64]]:
        """Yield sequence number and dead sequence numbers, in order, of what died at `from_seq` or later."""
        current, parts = -1, bytearray()
        for key, raw in self._scan(txn, keys.tombstones_from(number, from_seq)):
            _, seq, _ = keys.parse_tombstones(key)
            if parts and seq != current:
                yield current, self._bitmap(current, parts)
                parts.clear()
            current = seq
            parts += raw
        if parts:
            yield current, self._bitmap(current, parts)

    def replace_tombstones(self, txn: WriteTransaction, number: int, seq: int, dead: BitMap64) -> None:
        """Delete every tombstone record of the collection, then store `dead` unless it is empty."""
        txn.delete_range(*keys.every_of_collection(KeyKind.TOMBSTONES, number))
        if dead:
            self.put_tombstones(txn, number, seq, dead)

    def segments(self, txn: ReadTransaction, number: int) -> list[SegmentRecord]:
        """Return the live segments of a collection, oldest first."""
        records = self._records(txn, keys.every_of_collection(KeyKind.MANIFEST, number), SegmentRecord)
        return sorted(records, key=lambda record: (record.first_seq, record.last_seq, record.uuid))

    def every_segment(self, txn: ReadTransaction) -> set[str]:
        """Return the uuids of the live segments of all collections; their records are not read."""
        return {keys.parse_manifest(key)[1] for key, _ in txn.scan(*keys.every(KeyKind.MANIFEST))}

    def put_segment(self, txn: WriteTransaction, number: int, record: SegmentRecord) -> None:
        """Make a segment live, or replace its record."""
        _put(txn, keys.manifest(number, record.uuid), record)

    def delete_segment(self, txn: WriteTransaction, number: int, segment: str) -> bool:
        """Take a segment and its calibrations out of the catalog; return whether it was there."""
        txn.delete_range(*keys.every_calibration(number, segment))
        return txn.delete(keys.manifest(number, segment))

    def calibration(self, txn: ReadTransaction, number: int, segment: str, field: str) -> bytes | None:
        """Return what the engine stored about one field of one segment."""
        return _copied(self._get(txn, keys.calibration(number, segment, field)))

    def put_calibration(
        self, txn: WriteTransaction, number: int, segment: str, field: str, payload: bytes
    ) -> None:
        """Store what the engine learned about one field of one segment."""
        key = keys.calibration(number, segment, field)
        txn.put(key, seal(key, payload))

    def calibration_queries(self, txn: ReadTransaction, number: int, field: str) -> bytes | None:
        """Return the queries one field is calibrated with, as the engine stored them."""
        return _copied(self._get(txn, keys.calibration_queries(number, field)))

    def delete_calibration_queries(self, txn: WriteTransaction, number: int, field: str) -> bool:
        """Forget the queries of one field; return whether there were any."""
        return txn.delete(keys.calibration_queries(number, field))

    def put_calibration_queries(self, txn: WriteTransaction, number: int, field: str, payload: bytes) -> None:
        """Store the queries one field is calibrated with."""
        key = keys.calibration_queries(number, field)
        txn.put(key, seal(key, payload))

    def api_keys(self, txn: ReadTransaction) -> dict[str, dict[str, Any]]:
        """Return every API key record by id."""
        return {
            keys.parse_api_key(key): self._decode(key, raw, dict[str, Any])
            for key, raw in self._scan(txn, keys.every(KeyKind.API_KEY))
        }

    def api_key(self, txn: ReadTransaction, identifier: str) -> dict[str, Any] | None:
        """Return one API key record."""
        return self._record(txn, keys.api_key(identifier), dict[str, Any])

    def put_api_key(self, txn: WriteTransaction, identifier: str, record: dict[str, Any]) -> None:
        """Write one API key record."""
        _put(txn, keys.api_key(identifier), record)

    def _get(self, txn: ReadTransaction, key: bytes) -> memoryview | None:
        value = txn.get(key)
        return None if value is None else unseal(key, value, path=self.store.path)

    def _scan(self, txn: ReadTransaction, span: KeyRange) -> Iterator[tuple[bytes, memoryview]]:
        for key, value in txn.scan(*span):
            yield key, unseal(key, value, path=self.store.path)

    def _record(self, txn: ReadTransaction, key: bytes, record_type: type[R]) -> R | None:
        raw = self._get(txn, key)
        return None if raw is None else self._decode(key, raw, record_type)

    def _records(self, txn: ReadTransaction, span: KeyRange, record_type: type[R]) -> list[R]:
        return [self._decode(key, raw, record_type) for key, raw in self._scan(txn, span)]

    def _decode(self, key: bytes, raw: memoryview, record_type: type[R]) -> R:
        try:
            return msgspec.json.decode(raw, type=record_type)
        except msgspec.DecodeError as error:
            raise CorruptionError(self.store.path, f"the record of key {key.hex()}: {error}") from error

    def _bitmap(self, seq: int, serialized: bytearray) -> BitMap64:
        try:
            return BitMap64.deserialize(bytes(serialized))
        except (ValueError, IndexError) as error:
            detail = f"the tombstones of sequence number {seq} are no bitmap"
            raise CorruptionError(self.store.path, detail) from error


class _FormatOnly(msgspec.Struct):
    format: int


def _put(txn: WriteTransaction, key: bytes, record: object) -> None:
    txn.put(key, seal(key, msgspec.json.encode(record)))


def _copied(raw: memoryview | None) -> bytes | None:
    return None if raw is None else bytes(raw)
