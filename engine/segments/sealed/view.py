"""A sealed segment as one snapshot sees it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ....indexes.protocol import Arrays, Index, IndexSpec, Rows
from ....indexes.rows.bits import Bitset
from ....storage.columns.batch import Batch
from ....storage.columns.ids import IdColumn
from ....storage.columns.partial import Present, chosen_vectors
from ....storage.columns.payloads import PayloadColumn
from ....storage.columns.vectors import VectorColumn
from ...filters.canonical import Canonical
from ...filters.conditions.scanned import HasElement, Scanned
from ...filters.evaluation.scanning import ScanWork
from ...filters.expression import AnyOf, Filter, Match, Range, key_of, leaves
from ...filters.postings import FieldPostings
from ...results.point import PointId
from ...schema.collection_schema import CollectionSchema
from ...vector_kinds.registry import kind_of
from ..payload_columns import AskedPayloads, ReadPart
from ..value_rows import ValueRows
from ..view import SegmentView
from .segment import SealedSegment


class SealedView(SegmentView):
    """The rows of a segment file, minus the dead ones.

    Attributes
    ----------
    lacking : tuple of str
        Indexed payload fields of the schema that the file has no postings of.
    """

    def __init__(self, segment: SealedSegment, dead: BitMap, schema: CollectionSchema) -> None:
        super().__init__(segment.uuid, segment.n_rows, dead)
        self.segment = segment
        self.found_grants = segment.found_grants
        self.schema = schema
        known = segment.fields
        self._held = {name for name in schema.vectors if segment.since.get(name) == schema.since.get(name, 0)}
        self._as_stored = known == schema.fields
        self.lacking = tuple(path for path, kind in schema.fields.items() if known.get(path) is not kind)

    def owned(self, tenant: int) -> BitMap:
        """Return the rows of a tenant, dead or alive."""
        return BitMap(range(*self.segment.tenant_range(tenant)))

    def owns(self, rows: list[int], tenant: int) -> bool:
        """Return whether all of ``rows``, at least one, are a tenant's."""
        lo, hi = self.segment.tenant_range(tenant)
        return lo <= min(rows) and max(rows) < hi

    def owners(self, rows: list[int]) -> list[int]:
        """Return the tenant of each of ``rows``, by number."""
        owners = self.segment.tenants
        return [0] * len(rows) if owners is None else owners[rows].tolist()

    def newest(self, ids: Sequence[PointId], tenant: int) -> NDArray[np.int64]:
        """Return the row of each id, dead or alive, -1 where there is none."""
        column = IdColumn.from_values(ids)
        owners = np.full(len(column), tenant, np.uint32)
        return self.segment.find(column, column.hashes(owners), tenant)

    def postings(self) -> FieldPostings:
        """Return the filter postings of the indexed payload fields."""
        return self.segment.postings if self._as_stored else _Postings(self)

    def asked_payloads(self, work: ScanWork) -> AskedPayloads:
        """Return what tells of conditions on fields without an index, and counts what it reads."""
        return AskedPayloads(self.segment.columns, self.n_rows, work, fixed=True)

    def value_rows(self, field: str) -> ValueRows:
        """Return the values of an indexed payload field and the rows of each, dead or alive."""
        kind = self.schema.fields[field]
        if field in self.lacking:
            return self.segment.scans.postings(field, kind).value_rows(field)
        return self.segment.value_lists.of(field, kind)

    def values_read(self, field: str, among: BitMap, work: ScanWork) -> Iterator[ReadPart]:
        """Yield the values that payloads have in a field, of the rows ``among``, part after part."""
        return self.segment.columns.parts(field, among, self.n_rows, work, fixed=True)

    def sequence(self) -> NDArray[np.uint64]:
        """Return the sequence number of each row, in row order."""
        return self.segment.sequence

    def ids(self, rows: NDArray[np.int64]) -> list[PointId]:
        """Return the ids of ``rows``."""
        return self.segment.ids.to_list(rows)

    @property
    def id_of(self) -> Callable[[int], PointId]:
        """What returns the id of one row."""
        return self.segment.ids.id_of

    @property
    def ids_are_numeric(self) -> bool:
        """Whether every id of the segment is a number."""
        return self.segment.ids.is_numeric

    def id_column(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return the ids of ``rows`` as uint64, or as object when any id of the segment is a text."""
        return self.segment.ids.column(rows)

    def payload(self, row: int) -> dict[str, Any]:
        """Return one payload."""
        return self.segment.payloads.get(row)

    def raw_payload(self, row: int) -> bytes:
        """Return the JSON text of one payload."""
        return self.segment.payloads.raw(row)

    def payload_column(self, rows: NDArray[np.int64]) -> PayloadColumn:
        """Copy out the payloads of ``rows``, not parsed."""
        return self.segment.payloads.take(rows)

    @property
    def largest_payload(self) -> int:
        """Bytes of the largest payload."""
        return self.segment.largest_payload

    def payload_sizes(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the bytes of the JSON text of each of ``rows``, which are not read."""
        return self.segment.payloads.sizes(rows)

    def rows(self, field: str) -> Rows:
        """Return the rows of a field as an index sees them, without a copy."""
        if field in self._held:
            return self.segment.rows(field)
        spec = self.schema.vectors[field]
        rows: Rows = kind_of(spec).rows(spec, kind_of(spec).sealed_arrays(spec, kind_of(spec).empty(spec)))
        return rows

    def present(self, field: str) -> Present | None:
        """Return which rows have a vector in a field, ascending; None when all have."""
        return self.segment.present(field) if field in self._held else np.empty(0, np.uint32)

    def index(self, field: str) -> Index[Any, Any] | None:
        """Return the index of a field, None when there is none."""
        return self.segment.index(field) if field in self._held else None

    def index_arrays(self, field: str, spec: IndexSpec) -> Arrays | None:
        """Return what the index of a field was built as; None when it has none, or one of another spec."""
        return self.segment.index_arrays(field, spec) if field in self._held else None

    def counted(self, field: str) -> MutableMapping[Any, Any]:
        """Return what was counted of the vectors of a field, nothing where the file has none of them."""
        return self.segment.counted.setdefault(field, {}) if field in self._held else {}

    def vector_column(self, field: str, rows: NDArray[np.int64]) -> VectorColumn:
        """Copy out the vectors of one field."""
        spec = self.schema.vectors[field]
        stored, packed = kind_of(spec).stored, self.rows(field)
        return chosen_vectors(self.present(field), rows, lambda places: stored(spec, packed, places))

    def batch(self, rows: NDArray[np.int64], without: Collection[str] = ()) -> Batch:
        """Copy out whole points, but for their vectors in some fields."""
        owners = self.segment.tenants
        fields = [name for name in self.schema.vectors if name not in without]
        return Batch(
            ids=self.segment.ids.take(rows),
            tenants=np.empty(0, np.uint32) if owners is None else np.asarray(owners[rows]),
            vectors={name: self.vector_column(name, rows) for name in fields},
            payloads=self.segment.payloads.take(rows),
        )

    @property
    def indexed_fields(self) -> tuple[str, ...]:
        """Vector fields that have an index."""
        return tuple(name for name in self.segment.indexed_fields if name in self._held)

    @property
    def bytes_disk(self) -> int:
        """Size of the segment's file."""
        return self.segment.bytes_disk

    @property
    def bytes_memory(self) -> int:
        """Bytes in memory that are not pages of the file."""
        return self.segment.bytes_memory


class _Postings:
    """The postings of a view whose file has others: each field's from the file, or from the payloads."""

    def __init__(self, view: SealedView) -> None:
        self._view = view

    def equal(self, field: str, value: Canonical) -> BitMap:
        """Return the rows of which a value equals ``value``."""
        return self._of(field).equal(field, value)

    def equal_any(self, field: str, values: Sequence[Canonical]) -> BitMap:
        """Return the rows of which a value equals one of ``values``."""
        return self._of(field).equal_any(field, values)

    def bits(self, condition: Filter) -> Bitset | None:
        """Return the rows of a condition as a bitset, None where a set of them is as quickly made."""
        return (
            self._of(condition.key).bits(condition) if isinstance(condition, Match | AnyOf | Range) else None
        )

    def range(
        self, field: str, lo: Canonical | None, lo_open: bool, hi: Canonical | None, hi_open: bool
    ) -> BitMap:
        """Return the rows of which a value lies between the bounds; None is no bound, open excludes it."""
        return self._of(field).range(field, lo, lo_open, hi, hi_open)

    def values(self, field: str) -> tuple[NDArray[Any], NDArray[np.uint32]]:
        """Return every value of a field of an ordered kind, and the row of each."""
        return self._of(field).values(field)

    def other(self, field: str, values: Sequence[Canonical]) -> BitMap:
        """Return the rows of which a value equals none of ``values``."""
        return self._of(field).other(field, values)

    def answers(self, condition: Scanned) -> bool:
        """Whether :meth:`answer` knows a condition on payload fields."""
        view, field = self._view, condition.key
        if isinstance(condition, HasElement):
            paths = [f"{field}.{leaf.key}" for leaf in leaves(condition.clause) if isinstance(leaf, Scanned)]
            return not {*paths} & {*view.lacking} and view.segment.postings.answers(condition)
        return field in view.schema.fields and self._of(field).answers(condition)

    def exact(self, condition: Scanned) -> bool:
        """Whether :meth:`answer` returns the rows for which a condition holds, and no others."""
        return self._of(condition.key).exact(condition)

    def answer(self, condition: Scanned) -> BitMap:
        """Return the rows for which a condition holds, or may hold."""
        return self._of(condition.key).answer(condition)

    def entries(self, condition: Filter) -> int:
        """Return about how many entries are read for a condition."""
        return self._of(key_of(condition)).entries(condition)

    def looked_up(self, condition: Filter, among: BitMap) -> BitMap | None:
        """Return those of a few rows for which a condition holds, None where a set is as quickly found."""
        return self._of(key_of(condition)).looked_up(condition, among)

    def null(self, field: str) -> BitMap:
        """Return the rows of which the field, or one of its values, is null."""
        return self._of(field).null(field)

    def present(self, field: str) -> BitMap:
        """Return the rows whose payload has the field."""
        return self._of(field).present(field)

    def _of(self, field: str) -> FieldPostings:
        view = self._view
        if field not in view.lacking:
            return view.segment.postings
        return view.segment.scans.postings(field, view.schema.fields[field])
