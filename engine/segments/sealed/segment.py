"""The sealed segment: rows in a file that is written once and never changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....indexes.exact.row_codes import RowCodes
from ....indexes.exact.screened import screened
from ....indexes.protocol import Arrays, Index, IndexSpec, Rows
from ....indexes.registry import spec_from_json
from ....storage.arrays.row_reader import RowReader
from ....storage.columns.ids import IdColumn
from ....storage.columns.partial import Present, checked_present
from ....storage.columns.payloads import PayloadColumn
from ....storage.errors import CorruptionError
from ....storage.segments.segment import Segment
from ...results.point import PointId
from ...schema.collection_schema import CollectionSchema
from ...schema.payload_field import FieldType
from ...vector_kinds.registry import kind_of
from ..content import ABSENT
from ..payload_columns import PayloadColumns
from .payload_scans import PayloadScans
from .postings.segment_postings import SegmentPostings
from .value_lists import ValueLists


class SealedSegment:
    """One open segment file. Immutable but for the effort tables of its indexes; safe to share.

    Indexes are opened at the first search that needs them, because opening one loads the kernels.

    Attributes
    ----------
    fields : dict
        The payload fields that have postings in it, with their types: those of the schema it was built for.
    scans : PayloadScans
        The postings of others.
    columns : PayloadColumns
        What filters read of fields that no index has.
    value_lists : ValueLists
        Which rows have which value in fields that have postings in it.
    since : dict
        The vector fields it was built with, and since when each was there.
    counted : dict
        What views counted of its vectors, by field.
    """

    def __init__(self, file: Segment, schema: CollectionSchema) -> None:
        self.file = file
        self.uuid = file.uuid
        self.schema = schema
        with _sound(self.uuid):
            self._open(file, schema)
        file.check_in_background()

    def _open(self, file: Segment, schema: CollectionSchema) -> None:
        self.header = file.record("segment")
        self.n_rows = int(self.header["rows"])
        self.ids = IdColumn.from_arrays(file.arrays("id."))
        self.sequence: NDArray[np.uint64] = file.array("sequence")
        self._sequence_order = file.array("sequence.order")
        self._id_hash = file.array("lookup.hash")
        self._id_row = file.array("lookup.row")
        self.tenants: NDArray[np.uint32] | None = file.array("tenant") if schema.partitioned else None
        self.payloads = PayloadColumn.from_arrays(file.arrays("payload."))
        self.fields = {path: FieldType(kind) for path, kind in self.header["schema"]["fields"].items()}
        since = self.header["schema"].get("since", {})
        self.since = {name: since.get(name, 0) for name in self.header["schema"]["vectors"]}
        self.postings = SegmentPostings(file, self.fields, self.n_rows)
        self.value_lists = ValueLists(file, self.postings, self.payloads.get)
        self.scans = PayloadScans(self.payloads)
        self.columns = PayloadColumns(self.payloads.each)
        self.counted: dict[str, dict[Any, Any]] = {}
        self.found_grants: dict[int, Any] = {}
        self._rows: dict[str, Rows] = {}
        self._codes: dict[str, RowCodes] = {}
        self._readers = {name: self._reader(name) for name in self.since if name in schema.vectors}
        self._present: dict[str, Present | None] = {}
        self._indexes: dict[str, Index[Any, Any]] = {}
        self._effort_tables: dict[str, Arrays] = {}
        self._open_lock = threading.Lock()
        self._index_specs: dict[str, dict[str, Any]] = self.header["indexes"]

    @property
    def size_bytes(self) -> int:
        """Size of the segment, wherever it is."""
        return self.file.size_bytes

    @property
    def bytes_disk(self) -> int:
        """Size of the file, 0 when there is none."""
        return 0 if self.file.in_memory else self.file.size_bytes

    @property
    def bytes_memory(self) -> int:
        """Bytes in memory that are not pages of a file."""
        derived = self._sorted_sequence.nbytes if "_sorted_sequence" in self.__dict__ else 0
        kept = self.columns.nbytes + self.value_lists.nbytes + self.postings.nbytes
        kept += sum(codes.nbytes for codes in list(self._codes.values()))
        return derived + kept + self.file.size_bytes - self.bytes_disk

    @property
    def indexed_fields(self) -> list[str]:
        """Vector fields that have an index in this segment."""
        return list(self._index_specs)

    @cached_property
    def largest_payload(self) -> int:
        """Bytes of the largest payload."""
        return self.payloads.largest()

    @cached_property
    def _sorted_sequence(self) -> NDArray[np.uint64]:
        ascending: NDArray[np.uint64] = self.sequence[self._sequence_order]
        return ascending

    def rows(self, field: str) -> Rows:
        """Return the rows of a field as an index sees them, without a copy."""
        rows = self._rows.get(field)
        if rows is None:
            spec = self.schema.vectors[field]
            with _sound(self.uuid):
                arrays = self.file.arrays(f"vector.{field}.")
                rows = kind_of(spec).rows(spec, arrays, self._readers.get(field))
            if field not in self._index_specs:
                rows = screened(rows, self._codes.setdefault(field, RowCodes()))
            self._rows[field] = rows
        return rows

    def _reader(self, field: str) -> RowReader | None:
        """Return what reads the vectors of a field that stay on disk.

        Opened with the segment, which may be removed at any time after that, and is read on.
        """
        spec, built = self.schema.vectors[field], self.header["schema"]["vectors"][field]
        on_disk = kind_of(spec).read_from_disk(spec)
        # A field of this name may have been dropped since, and added anew.
        if on_disk is None or built.get("on_disk") is not True:
            return None
        prefix, offsets = f"vector.{field}.", on_disk.offsets
        return self.file.row_reader(prefix + on_disk.name, None if offsets is None else prefix + offsets)

    def present(self, field: str) -> Present | None:
        """Return which rows have a vector in a field, ascending; None when all have."""
        if field not in self._present:
            try:
                stored = self.file.array(f"vector.{field}.present")
            except KeyError:
                self._present[field] = None
            else:
                n, source = len(self.rows(field)), f"segment {self.uuid}"
                self._present[field] = checked_present(stored, self.n_rows, n, source)
        return self._present[field]

    def index(self, field: str) -> Index[Any, Any] | None:
        """Return the index of a field, opened once; None when the segment has none."""
        index = self._indexes.get(field)
        if index is not None or field not in self._index_specs:
            return index
        with self._open_lock:
            index = self._indexes.get(field)
            if index is None:
                spec = spec_from_json(self._index_specs[field])
                rows = self.rows(field)
                with _sound(self.uuid):
                    index = spec.open(self.file.arrays(f"index.{field}."), rows)
                if field in self._effort_tables:
                    index = index.with_table(self._effort_tables[field])
                self._indexes[field] = index
        return index

    def index_arrays(self, field: str, spec: IndexSpec) -> Arrays | None:
        """Return what the index of a field was built as; None when it has none, or one of another spec."""
        if self._index_specs.get(field) != spec.to_json():
            return None
        with _sound(self.uuid):
            return self.file.arrays(f"index.{field}.")

    @property
    def effort_tables(self) -> dict[str, Arrays]:
        """The effort tables that were measured since the segment was built, by vector field."""
        with self._open_lock:
            return dict(self._effort_tables)

    def set_effort_table(self, field: str, table: Arrays) -> None:
        """Put an effort table measured later in the place of the one the segment was built with.

        Searches under way keep the table they started with.
        """
        with self._open_lock:
            self._effort_tables[field] = table
            index = self._indexes.get(field)
            if index is not None:
                self._indexes[field] = index.with_table(table)

    def find(self, ids: IdColumn, hashes: NDArray[np.uint64], tenant: int) -> NDArray[np.int64]:
        """Return the row of each id, dead or alive, -1 where there is none."""
        rows = np.full(len(ids), ABSENT, np.int64)
        if not self.n_rows:
            return rows
        first = np.searchsorted(self._id_hash, hashes)
        hit = np.flatnonzero(first < self.n_rows)
        hit = hit[self._id_hash[first[hit]] == hashes[hit]]
        found = self._id_row[first[hit]].astype(np.int64)
        same = self.ids.equal(found, ids, hit)
        if self.tenants is not None:
            same &= self.tenants[found] == tenant
        rows[hit[same]] = found[same]
        for i in hit[~same].tolist():
            rows[i] = self._row_behind(int(first[i]), ids[i], tenant)
        return rows

    def _row_behind(self, place: int, wanted: PointId, tenant: int) -> int:
        """Return the row of an id whose hash is that at ``place``, where another id stands; -1 if none is."""
        sought = self._id_hash[place]
        # Equal hashes of different ids stand next to each other.
        while (place := place + 1) < self.n_rows and self._id_hash[place] == sought:
            row = int(self._id_row[place])
            if self.ids[row] == wanted and (self.tenants is None or self.tenants[row] == tenant):
                return row
        return ABSENT

    def rows_of_sequence(self, sequence: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the rows that carry the given sequence numbers; the others are left out."""
        known = self._sorted_sequence
        if not len(known):
            return np.empty(0, np.int64)
        places = np.minimum(np.searchsorted(known, sequence), len(known) - 1)
        rows: NDArray[np.int64] = self._sequence_order[places[known[places] == sequence]].astype(np.int64)
        return rows

    def tenant_range(self, tenant: int) -> tuple[int, int]:
        """Return the rows [lo, hi) of a tenant; rows are sorted by tenant."""
        assert self.tenants is not None
        # Of another type than the rows', the numbers would have all of these converted.
        lo, hi = self.tenants.searchsorted(np.array([tenant, tenant + 1], np.uint32)).tolist()
        return lo, hi


@contextmanager
def _sound(uuid: str) -> Iterator[None]:
    """Raise CorruptionError for a name that the segment does not have, and for what cannot be in one."""
    try:
        yield
    except KeyError as error:
        raise CorruptionError(f"segment {uuid}", f"it is not complete: {error.args[0]}") from error
    except ValueError as error:
        raise CorruptionError(f"segment {uuid}", str(error)) from error
