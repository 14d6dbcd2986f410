"""What rows, scans and indexes are to each other and to the engine, for every kind of vector alike.

Rows are what is stored. A scan answers exactly from rows; an index, built by its spec, answers from arrays of
its own and from the rows. ``Q`` is what a batch of queries is: float32 ``(q, dim)`` or packed uint8
``(q, ceil(dim / 8))`` for dense rows, rows of their own kind for sparse and multi-vector ones. ``K`` is
what one effort of an index is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from .rows.element import Element
from .rows.metric import Metric
from .rows.neighbors import Neighbors
from .rows.saturation import Saturation

if TYPE_CHECKING:
    from .rows.row_set import RowSet

Arrays = Mapping[str, NDArray[Any]]


class Queries(Protocol):
    """A batch of queries: counted, and cut into parts or picked from by an index array."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: Any, /) -> Self: ...


Q = TypeVar("Q", bound=Any)
QIn = TypeVar("QIn", bound=Any, contravariant=True)
K = TypeVar("K")


class Rows(Protocol):
    """Vectors of one field in one segment, as they are stored; immutable, without a copy."""

    @property
    def metric(self) -> Metric:
        """How they are compared."""

    @property
    def nbytes(self) -> int:
        """Bytes they take."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: Any, /) -> Any:
        """Return some rows, as queries of their kind are given."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be found.

    Parameters
    ----------
    rows
        The rows that may be found; None for all of them.
    tenant
        Who asks, when one tenant does; ``rows`` holds what it owns, or what it was granted by others.
    """

    rows: RowSet | None = None
    tenant: int | None = None

    def count(self, n: int) -> int:
        """Return how many of ``n`` rows may be found."""
        return n if self.rows is None else self.rows.count

    def check(self, n: int) -> None:
        """Raise ValueError unless this is a scope of ``n`` rows."""
        if self.rows is not None and self.rows.n != n:
            raise ValueError(f"the scope is a set of rows of {self.rows.n}; the segment has {n}")

    @property
    def contiguous(self) -> bool:
        """Whether the rows follow one another."""
        return self.rows is None or self.rows.bounds is not None


EVERYTHING = Scope()


class Scan(Protocol[QIn]):
    """Exact answers from rows; thread-safe, its kernels release the GIL."""

    def search(self, queries: QIn, k: int, scope: Scope = EVERYTHING) -> Neighbors:
        """Return the true nearest rows of each query, ties by row."""

    def score(self, queries: QIn, rows: NDArray[np.uint32]) -> NDArray[np.float32]:
        """Return the ``(q, c)`` exact scores of the ``(c,)`` given rows."""

    def cost(self, queries: QIn | None, count: int, contiguous: bool) -> float:
        """Predict the seconds of one query over ``count`` rows; of a usual one when none are given."""


@dataclass(frozen=True, slots=True)
class Effort(Generic[K]):
    """How hard a search tries, and what that is expected to bring and to cost.

    Parameters
    ----------
    knobs
        What the index was told to do.
    expected_recall
        Recall@k that the index's ladder of efforts promises; None when nothing was measured.
    seconds
        Predicted cost of one query.
    words
        The knobs as a person reads them.
    """

    knobs: K
    expected_recall: float | None
    seconds: float
    words: str


@dataclass(frozen=True, slots=True)
class FieldShape:
    """What an index is to be built for.

    Parameters
    ----------
    kind
        ``dense``, ``sparse`` or ``multi``.
    metric
        How its vectors are compared.
    element
        What they are made of; None for sparse ones, but for binary ones.
    dim
        Dimensions of a vector or of a token; None for sparse ones.
    saturation
        What makes weights of term frequencies; None unless that is what sparse vectors hold.
    """

    kind: str
    metric: Metric
    element: Element | None = None
    dim: int | None = None
    saturation: Saturation | None = None


def _silent(_share: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Previous:
    """An index of the same spec that some of the rows were in before.

    Parameters
    ----------
    arrays
        What it was built as.
    rows
        ``(n,)`` uint32, which row each of its rows is now; ``NO_ROW`` for those that are gone.
    """

    arrays: Arrays
    rows: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class BuildJob:
    """How an index is built.

    Parameters
    ----------
    seed
        Whatever is drawn is drawn from it: with one thread, equal input gives equal arrays.
    threads
        How many work on it; 0 for one a core.
    progress
        Told 0 to 1. What it raises ends the build.
    tenants
        ``(n,)`` uint32, the owner of each row; None where there are no tenants. They ascend, but for
        ``order``, which has to put them so.
    total_rows
        How many rows all segments hold, these included; 0 where that is not known.
    ordered
        What the spec's ``order`` returned beside the order that rows have now; None where another decided.
    previous
        Indexes that the rows were in before; what a build takes over of them may show in its arrays.
    """

    seed: int = 0
    threads: int = 0
    progress: Callable[[float], None] = _silent
    tenants: NDArray[np.uint32] | None = None
    total_rows: int = 0
    ordered: Arrays | None = None
    previous: Sequence[Previous] = ()


@dataclass(frozen=True, slots=True)
class RowOrder:
    """The order in which an index would like the rows of a segment.

    Parameters
    ----------
    rows
        ``(n,)`` uint32, each row once.
    arrays
        What is known of the rows in this order; a build is given it back.
    """

    rows: NDArray[np.uint32]
    arrays: Arrays


class IndexSpec(Protocol):
    """Parameters of an index: frozen, hashable, validated, JSON in the catalog. Makes no kernel load."""

    @property
    def name(self) -> str:
        """The name the spec is registered under."""

    def to_json(self) -> dict[str, Any]:
        """Return ``{"name": ..., parameters}``; the registry reads it back."""

    def check(self, field: FieldShape) -> None:
        """Raise ValueError, in words for the caller, unless such a field can have this index."""

    def knobs(self, given: Mapping[str, float]) -> Any:
        """Return what a caller said about effort as the index takes it; clients call it too.

        Raises
        ------
        ValueError
            A name is unknown or a value is out of range; the message says what there is.
        """

    def worth_building(self, n: int) -> bool:
        """Return whether an index over ``n`` rows answers sooner than a scan of them."""

    def order(self, rows: Any, job: BuildJob) -> RowOrder | None:
        """Return the row order the index would like in the segment, or None when it does not matter."""

    def build(self, rows: Any, job: BuildJob) -> dict[str, NDArray[Any]]:
        """Build the index's arrays."""

    def open(self, arrays: Arrays, rows: Any) -> Index[Any, Any]:
        """Validate every shape, offset and id of ``arrays`` and return the index over them."""


class Index(Protocol[QIn, K]):
    """A built index: immutable, safe under threads, its kernels release the GIL."""

    @property
    def nbytes(self) -> int:
        """Bytes of the index's own arrays."""

    def effort(self, k: int, recall: float, knobs: K | None, share: float) -> Effort[K]:
        """Choose the effort that reaches ``recall``, or take ``knobs`` as given, and predict its cost.

        ``share`` is the fraction of the rows that may be found.
        """

    def search(self, queries: QIn, k: int, effort: Effort[K], scope: Scope = EVERYTHING) -> Neighbors:
        """Find the ``min(k, allowed)`` nearest rows of each query, ties by row; nothing outside the scope."""

    def calibrate(self, queries: QIn, truth: NDArray[np.float32] | None = None) -> dict[str, NDArray[Any]]:
        """Measure the ladder of efforts on real queries; ``truth`` (q, >= 100) are exact scores if known."""

    def with_table(self, arrays: Arrays) -> Self:
        """Return the same index with the ladder that :meth:`calibrate` returned."""


@runtime_checkable
class Prepares(Protocol):
    """What an index is besides, when much of a search does not depend on the queries.

    A query that comes alone then costs less: the engine keeps what is returned for the next one.
    """

    def prepared(self, k: int, effort: Effort[Any], scope: Scope = EVERYTHING) -> Callable[[Any], Neighbors]:
        """Return ``search`` for all but the queries; thread-safe, for as many searches as there are."""


@runtime_checkable
class SharesTarget(Protocol):
    """What an index is besides, when some of the nearest of several indexes cost it less than all of them."""

    def shared_effort(self, k: int, wanted: int, recall: float, share: float) -> Effort[Any] | None:
        """Return the effort of a search for the nearest ``wanted`` rows.

        The ``k`` nearest are looked for in several indexes to a ``recall``, and hardly ever more than
        ``wanted`` of them are in this one. ``share`` is as in :meth:`Index.effort`. None where that costs as
        much as a search for all ``k``.
        """


def prepared_search(
    index: Index[Any, Any], k: int, effort: Effort[Any], scope: Scope
) -> Callable[[Any], Neighbors]:
    """Return the search of an index for all but the queries."""
    if isinstance(index, Prepares):
        return index.prepared(k, effort, scope)
    return lambda queries: index.search(queries, k, effort, scope)


@runtime_checkable
class CountsTerms(Protocol):
    """What an index of sparse vectors is besides, when it knows how many rows have a term."""

    def document_frequencies(self, terms: NDArray[np.uint32], lo: int, hi: int) -> NDArray[np.int64] | None:
        """Return in how many of the rows ``lo`` to ``hi`` each term has a value that is not zero.

        None where it does not know that of such a part of its rows, whichever the terms.
        """


@runtime_checkable
class TakesTokens(Protocol):
    """What a scan of multi-vectors is besides: it can go by a part of each row."""

    def with_tokens(self, count: int) -> Any:
        """Return the scan that goes by the first ``count`` tokens of each row."""


@runtime_checkable
class TakesBudgets(Protocol):
    """What an index of multi-vectors is besides, when it can go by parts of queries and rows."""

    def with_budgets(self, asked: int | None, stored: int | None) -> Any:
        """Return the index for queries of ``asked`` tokens that goes by the first ``stored`` of each row.

        None stands for all. Rows are scanned where None is returned, or an index without a promise of recall.
        """


def is_exact(spec: IndexSpec) -> bool:
    """Return whether a spec says by ``exact = True`` that its answers are: there is nothing to measure."""
    return getattr(spec, "exact", False) is True


def takes_binary(spec: IndexSpec) -> bool:
    """Return whether a spec says by ``binary = True`` that it reads sparse rows that have no values."""
    return getattr(spec, "binary", False) is True


_METHODS = ("to_json", "check", "knobs", "worth_building", "order", "build", "open")


def missing_methods(spec: object, methods: Sequence[str] = _METHODS) -> Sequence[str]:
    """Return what a spec lacks to be one, of an index unless told of what else."""
    if isinstance(spec, type):
        return ["its parameters, as it is a class"]
    return [name for name in methods if not callable(getattr(spec, name, None))] + (
        [] if isinstance(getattr(spec, "name", None), str) else ["name"]
    )
