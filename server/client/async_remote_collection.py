"""A collection that a server has, for programs that run an event loop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from ...engine.api import Ids
from ...engine.filters.notations.reading import FilterLike
from ...engine.input.options import SearchKeywords, asked
from ...engine.input.payload_update import PayloadChange
from ...engine.input.payloads import Payloads
from ...engine.input.queries import named
from ...engine.input.upsert_condition import UpsertMode
from ...engine.progress import Progress, silent
from ...engine.results.explanation import Explanation
from ...engine.results.facet import Facet, FieldValue
from ...engine.results.info import CollectionInfo
from ...engine.results.point import Page, Point
from ...engine.results.written import Written
from ...engine.schema.collection_schema import CollectionSchema
from ...engine.schema.vector_field import VectorField
from .async_remote_tenants import AsyncRemoteTenants
from .core import CollectionCore
from .drivers.asynchronous import AsyncDriver


class AsyncRemoteCollection:
    """Points that share a schema, on a server. Usable by any number of tasks of one event loop.

    It has the methods of :class:`~vicinal.server.client.remote_collection.RemoteCollection`, with the same
    parameters, answers and errors, to be awaited. ``progress`` is called in the event loop, and what is sent
    is checked and encoded there, about a millisecond a megabyte. A call whose task is cancelled is given up
    by the server too. For ``len(collection)``, which cannot be awaited, there is ``info()``.
    """

    def __init__(self, core: CollectionCore, driver: AsyncDriver) -> None:
        self._core = core
        self._driver = driver

    def __repr__(self) -> str:
        return f"AsyncRemoteCollection({self.name!r})"

    @property
    def name(self) -> str:
        """Its name."""
        return self._core.handle.name

    @property
    def schema(self) -> CollectionSchema:
        """Its vector fields, indexed payload fields and whether it is partitioned by tenant, as last heard.

        What others changed is heard of when a call would be refused by the schema known here, and when this
        object changes it; a collection got anew has the schema of then.
        """
        return self._core.handle.schema

    @property
    def uuid(self) -> str:
        """Names this collection, and none that is created later under its name."""
        return self._core.handle.uuid

    @property
    def tenants(self) -> AsyncRemoteTenants:
        """Those whose points it has: creating, listing and dropping them, what they have and may have."""
        return AsyncRemoteTenants(self._core.tenants, self._driver)

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
        """Insert points, or replace those whose ids exist; return how far the collection is durable."""
        return await self._driver.run(self._core.points.upsert(ids, vectors, payloads, tenant, mode, only_if))

    async def delete(
        self, ids: Ids | None = None, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> int:
        """Delete points by id, or all that satisfy a filter; return how many there were."""
        return await self._driver.run(self._core.points.delete(ids, filter, tenant))

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
        """Merge ``payload`` into the payloads of the chosen points, or replace them; return how many."""
        return await self._driver.run(
            self._core.points.update_payload(payload, ids, filter, key, replace, tenant)
        )

    async def delete_payload(
        self,
        keys: Iterable[str],
        ids: Ids | None = None,
        *,
        filter: FilterLike | None = None,
        tenant: str | None = None,
    ) -> int:
        """Delete keys, dotted paths, of the payloads of the chosen points; return how many there were."""
        return await self._driver.run(self._core.points.delete_payload(keys, ids, filter, tenant))

    async def clear_payload(
        self, ids: Ids | None = None, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> int:
        """Empty the payloads of the chosen points; return how many there were."""
        return await self._driver.run(self._core.points.update_payload({}, ids, filter, None, True, tenant))

    async def update_vectors(self, ids: Ids, vectors: Any, *, tenant: str | None = None) -> int:
        """Change vectors; see :meth:`vicinal.Collection.update_vectors`."""
        return await self._driver.run(self._core.points.update_vectors(ids, vectors, tenant))

    async def delete_vectors(
        self,
        fields: Iterable[str],
        ids: Ids | None = None,
        *,
        filter: FilterLike | None = None,
        tenant: str | None = None,
    ) -> int:
        """Delete vectors; see :meth:`vicinal.Collection.delete_vectors`."""
        return await self._driver.run(self._core.points.delete_vectors(fields, ids, filter, tenant))

    async def get(
        self,
        ids: Ids,
        *,
        with_payload: bool | Sequence[str] = True,
        with_vectors: bool | Sequence[str] = False,
        tenant: str | None = None,
    ) -> list[Point | None]:
        """Return the points of the given ids, None in the place of each that does not exist."""
        carried = named(with_payload, with_vectors)
        return await self._driver.run(self._core.points.get(ids, carried, tenant))

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
        """Return ``n`` different points drawn at random, or all of them if there are fewer."""
        carried = named(with_payload, with_vectors)
        return await self._driver.run(self._core.points.sample(n, filter, seed, carried, tenant))

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
        """Return points in the order they were written, or of a payload field, a page at a time."""
        carried = named(with_payload, with_vectors)
        return await self._driver.run(
            self._core.points.scroll(filter, limit, after, order_by, carried, tenant)
        )

    async def count(self, *, filter: FilterLike | None = None, tenant: str | None = None) -> int:
        """Return exactly how many points there are, or satisfy ``filter``."""
        return await self._driver.run(self._core.points.count(filter, tenant))

    async def facet(
        self,
        field: str,
        *,
        filter: FilterLike | None = None,
        limit: int | None = 10,
        tenant: str | None = None,
    ) -> list[Facet]:
        """Return the most frequent values of a payload field; see :meth:`vicinal.Collection.facet`."""
        return await self._driver.run(self._core.facets.facet(field, filter, limit, tenant))

    async def min_max(
        self, field: str, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> tuple[FieldValue, FieldValue] | None:
        """Return the least and the most value of a payload field, None where no point has one."""
        return await self._driver.run(self._core.facets.min_max(field, filter, tenant))

    async def search(self, query: Any = None, k: int = 10, **options: Unpack[SearchKeywords]) -> Any:
        """Return the ``min(k, matches)`` nearest points: ``Hits`` of one query, ``BatchHits`` of a batch."""
        return await self._driver.run(self._core.searches.search(*asked(query, k, options)))

    async def explain(self, query: Any = None, k: int = 10, **options: Unpack[SearchKeywords]) -> Explanation:
        """Search as :meth:`search` does, in one message, and return the answer with its plan and work."""
        return await self._driver.run(self._core.searches.explain(*asked(query, k, options)))

    async def score(
        self,
        query: Any,
        ids: Ids | Sequence[Ids],
        *,
        field: str | None = None,
        tokens: Sequence[int | None] | None = None,
        tenant: str | None = None,
    ) -> NDArray[np.float32]:
        """Return the exact scores of points that are named, (c,) or (q, c); NaN where there is no vector."""
        return await self._driver.run(self._core.scores.score(query, ids, field, tokens, tenant))

    async def add_field(self, name: str, type: str) -> None:
        """Index a payload field from now on, of the points that are there too; filters are exact at once."""
        await self._driver.run(self._core.schema.add_field(name, type))

    async def drop_field(self, name: str) -> None:
        """Index a payload field no longer; payloads keep its values."""
        await self._driver.run(self._core.schema.drop_field(name))

    async def add_vector_field(self, name: str, field: VectorField) -> None:
        """Add a vector field; every point that is there lacks its vector in it until it is written."""
        await self._driver.run(self._core.schema.add_vector_field(name, field))

    async def drop_vector_field(self, name: str) -> None:
        """Drop a vector field with its vectors; points stay."""
        await self._driver.run(self._core.schema.drop_vector_field(name))

    async def calibrate(self, queries: Any, *, field: str | None = None, progress: Progress = silent) -> int:
        """Measure, on real queries, which effort reaches which recall; return how many segments were."""
        return await self._driver.run(self._core.tending.calibrate(queries, field, progress))

    async def flush(self, progress: Progress = silent) -> None:
        """Seal the growing rows into a segment with its indexes; return when that is done."""
        await self._driver.run(self._core.tending.flush(progress))

    async def merge(self, progress: Progress = silent) -> None:
        """Bring everything into one indexed segment without dead rows; return when that is done."""
        await self._driver.run(self._core.tending.merge(progress))

    async def wait_indexed(self, timeout: float | None = None, progress: Progress = silent) -> None:
        """Have done now what background work would do once writes pause; return when all of it is."""
        await self._driver.run(self._core.tending.wait_indexed(timeout, progress))

    async def info(self) -> CollectionInfo:
        """Return sizes, segments and what background work is doing."""
        return await self._driver.run(self._core.tending.info())
