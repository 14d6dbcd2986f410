"""What the engine asks of a kind of vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...indexes.protocol import Arrays, BuildJob, Index
from ...storage.arrays.row_reader import RowReader
from ...storage.columns.vectors import VectorColumn
from ..results.weighting import Weighting
from ..schema.query_weights import QueryWeights

Array = NDArray[Any]
Chosen = NDArray[np.int64]

FieldT = TypeVar("FieldT", contravariant=True)


@dataclass(frozen=True, slots=True)
class OnDisk:
    """The array of a segment's vectors that is not mapped.

    Parameters
    ----------
    name
        Of a matrix, beside which are the checksums of its rows.
    offsets
        Name of the array that says where in it each vector begins; None where each is a row.
    """

    name: str
    offsets: str | None = None


class GrowingVectors(Protocol):
    """Vectors of one field in memory, in the order they were written.

    One thread appends; any thread reads a prefix of which it knows that it was written.
    """

    def append(self, column: Any) -> None:
        """Append the vectors of a column of this kind."""

    def rows(self, length: int) -> Any:
        """Return the first ``length`` vectors as an index sees them, without a copy."""

    def index(self, length: int) -> Index[Any, Any] | None:
        """Return an index of the first ``length`` vectors, None where they are scanned.

        Whoever asks first builds what is new; nobody waits for that.
        """

    def column(self, chosen: Chosen) -> VectorColumn:
        """Copy out the chosen vectors."""

    @property
    def nbytes(self) -> int:
        """Bytes reserved in memory."""


class FieldStatistics(Protocol):
    """What the live vectors of a field come to; counted when it is asked for."""

    @property
    def n_vectors(self) -> int:
        """How many live points have a vector in the field."""

    @property
    def total(self) -> float:
        """The sum of all values of those vectors."""

    def inverse_frequencies(self, terms: NDArray[np.uint32]) -> NDArray[np.float64]:
        """Return the weight of each term: above 0, the higher the fewer of those vectors have it."""


class TokenIds(Protocol):
    """What knows the ids of tokens."""

    def known_ids(self, tokens: Sequence[str]) -> NDArray[np.uint32]:
        """Return the id of each token, ``UNKNOWN`` where it has none."""


class TermWeights(Protocol):
    """What knows the weights of terms in queries that do not say them."""

    def weights_of(self, ids: NDArray[np.uint32]) -> NDArray[np.float32]:
        """Return the weight of each term, NaN where it has none."""


class Sealer(Protocol):
    """What the vectors of a new segment are coded by."""

    def column(self, rows: Any, chosen: Chosen) -> VectorColumn:
        """Return the chosen rows as the segment stores them."""

    def arrays(self) -> dict[str, Array]:
        """Return what the segment keeps besides, to decode them."""


class Kind(Protocol[FieldT]):
    """How the vectors of one kind are checked, grown, sealed and read. Stateless, so safe under threads.

    What it calls rows is what indexes and scans of the kind take.
    """

    def describe(self, field: FieldT) -> str:
        """Return what a person is told of a field."""

    def column(self, field: FieldT, value: Any, what: str) -> VectorColumn:
        """Return vectors that a caller passed, as they are stored; also those of a column of this kind.

        Raises
        ------
        InvalidArgument
            Naming ``what`` and the first row that does not fit the field.
        """

    def source(self, field: FieldT) -> str | None:
        """Return the path in payloads of the texts that its vectors are made of, None where they are given.

        Such a field is searched for what matches: rows of no score above 0 are not found.
        """

    def encoded(self, field: FieldT, texts: Sequence[Sequence[str]]) -> VectorColumn:
        """Return the vectors of texts, each in parts; only of fields that have a source."""

    def queries(self, field: FieldT, value: Any, name: str) -> tuple[Any, bool]:
        """Return queries as a batch, and whether the caller gave a single one.

        Raises
        ------
        InvalidArgument
            Naming ``name``, the field, and why it is no query of it.
        """

    def has_tokens(self, field: FieldT) -> bool:
        """Return whether callers name the entries of its vectors by tokens, which are stored as ids."""

    def has_budgets(self, field: FieldT) -> bool:
        """Return whether searches may go by the first parts of queries and of vectors.

        Queries of such a field have a method ``first``, its scans and indexes are ``TakesTokens``.
        """

    def query_weights(self, field: FieldT) -> QueryWeights | None:
        """Return the weights that queries of a field need not say; None where they say all."""

    def resolved(
        self, field: FieldT, queries: Any, tokens: TokenIds | None, weights: TermWeights | None
    ) -> Any:
        """Return queries over ids, with the weights that they do not say; others as they are.

        ``tokens`` is there where the field takes tokens, ``weights`` where it has weights for queries.
        """

    def query_floats(self, field: FieldT) -> int | None:
        """Return how many float32 numbers each query is; None where it is something else."""

    def query_column(self, field: FieldT, queries: Any) -> VectorColumn:
        """Return a batch of queries as it is sent; :meth:`queries` takes it."""

    def prepares(self, field: FieldT) -> bool:
        """Return whether queries are not searched with as they are, but as :meth:`prepare` returns them."""

    def prepare(
        self, field: FieldT, queries: Any, statistics: FieldStatistics
    ) -> tuple[Any, Weighting | None]:
        """Return queries as all segments of a snapshot are searched with them, and what weighted their terms.

        With None, nothing was counted. Only of fields whose queries are not searched with as they are.
        """

    def query_arrays(self, queries: Any) -> dict[str, Array]:
        """Return a batch of queries as it is kept."""

    def kept_queries(self, arrays: Arrays) -> Any:
        """Return the batch that :meth:`query_arrays` gave."""

    def empty(self, field: FieldT) -> VectorColumn:
        """Return a column without rows."""

    def growing(self, field: FieldT) -> GrowingVectors:
        """Return a growing segment's vectors, none yet."""

    def sealed_arrays(self, field: FieldT, column: Any) -> dict[str, Array]:
        """Return the arrays that a segment keeps of a column."""

    def sealer(self, field: FieldT, sources: Sequence[tuple[Any, Chosen]], job: BuildJob) -> Sealer | None:
        """Return what codes the vectors of a new segment, of these rows; None where they stay as they are."""

    def staged(self, field: FieldT) -> OnDisk | None:
        """Return which array of a new segment is filled in by blocks of rows, None where all are whole."""

    def read_from_disk(self, field: FieldT) -> OnDisk | None:
        """Return which of the arrays stays on disk and is read, None where all are mapped."""

    def disk_rows(self, field: FieldT, rows: Any, chosen: Chosen) -> int:
        """Return how many rows of the array that is filled in so the chosen rows take; only where one is."""

    def rows(self, field: FieldT, arrays: Arrays, reader: RowReader | None = None) -> Any:
        """Return what :meth:`sealed_arrays` gave as an index sees it, without a copy.

        ``reader`` is that of the array that :meth:`read_from_disk` names, None where it is in memory.

        Raises
        ------
        KeyError
            An array is missing.
        CorruptionError
            They do not fit each other.
        """

    def stored(self, field: FieldT, rows: Any, chosen: Chosen) -> VectorColumn:
        """Copy out the chosen rows."""

    def sizes(self, field: FieldT, rows: Any, chosen: Chosen) -> NDArray[np.int64] | int:
        """Return the bytes of each chosen row, which are not read; one number where all take the same."""
