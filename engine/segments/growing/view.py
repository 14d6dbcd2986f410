"""The growing segment as one snapshot sees it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pyroaring import BitMap

from ....indexes.protocol import Index, Rows
from ....storage.columns.batch import Batch
from ....storage.columns.partial import Present
from ....storage.columns.payloads import PayloadColumn
from ....storage.columns.vectors import VectorColumn
from ...filters.evaluation.scanning import ScanWork
from ...filters.postings import FieldPostings
from ...results.point import PointId
from ..bitmaps import bitmap
from ..payload_columns import AskedPayloads, ReadPart
from ..value_rows import ValueRows
from ..view import SegmentView
from .segment import GrowingSegment

GROWING = "growing"


class GrowingView(SegmentView):
    """The first rows of a growing segment, minus the dead ones; more may be appended behind them."""

    bytes_disk = 0
    indexed_fields: tuple[str, ...] = ()

    def __init__(self, segment: GrowingSegment, n_rows: int, dead: BitMap) -> None:
        super().__init__(GROWING, n_rows, dead)
        self.segment = segment
        # Those of the schema of now: the segment has others once that changes.
        self._postings, self._vectors = segment.postings, segment.vectors

    def owned(self, tenant: int) -> BitMap:
        """Return the rows of a tenant, dead or alive."""
        return bitmap(np.flatnonzero(self.segment.tenants.view(self.n_rows) == tenant))

    def owns(self, rows: list[int], tenant: int) -> bool:
        """Return whether all of ``rows``, at least one, are a tenant's."""
        return bool((self.segment.tenants.view(self.n_rows)[rows] == tenant).all())

    def owners(self, rows: list[int]) -> list[int]:
        """Return the tenant of each of ``rows``, by number."""
        owners: list[int] = self.segment.tenants.view(self.n_rows)[rows].tolist()
        return owners

    def newest(self, ids: Sequence[PointId], tenant: int) -> NDArray[np.int64]:
        """Return the newest row of each id, dead or alive, -1 where there is none."""
        return self.segment.find(tenant, ids, self.n_rows)

    def postings(self) -> FieldPostings:
        """Return the filter postings of the indexed payload fields."""
        return self._postings.reader(self.n_rows)

    def asked_payloads(self, work: ScanWork) -> AskedPayloads:
        """Return what tells of conditions on fields without an index, and counts what it reads."""
        return AskedPayloads(self.segment.columns, self.n_rows, work, fixed=False)

    def value_rows(self, field: str) -> ValueRows:
        """Return the values of an indexed payload field and the rows of each, dead or alive."""
        return self._postings.reader(self.n_rows).value_rows(field)

    def values_read(self, field: str, among: BitMap, work: ScanWork) -> Iterator[ReadPart]:
        """Yield the values that payloads have in a field, of the rows ``among``, part after part."""
        return self.segment.columns.parts(field, among, self.n_rows, work, fixed=False)

    def sequence(self) -> NDArray[np.uint64]:
        """Return the sequence number of each row, ascending."""
        return self.segment.sequence.view(self.n_rows)

    def ids(self, rows: NDArray[np.int64]) -> list[PointId]:
        """Return the ids of ``rows``."""
        ids = self.segment.ids
        return [ids[row] for row in rows.tolist()]

    @property
    def id_of(self) -> Callable[[int], PointId]:
        """What returns the id of one row."""
        return self.segment.ids.__getitem__

    @property
    def ids_are_numeric(self) -> bool:
        """Whether every id of the view is a number."""
        return self.segment.all_numeric(self.n_rows)

    def id_column(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return the ids of ``rows`` as uint64, or as object when any id of the view is a text."""
        dtype = np.uint64 if self.ids_are_numeric else object
        return np.array(self.ids(rows), dtype=dtype)

    def payload(self, row: int) -> dict[str, Any]:
        """Return one payload."""
        raw = self.segment.payloads[row]
        payload: dict[str, Any] = orjson.loads(raw) if raw else {}
        return payload

    def raw_payload(self, row: int) -> bytes:
        """Return the JSON text of one payload."""
        return self.segment.payloads[row]

    def payload_column(self, rows: NDArray[np.int64]) -> PayloadColumn:
        """Copy out the payloads of ``rows``, not parsed."""
        return PayloadColumn.from_raw([self.segment.payloads[row] for row in rows.tolist()])

    @property
    def largest_payload(self) -> int:
        """Bytes that no payload exceeds; one that came after the view may be as large."""
        return self.segment.largest_payload

    def payload_sizes(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the bytes of the JSON text of each of ``rows``."""
        return self.segment.payload_sizes.view(self.n_rows)[rows].astype(np.int64)

    def rows(self, field: str) -> Rows:
        """Return the rows of a field as an index sees them, without a copy."""
        return self._vectors[field].rows(self.n_rows)

    def present(self, field: str) -> Present | None:
        """Return which rows have a vector in a field, ascending; None when all have."""
        return self._vectors[field].present(self.n_rows)

    def index(self, field: str) -> Index[Any, Any] | None:
        """Return the index that a kind of vectors keeps while they grow, None when they are scanned."""
        return self._vectors[field].index(self.n_rows)

    def counted(self, field: str) -> MutableMapping[Any, Any]:
        """Return what was counted of the vectors of a field."""
        return self._vectors[field].counted

    def vector_column(self, field: str, rows: NDArray[np.int64]) -> VectorColumn:
        """Copy out the vectors of one field."""
        return self._vectors[field].column(rows)

    def batch(self, rows: NDArray[np.int64], without: Collection[str] = ()) -> Batch:
        """Copy out whole points, but for their vectors in some fields."""
        vectors = {name: column for name, column in self._vectors.items() if name not in without}
        return self.segment.batch(rows, vectors)

    @property
    def bytes_memory(self) -> int:
        """Bytes held in memory."""
        return self.segment.bytes_memory
