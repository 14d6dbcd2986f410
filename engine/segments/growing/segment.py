"""The growing segment: points that are in the log but not yet in a segment file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....storage.columns.batch import Batch
from ....storage.columns.ids import IdColumn
from ....storage.columns.payloads import PayloadColumn
from ...results.point import PointId
from ...schema.collection_schema import CollectionSchema
from ...vector_kinds.growable_array import GrowableArray
from ..missing import missing_vectors
from ..payload_columns import PayloadColumns
from .field import GrowingField
from .newest_rows import Key, NewestRows
from .postings import GrowingPostings, ParsedFields


class GrowingSegment:
    """Rows in the order they were written, mirrored in memory from the log.

    One thread appends (the writer of the database, or the follower in a read-only process); any thread
    reads through a :class:`GrowingView`, which fixes how many rows it sees. Rows are never changed: a
    newer version of a point is a new row, and the view's ``dead`` rows say which are outdated.
    """

    def __init__(self, schema: CollectionSchema) -> None:
        self.schema = schema
        self.ids: list[PointId] = []
        self.payloads: list[bytes] = []
        # Small to begin with, as there may be many collections.
        self.payload_sizes = GrowableArray(np.uint32, capacity=64)
        self.columns = PayloadColumns(partial(_decoded, self.payloads))
        self.sequence = GrowableArray(np.uint64)
        self.tenants = GrowableArray(np.uint32)
        self.vectors = {name: GrowingField(field) for name, field in schema.vectors.items()}
        self.postings = GrowingPostings(schema.fields)
        self._newest = NewestRows()
        self._previous = GrowableArray(np.int64)
        self._numeric_ids_until = 0
        self._payload_bytes = 0
        self.largest_payload = 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def bytes_memory(self) -> int:
        """Bytes held in memory, ids and bookkeeping estimated."""
        arrays = sum(column.nbytes for column in self.vectors.values()) + self.sequence.nbytes
        return arrays + self._payload_bytes + 128 * len(self.ids)

    def append(self, batch: Batch, first_sequence: int, parsed: ParsedFields) -> None:
        """Append the points of ``batch`` with consecutive sequence numbers from ``first_sequence``."""
        n = len(batch.ids)
        first_row = len(self)
        new_ids = batch.ids.to_list()
        tenants = batch.tenants if len(batch.tenants) else np.zeros(n, np.uint32)
        previous = np.empty(n, np.int64)
        newest: dict[Key, int] = {}
        for i, key in enumerate(zip(tenants.tolist(), new_ids, strict=True)):
            here = newest.get(key)
            previous[i] = self._newest.get(key) if here is None else here
            newest[key] = first_row + i
        # A reader that meets a row beyond its length follows `_previous`, so that goes in first.
        self._previous.extend(previous)
        self._newest.set(newest)
        self.sequence.extend(np.arange(first_sequence, first_sequence + n, dtype=np.uint64))
        self.tenants.extend(tenants)
        for name, column in batch.vectors.items():
            self.vectors[name].append(column)
        self.payloads.extend(batch.payloads.raw(i) for i in range(n))
        self.payload_sizes.extend(batch.payloads.sizes(np.arange(n)))
        self._payload_bytes += batch.payloads.nbytes
        self.largest_payload = max(self.largest_payload, batch.payloads.largest())
        self.postings.apply(first_row, parsed)
        if self._numeric_ids_until == first_row and batch.ids.is_numeric:
            self._numeric_ids_until += n
        self.ids.extend(new_ids)

    def set_schema(self, schema: CollectionSchema) -> None:
        """Take over another schema; views made before keep the fields they were made with."""
        self.postings = self.postings.with_fields(schema.fields, PayloadColumn.from_raw(self.payloads))
        vectors = {}
        for name, field in schema.vectors.items():
            if schema.shares(name, self.schema):
                vectors[name] = self.vectors[name]
            else:
                vectors[name] = GrowingField(field)
                vectors[name].append(missing_vectors(field, len(self)))
        self.vectors = vectors
        self.schema = schema

    def find(self, tenant: int, ids: Sequence[PointId], length: int) -> NDArray[np.int64]:
        """Return the newest row below ``length`` of each id, -1 where there is none; it may be dead."""
        rows = np.empty(len(ids), np.int64)
        for i, point_id in enumerate(ids):
            row = self._newest.get((tenant, point_id))
            while row >= length:
                row = int(self._previous.view(row + 1)[row])
            rows[i] = row
        return rows

    def rows_of_sequence(self, sequence: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the rows that carry the given sequence numbers; the others are left out."""
        known = self.sequence.view(len(self))
        places = np.searchsorted(known, sequence)
        places = places[places < len(known)]
        return places[np.isin(known[places], sequence)]

    def all_numeric(self, length: int) -> bool:
        """Whether the first ``length`` ids are all numbers."""
        return length <= self._numeric_ids_until

    def batch(self, rows: NDArray[np.int64], vectors: Mapping[str, GrowingField]) -> Batch:
        """Copy out whole points, with the vectors of the given fields of this segment."""
        chosen = rows.tolist()
        return Batch(
            ids=IdColumn.from_values([self.ids[row] for row in chosen]),
            tenants=self.tenants.view(len(self))[rows],
            vectors={name: column.column(rows) for name, column in vectors.items()},
            payloads=PayloadColumn.from_raw([self.payloads[row] for row in chosen]),
        )

    def copy_from(self, sequence: int) -> GrowingSegment:
        """Return a new segment that holds only the rows from sequence number ``sequence`` on."""
        first = int(np.searchsorted(self.sequence.view(len(self)), np.uint64(sequence)))
        rest = GrowingSegment(self.schema)
        if first == len(self):
            return rest
        batch = self.batch(np.arange(first, len(self)), self.vectors)
        numbers = self.sequence.view(len(self))[first:]
        rest.append(batch, int(numbers[0]), self.postings.parse(batch.payloads, stored=True))
        # Deletes consume sequence numbers too, so those of the remaining rows may have gaps.
        rest.sequence.view(len(rest))[...] = numbers
        return rest


def _decoded(payloads: Sequence[bytes], rows: NDArray[np.int64]) -> Iterator[dict[str, Any]]:
    return PayloadColumn.from_raw([payloads[row] for row in rows.tolist()]).each(np.arange(len(rows)))
