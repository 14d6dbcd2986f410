"""What a segment holds: rows, dead ones too, with their ids, owners, payloads and vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ...indexes.protocol import Index, Rows
from ...storage.columns.batch import Batch
from ...storage.columns.partial import Present
from ...storage.columns.payloads import PayloadColumn
from ...storage.columns.vectors import VectorColumn
from ..filters.evaluation.scanning import ScanWork
from ..filters.postings import FieldPostings
from ..results.point import PointId
from .payload_columns import AskedPayloads, ReadPart
from .value_rows import ValueRows

ABSENT = -1
"""The row of an id that a segment does not hold."""


class SegmentContent(ABC):
    """The rows of one segment, whoever may see them.

    Attributes
    ----------
    uuid : str
        Name of the segment's file; ``growing`` for rows that are in the log only.
    n_rows : int
        Rows, dead ones included.
    """

    def __init__(self, uuid: str, n_rows: int) -> None:
        self.uuid = uuid
        self.n_rows = n_rows

    @abstractmethod
    def owned(self, tenant: int) -> BitMap:
        """Return the rows of a tenant, dead or alive."""

    @abstractmethod
    def owns(self, rows: list[int], tenant: int) -> bool:
        """Return whether all of ``rows``, at least one, are a tenant's."""

    @abstractmethod
    def owners(self, rows: list[int]) -> list[int]:
        """Return the tenant of each of ``rows``, by number."""

    @abstractmethod
    def newest(self, ids: Sequence[PointId], tenant: int) -> NDArray[np.int64]:
        """Return the newest row of each id, dead or alive, -1 where there is none."""

    @abstractmethod
    def postings(self) -> FieldPostings:
        """Return the filter postings of the indexed payload fields."""

    @abstractmethod
    def asked_payloads(self, work: ScanWork) -> AskedPayloads:
        """Return what tells of conditions on fields without an index, and counts what it reads."""

    @abstractmethod
    def value_rows(self, field: str) -> ValueRows:
        """Return the values of an indexed payload field and the rows of each, dead or alive.

        Those of uuid fields are 16 bytes each.
        """

    @abstractmethod
    def values_read(self, field: str, among: BitMap, work: ScanWork) -> Iterator[ReadPart]:
        """Yield the values that payloads have in a field, of the rows ``among``, part after part."""

    @abstractmethod
    def sequence(self) -> NDArray[np.uint64]:
        """Return the sequence number of each row, in row order."""

    @abstractmethod
    def ids(self, rows: NDArray[np.int64]) -> list[PointId]:
        """Return the ids of ``rows``."""

    @property
    @abstractmethod
    def id_of(self) -> Callable[[int], PointId]:
        """What returns the id of one row."""

    @property
    @abstractmethod
    def ids_are_numeric(self) -> bool:
        """Whether every id of the view is a number."""

    @abstractmethod
    def id_column(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return the ids of ``rows`` as uint64, or as object when any id of the view is a text."""

    @abstractmethod
    def payload(self, row: int) -> dict[str, Any]:
        """Return one payload."""

    @abstractmethod
    def raw_payload(self, row: int) -> bytes:
        """Return the JSON text of one payload."""

    @abstractmethod
    def payload_column(self, rows: NDArray[np.int64]) -> PayloadColumn:
        """Copy out the payloads of ``rows``, not parsed."""

    @property
    @abstractmethod
    def largest_payload(self) -> int:
        """Bytes that no payload exceeds."""

    @abstractmethod
    def payload_sizes(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the bytes of the JSON text of each of ``rows``, which are not read."""

    @abstractmethod
    def rows(self, field: str) -> Rows:
        """Return the rows of a field as an index sees them, without a copy."""

    @abstractmethod
    def present(self, field: str) -> Present | None:
        """Return which rows have a vector in a field, ascending; None when all have.

        What :meth:`rows` and :meth:`index` number are the vectors that are there.
        """

    @abstractmethod
    def index(self, field: str) -> Index[Any, Any] | None:
        """Return the index of a field, None when there is none."""

    @abstractmethod
    def counted(self, field: str) -> MutableMapping[Any, Any]:
        """Return what was counted of the vectors of a field, kept from one view of the segment to the next.

        Any thread may fill it: every entry says which rows it is of.
        """

    @abstractmethod
    def vector_column(self, field: str, rows: NDArray[np.int64]) -> VectorColumn:
        """Copy out the vectors of one field."""

    @abstractmethod
    def batch(self, rows: NDArray[np.int64], without: Collection[str] = ()) -> Batch:
        """Copy out whole points, but for their vectors in some fields."""

    @property
    @abstractmethod
    def indexed_fields(self) -> tuple[str, ...]:
        """Vector fields that have an index."""

    @property
    @abstractmethod
    def bytes_disk(self) -> int:
        """Size of the segment's file."""

    @property
    @abstractmethod
    def bytes_memory(self) -> int:
        """Bytes in memory that are not pages of the file."""
