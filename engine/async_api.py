"""The interface of a database for programs that run an event loop.

The same methods as in :mod:`~vicinal.engine.api`, to be awaited. The meaning of every parameter is told
once, in :class:`~vicinal.engine.database.Database` and :class:`~vicinal.engine.collection.Collection`.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, Unpack, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from .api import Ids
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


@runtime_checkable
class AsyncTenantsApi(Protocol):
    """The tenants of a partitioned collection."""

    async def create(self, names: str | Sequence[str]) -> int:
        """Create tenants."""

    async def drop(self, names: str | Sequence[str]) -> int:
        """Drop tenants with all they have."""

    async def stats(self, name: str) -> TenantStats:
        """Return what a tenant has."""

    async def set_quota(
        self,
        name: str,
        *,
        points: int | None = None,
        bytes: int | None = None,
        requests_per_second: float | None = None,
    ) -> None:
        """Say what a tenant may have."""

    async def grant(self, ids: Ids, *, tenant: str, to: str | Sequence[str]) -> int:
        """Let further tenants read points of one, beside their own; return how many grants are new."""

    async def revoke(self, ids: Ids, *, tenant: str, to: str | Sequence[str]) -> int:
        """Take back what was granted; return how many of these grants there were."""

    async def grants(
        self, name: str, *, limit: int = 100, after: PointId | None = None
    ) -> builtins.list[Grant]:
        """Return what a tenant was granted, a page at a time; there are no more when one is empty."""

    async def list(
        self, *, prefix: str = "", limit: int = 100, after: str | None = None
    ) -> builtins.list[str]:
        """Return a page of names."""


@runtime_checkable
class AsyncCollectionApi(Protocol):
    """Points that share a schema."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def schema(self) -> CollectionSchema:
        """Its fields."""

    @property
    def tenants(self) -> AsyncTenantsApi:
        """Those whose points it has."""

    async def upsert(
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

    async def delete(
        self, ids: Ids | None = None, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> int:
        """Delete points."""

    async def update_payload(
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

    async def delete_payload(
        self,
        keys: Iterable[str],
        ids: Ids | None = None,
        *,
        filter: FilterLike | None = None,
        tenant: str | None = None,
    ) -> int:
        """Delete keys of payloads."""

    async def clear_payload(
        self, ids: Ids | None = None, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> int:
        """Empty payloads."""

    async def update_vectors(self, ids: Ids, vectors: Any, *, tenant: str | None = None) -> int:
        """Change vectors."""

    async def delete_vectors(
        self,
        fields: Iterable[str],
        ids: Ids | None = None,
        *,
        filter: FilterLike | None = None,
        tenant: str | None = None,
    ) -> int:
        """Delete vectors."""

    async def get(
        self,
        ids: Ids,
        *,
        with_payload: bool | Sequence[str] = True,
        with_vectors: bool | Sequence[str] = False,
        tenant: str | None = None,
    ) -> list[Point | None]:
        """Return points by id."""

    async def sample(
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

    async def scroll(
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

    async def count(self, *, filter: FilterLike | None = None, tenant: str | None = None) -> int:
        """Count points."""

    async def facet(
        self,
        field: str,
        *,
        filter: FilterLike | None = None,
        limit: int | None = 10,
        tenant: str | None = None,
    ) -> list[Facet]:
        """Count the points of each value of a payload field."""

    async def min_max(
        self, field: str, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> tuple[FieldValue, FieldValue] | None:
        """Return the least and the most value of a payload field."""

    async def search(self, query: Any = None, k: int = 10, **options: Unpack[SearchKeywords]) -> Any:
        """Return the nearest points."""

    async def explain(self, query: Any = None, k: int = 10, **options: Unpack[SearchKeywords]) -> Explanation:
        """Search and say how."""

    async def score(
        self,
        query: Any,
        ids: Ids | Sequence[Ids],
        *,
        field: str | None = None,
        tokens: Sequence[int | None] | None = None,
        tenant: str | None = None,
    ) -> NDArray[np.float32]:
        """Return exact scores of points by id."""

    async def add_field(self, name: str, type: str) -> None:
        """Index a payload field."""

    async def drop_field(self, name: str) -> None:
        """Index a payload field no longer."""

    async def add_vector_field(self, name: str, field: VectorField) -> None:
        """Add a vector field."""

    async def drop_vector_field(self, name: str) -> None:
        """Drop a vector field."""

    async def calibrate(self, queries: Any, *, field: str | None = None, progress: Progress = ...) -> int:
        """Measure effort against recall on real queries."""

    async def flush(self, progress: Progress = ...) -> None:
        """Seal what is growing."""

    async def merge(self, progress: Progress = ...) -> None:
        """Bring everything into one segment."""

    async def wait_indexed(self, timeout: float | None = None, progress: Progress = ...) -> None:
        """Return when everything is indexed."""

    async def info(self) -> CollectionInfo:
        """Return sizes and states."""


@runtime_checkable
class AsyncDatabaseApi(Protocol):
    """A set of collections; an asynchronous context manager."""

    async def __aenter__(self) -> Self:
        """Return itself."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""

    async def create_collection(
        self,
        name: str,
        vectors: Mapping[str, VectorField] | VectorField,
        *,
        fields: DeclaredFields | None = None,
        partitioned: bool = False,
        strict: bool = False,
    ) -> AsyncCollectionApi:
        """Create a collection."""

    async def get_or_create_collection(
        self,
        name: str,
        vectors: Mapping[str, VectorField] | VectorField,
        *,
        fields: DeclaredFields | None = None,
        partitioned: bool = False,
        strict: bool = False,
    ) -> AsyncCollectionApi:
        """Return a collection, created unless there is one."""

    async def collection(self, name: str) -> AsyncCollectionApi:
        """Return a collection."""

    async def collections(self) -> list[str]:
        """Return the names of all collections."""

    async def drop_collection(self, name: str) -> None:
        """Delete a collection."""

    async def rename_collection(self, old: str, new: str) -> None:
        """Give a collection another name."""

    async def set_aliases(self, aliases: Mapping[str, str | None]) -> None:
        """Give aliases to collections, or drop them."""

    async def aliases(self) -> dict[str, str]:
        """Return the name of a collection by each alias."""

    async def info(self) -> DatabaseInfo:
        """Return sizes and states."""

    async def close(self) -> None:
        """Let go of everything."""
