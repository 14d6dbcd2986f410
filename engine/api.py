"""The interface that every kind of database has: embedded, in memory, remote.

Code written against these protocols runs unchanged against :func:`vicinal.open` with a path or with
``":memory:"``; ``tests/conformance/database_conformance.py`` holds each implementation to them. The
meaning of every parameter is told once, in :class:`~vicinal.engine.database.Database` and
:class:`~vicinal.engine.collection.Collection`.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, Unpack, runtime_checkable
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ..storage.arrow.library import ArrowStream
from .filters.notations.reading import FilterLike
from .input.options import SearchKeywords
from .input.payload_update import PayloadChange
from .input.payloads import Payloads
from .input.upsert_condition import UpsertMode
from .progress import Progress
from .results.explanation import Explanation
from .results.facet import Facet, FieldValue
from .results.info import CollectionInfo, DatabaseInfo
from .results.point import Page, Point, PointId
from .results.written import Written
from .schema.collection_schema import CollectionSchema
from .schema.declared import DeclaredFields
from .schema.vector_field import VectorField
from .tenants.grant import Grant
from .tenants.tenant_quota import TenantStats

Ids = Sequence[PointId | UUID] | NDArray[Any] | ArrowStream


@runtime_checkable
class TenantsApi(Protocol):
    """The tenants of a partitioned collection."""

    def create(self, names: str | Sequence[str]) -> int:
        """Create tenants."""

    def drop(self, names: str | Sequence[str]) -> int:
        """Drop tenants with all they have."""

    def stats(self, name: str) -> TenantStats:
        """Return what a tenant has."""

    def set_quota(
        self,
        name: str,
        *,
        points: int | None = None,
        bytes: int | None = None,
        requests_per_second: float | None = None,
    ) -> None:
        """Say what a tenant may have."""

    def grant(self, ids: Ids, *, tenant: str, to: str | Sequence[str]) -> int:
        """Let further tenants read points of one, beside their own; return how many grants are new."""

    def revoke(self, ids: Ids, *, tenant: str, to: str | Sequence[str]) -> int:
        """Take back what was granted; return how many of these grants there were."""

    def grants(self, name: str, *, limit: int = 100, after: PointId | None = None) -> builtins.list[Grant]:
        """Return what a tenant was granted, a page at a time; there are no more when one is empty."""

    def list(self, *, prefix: str = "", limit: int = 100, after: str | None = None) -> builtins.list[str]:
        """Return a page of names."""


@runtime_checkable
class CollectionApi(Protocol):
    """Points that share a schema."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def schema(self) -> CollectionSchema:
        """Its fields."""

    @property
    def tenants(self) -> TenantsApi:
        """Those whose points it has."""

    def __len__(self) -> int:
        """Return how many points are alive."""

    def upsert(
        self,
        ids: Ids,
        vectors: Any = None,
        payloads: Payloads | None = None,
        *,
        mode: UpsertMode | str = UpsertMode.UPSERT,
        only_if: FilterLike | None = None,
        tenant: str | None = None,
    ) -> Written:
        """Insert or replace points."""

    def delete(
        self, ids: Ids | None = None, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> int:
        """Delete points."""

    def update_payload(
        self,
        payload: PayloadChange,
        ids: Ids | None = None,
        *,
        filter: FilterLike | None = None,
        key: str | None = None,
        replace: bool = False,
        tenant: str | None = None,
    ) -> int:
        """Change payloads."""

    def delete_payload(
        self,
        keys: Iterable[str],
        ids: Ids | None = None,
        *,
        filter: FilterLike | None = None,
        tenant: str | None = None,
    ) -> int:
        """Delete keys of payloads."""

    def clear_payload(
        self, ids: Ids | None = None, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> int:
        """Empty payloads."""

    def update_vectors(self, ids: Ids, vectors: Any, *, tenant: str | None = None) -> int:
        """Change vectors."""

    def delete_vectors(
        self,
        fields: Iterable[str],
        ids: Ids | None = None,
        *,
        filter: FilterLike | None = None,
        tenant: str | None = None,
    ) -> int:
        """Delete vectors."""

    def get(
        self,
        ids: Ids,
        *,
        with_payload: bool | Sequence[str] = True,
        with_vectors: bool | Sequence[str] = False,
        tenant: str | None = None,
    ) -> list[Point | None]:
        """Return points by id."""

    def sample(
        self,
        n: int,
        *,
        filter: FilterLike | None = None,
        seed: int | None = None,
        with_payload: bool | Sequence[str] = True,
        with_vectors: bool | Sequence[str] = False,
        tenant: str | None = None,
    ) -> list[Point]:
        """Return points drawn at random."""

    def scroll(
        self,
        *,
        filter: FilterLike | None = None,
        limit: int = 100,
        after: int | str | None = None,
        order_by: str | None = None,
        with_payload: bool | Sequence[str] = True,
        with_vectors: bool | Sequence[str] = False,
        tenant: str | None = None,
    ) -> Page:
        """Return points a page at a time."""

    def count(self, *, filter: FilterLike | None = None, tenant: str | None = None) -> int:
        """Count points."""

    def facet(
        self,
        field: str,
        *,
        filter: FilterLike | None = None,
        limit: int | None = 10,
        tenant: str | None = None,
    ) -> list[Facet]:
        """Count the points of each value of a payload field."""

    def min_max(
        self, field: str, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> tuple[FieldValue, FieldValue] | None:
        """Return the least and the most value of a payload field."""

    def search(self, query: Any = None, k: int = 10, **options: Unpack[SearchKeywords]) -> Any:
        """Return the nearest points."""

    def explain(self, query: Any = None, k: int = 10, **options: Unpack[SearchKeywords]) -> Explanation:
        """Search and say how."""

    def score(
        self,
        query: Any,
        ids: Ids | Sequence[Ids],
        *,
        field: str | None = None,
        tokens: Sequence[int | None] | None = None,
        tenant: str | None = None,
    ) -> NDArray[np.float32]:
        """Return exact scores of points by id."""

    def add_field(self, name: str, type: str) -> None:
        """Index a payload field."""

    def drop_field(self, name: str) -> None:
        """Index a payload field no longer."""

    def add_vector_field(self, name: str, field: VectorField) -> None:
        """Add a vector field."""

    def drop_vector_field(self, name: str) -> None:
        """Drop a vector field."""

    def calibrate(self, queries: Any, *, field: str | None = None, progress: Progress = ...) -> int:
        """Measure effort against recall on real queries."""

    def flush(self, progress: Progress = ...) -> None:
        """Seal what is growing."""

    def merge(self, progress: Progress = ...) -> None:
        """Bring everything into one segment."""

    def wait_indexed(self, timeout: float | None = None, progress: Progress = ...) -> None:
        """Return when everything is indexed."""

    def info(self) -> CollectionInfo:
        """Return sizes and states."""


@runtime_checkable
class DatabaseApi(Protocol):
    """A set of collections; a context manager."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""

    def create_collection(
        self,
        name: str,
        vectors: Mapping[str, VectorField] | VectorField,
        *,
        fields: DeclaredFields | None = None,
        partitioned: bool = False,
        strict: bool = False,
    ) -> CollectionApi:
        """Create a collection."""

    def get_or_create_collection(
        self,
        name: str,
        vectors: Mapping[str, VectorField] | VectorField,
        *,
        fields: DeclaredFields | None = None,
        partitioned: bool = False,
        strict: bool = False,
    ) -> CollectionApi:
        """Return a collection, created unless there is one."""

    def collection(self, name: str) -> CollectionApi:
        """Return a collection."""

    def collections(self) -> list[str]:
        """Return the names of all collections."""

    def drop_collection(self, name: str) -> None:
        """Delete a collection."""

    def rename_collection(self, old: str, new: str) -> None:
        """Give a collection another name."""

    def set_aliases(self, aliases: Mapping[str, str | None]) -> None:
        """Give aliases to collections, or drop them."""

    def aliases(self) -> dict[str, str]:
        """Return the name of a collection by each alias."""

    def info(self) -> DatabaseInfo:
        """Return sizes and states."""

    def close(self) -> None:
        """Let go of everything."""
