"""Whether what a catalog says can be true: every checksum, every record, and how they fit together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import msgspec
from pyroaring import BitMap64

from ..catalog import keys
from ..catalog.catalog import FORMAT_VERSION
from ..catalog.envelope import unseal
from ..catalog.keys import KeyKind
from ..catalog.records import CollectionRecord, Meta, QuotaRecord, SegmentRecord, StateRecord
from ..columns.batch import Batch
from ..errors import CorruptionError, FormatVersionError
from .vocabulary_check import VocabularyCheck

Pairs = Iterable[tuple[bytes, bytes]]


class CatalogCheck:
    """Reads the pairs of a catalog in key order; `problems` and `segments` are what it found."""

    def __init__(self, path: str) -> None:
        self.problems: list[str] = []
        # Every live segment by uuid.
        self.segments: dict[str, SegmentRecord] = {}
        self._path = path
        self._names: Counter[str] = Counter()
        self._numbers: Counter[int] = Counter()
        # The number of a collection by alias.
        self._aliases: dict[str, int] = {}
        # By collection the kind of the columns of each vector field; None when its schema lists none.
        self._collections: dict[int, dict[str, Any] | None] = {}
        # By collection: where the vector columns of its batches begin to be these.
        self._columns: dict[int, dict[tuple[int, tuple[tuple[str, str], ...]], int]] = defaultdict(dict)
        # By collection: since when vector fields that were added later are there, and the last such change.
        self._since: dict[int, dict[str, int]] = defaultdict(dict)
        self._changed: dict[int, int] = defaultdict(int)
        self._tenants: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        # The collection and the name of each tenant that may not have all it likes.
        self._quotas: list[tuple[int, str]] = []
        # By collection: the numbers of grantee and owner of each grant.
        self._grants: dict[int, set[tuple[int, int]]] = defaultdict(set)
        self._owned: dict[int, int] = defaultdict(int)
        self._states: dict[int, StateRecord] = {}
        # By collection: what uses sequence numbers, and the first number after those it uses.
        self._sequences: dict[int, list[tuple[str, int]]] = defaultdict(list)
        self._log_end: dict[int, int] = defaultdict(int)
        self._tombstones: dict[tuple[int, int], list[tuple[int, bytes]]] = defaultdict(list)
        self._seen_meta = False
        self._tokens = VocabularyCheck(path)
        self._checks: dict[KeyKind, Callable[[bytes, memoryview], None]] = {
            KeyKind.META: self._meta,
            KeyKind.COLLECTION: self._collection,
            KeyKind.TENANT: self._tenant,
            KeyKind.LOG: self._log,
            KeyKind.TOMBSTONES: self._tombstone,
            KeyKind.MANIFEST: self._segment,
            KeyKind.STATE: self._state,
            KeyKind.CALIBRATION: self._opaque,
            KeyKind.CALIBRATION_QUERIES: self._opaque,
            KeyKind.API_KEY: self._api_key,
            KeyKind.ALIAS: self._alias,
            KeyKind.VOCABULARY: self._tokens.record,
            KeyKind.TOKEN: self._tokens.token,
            KeyKind.TOKEN_TEXTS: self._tokens.texts,
            KeyKind.QUERY_WEIGHTS: self._opaque,
            KeyKind.TENANT_QUOTA: self._quota,
            KeyKind.GRANT: self._grant,
        }

    def run(self, pairs: Pairs) -> None:
        """Check every pair, then how they fit together."""
        for key, value in pairs:
            try:
                self._pair(key, value)
            except (CorruptionError, FormatVersionError, msgspec.DecodeError) as error:
                self.problems.append(f"key {key.hex()}: {error}")
        self.problems += self._whole()

    def _pair(self, key: bytes, value: bytes) -> None:
        if not keys.well_formed(key):
            raise CorruptionError(self._path, "no key of a catalog looks like this")
        kind = keys.kind(key)
        payload = unseal(key, value, path=self._path)
        self._checks[kind](key, payload)
        if kind not in (KeyKind.META, KeyKind.COLLECTION, KeyKind.API_KEY, KeyKind.ALIAS):
            self._owned[keys.parse_collection(key)] += 1

    def _meta(self, key: bytes, payload: memoryview) -> None:
        self._seen_meta = True
        stated = msgspec.json.decode(payload, type=dict[str, Any]).get("format")
        if isinstance(stated, int) and stated > FORMAT_VERSION:
            raise FormatVersionError(stated, FORMAT_VERSION)
        msgspec.json.decode(payload, type=Meta)

    def _collection(self, key: bytes, payload: memoryview) -> None:
        record = msgspec.json.decode(payload, type=CollectionRecord)
        number = keys.parse_collection(key)
        self._collections[number] = _vector_kinds(record.schema)
        self._since[number] = dict(record.schema.get("since", {}))
        self._changed[number] = int(record.schema.get("changed", 0))
        self._names[record.name] += 1
        self._numbers[record.number] += 1
        if record.number != number:
            raise CorruptionError(self._path, f"collection {number} says it is {record.number}")

    def _tenant(self, key: bytes, payload: memoryview) -> None:
        number, name = keys.parse_tenant(key)
        self._tenants[number][msgspec.json.decode(payload, type=int)].append(name)

    def _quota(self, key: bytes, payload: memoryview) -> None:
        self._quotas.append(keys.parse_tenant(key))
        msgspec.json.decode(payload, type=QuotaRecord)

    def _grant(self, key: bytes, payload: memoryview) -> None:
        number, grantee, _ = keys.parse_grant(key)
        self._grants[number].add((grantee, msgspec.json.decode(payload, type=int)))

    def _log(self, key: bytes, payload: memoryview) -> None:
        number, first = keys.parse_log(key)
        batch = Batch.decode(bytes(payload), source=self._path)
        rows = len(batch)
        columns = tuple(sorted((name, column.kind) for name, column in batch.vectors.items()))
        era = sum(first >= start for start in [*self._since[number].values(), self._changed[number]])
        self._columns[number].setdefault((era, columns), first)
        if first < self._log_end[number]:
            raise CorruptionError(self._path, f"the batch at {first} begins inside the one before")
        self._log_end[number] = first + rows
        self._sequences[number].append((f"the batch at {first}", first + rows))

    def _tombstone(self, key: bytes, payload: memoryview) -> None:
        number, seq, part = keys.parse_tombstones(key)
        self._tombstones[number, seq].append((part, bytes(payload)))

    def _segment(self, key: bytes, payload: memoryview) -> None:
        record = msgspec.json.decode(payload, type=SegmentRecord)
        number, uuid = keys.parse_manifest(key)
        if record.uuid != uuid:
            raise CorruptionError(self._path, f"segment {uuid} says it is {record.uuid}")
        if not 0 <= record.first_seq <= record.last_seq or record.rows < 0:
            raise CorruptionError(
                self._path,
                f"segment {uuid} has {record.rows} rows from {record.first_seq} to {record.last_seq}",
            )
        self._sequences[number].append((f"segment {uuid}", record.last_seq + 1))
        if uuid in self.segments:
            raise CorruptionError(self._path, f"segment {uuid} belongs to two collections")
        self.segments[uuid] = record

    def _state(self, key: bytes, payload: memoryview) -> None:
        self._states[keys.parse_collection(key)] = msgspec.json.decode(payload, type=StateRecord)

    def _opaque(self, key: bytes, payload: memoryview) -> None:
        """Calibrations and weights belong to the engine; their checksum is all there is to check."""

    def _api_key(self, key: bytes, payload: memoryview) -> None:
        msgspec.json.decode(payload, type=dict[str, Any])

    def _alias(self, key: bytes, payload: memoryview) -> None:
        self._aliases[keys.parse_alias(key)] = msgspec.json.decode(payload, type=int)

    def _whole(self) -> Iterator[str]:
        if not self._seen_meta:
            yield "there is no meta record"
        for name, count in self._names.items():
            if count > 1:
                yield f"{count} collections are named {name!r}"
        for number, count in self._numbers.items():
            if count > 1:
                yield f"{count} collections have the number {number}"
        for alias, number in self._aliases.items():
            if number not in self._collections:
                yield f"alias {alias!r} is of collection {number}, which does not exist"
            if alias in self._names:
                yield f"a collection and an alias are named {alias!r}"
        yield from self._wrong_tenants()
        yield from self._foreign_columns()
        yield from self._tokens.problems()
        for number in sorted(self._owned.keys() - self._collections.keys()):
            yield f"{self._owned[number]} keys belong to collection {number}, which does not exist"
        for (number, seq), parts in self._tombstones.items():
            yield from self._bitmap(number, seq, parts)
        for number, uses in self._sequences.items():
            state = self._states.get(number)
            next_seq = 0 if state is None else state.next_seq
            for what, end in uses:
                if end > next_seq:
                    yield f"{what} of collection {number} ends at {end}, after the next number {next_seq}"

    def _wrong_tenants(self) -> Iterator[str]:
        for number, tenants in self._tenants.items():
            for tenant, names in tenants.items():
                if len(names) > 1:
                    yield f"tenants {names} of collection {number} have the same number {tenant}"
        there = {
            (number, name)
            for number, tenants in self._tenants.items()
            for name in chain.from_iterable(tenants.values())
        }
        for number, name in self._quotas:
            if (number, name) not in there:
                yield f"the quota of tenant {name!r} of collection {number} is of nobody"
        for number, grants in self._grants.items():
            for grantee, owner in sorted(grants):
                if grantee == owner or not {grantee, owner} <= self._tenants[number].keys():
                    yield f"a grant of collection {number} is to tenant {grantee} from tenant {owner}"

    def _foreign_columns(self) -> Iterator[str]:
        for number, found in self._columns.items():
            expected = self._collections.get(number)
            for (_, columns), first in found.items():
                if number in self._collections and not self._fit(number, dict(columns), first):
                    yield (
                        f"the batch at {first} of collection {number} has vectors {dict(columns)}, "
                        f"its schema {expected}"
                    )

    def _fit(self, number: int, columns: dict[str, str], first: int) -> bool:
        """Whether a batch has the vector fields there were when it was written, as far as that is known."""
        expected, since = self._collections[number], self._since[number]
        if expected is None or first >= self._changed[number]:
            return columns == expected
        return all(columns.get(n) == kind for n, kind in expected.items() if first >= since.get(n, 0))

    def _bitmap(self, number: int, seq: int, parts: list[tuple[int, bytes]]) -> Iterator[str]:
        where = f"the tombstones at {seq} of collection {number}"
        if [part for part, _ in parts] != list(range(len(parts))):
            yield f"{where} lack a part"
            return
        try:
            dead = BitMap64.deserialize(b"".join(raw for _, raw in parts))
        except (ValueError, IndexError):
            yield f"{where} are no bitmap"
            return
        self._sequences[number].append((where, max(seq, dead.max() if dead else 0) + 1))


def _vector_kinds(schema: dict[str, Any]) -> dict[str, Any] | None:
    vectors = schema.get("vectors")
    if not isinstance(vectors, dict):
        return None
    return {name: _column_kind(field) for name, field in vectors.items()}


def _column_kind(field: Any) -> Any:
    """Return the kind of the columns that a field of the schema has in batches."""
    if not isinstance(field, dict):
        return None
    kind = field.get("kind")
    return "binary" if kind == "sparse" and field.get("element") == "binary" else kind
