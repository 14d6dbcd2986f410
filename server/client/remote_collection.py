"""A collection that a server has, used as if it were here."""

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
from .core import CollectionCore
from .drivers.blocking import BlockingDriver
from .remote_tenants import RemoteTenants


class RemoteCollection:
    """Points that share a schema, on a server. Safe to use from any number of threads.

    It has the methods of :class:`~vicinal.engine.collection.Collection`, with the same parameters, answers
    and errors; where a call differs, it says so. It stands for the collection that had the name when this
    object was got: once that is dropped, every call raises :class:`NotFound`.
    """

    def __init__(self, core: CollectionCore, driver: BlockingDriver) -> None:
        self._core = core
        self._driver = driver

    def __repr__(self) -> str:
        return f"RemoteCollection({self.name!r})"

    def __len__(self) -> int:
        """Return how many points are alive, of every tenant that the key may read."""
        return self.info().points

    def __bool__(self) -> bool:
        # One without points is a collection all the same.
        return True

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
    def tenants(self) -> RemoteTenants:
        """Those whose points it has: creating, listing and dropping them, what they have and may have."""
        return RemoteTenants(self._core.tenants, self._driver)

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
        """Insert points, or replace those whose ids exist.

        More than the server takes at once goes in parts, one after the other. Each part is durable and
        visible as a whole or not at all; all of them are checked before the first is sent. If one fails,
        those before it stay, and a note on the error says how many points that is. A part that may not have
        reached the server is sent again, over what others may have written to the same points meanwhile.
        """
        return self._driver.run(self._core.points.upsert(ids, vectors, payloads, tenant, mode, only_if))

    def delete(
        self, ids: Ids | None = None, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> int:
        """Delete points by id, or all that satisfy a filter; return how many there were.

        Ids that do not fit in one message go in parts, as in :meth:`upsert`.
        """
        return self._driver.run(self._core.points.delete(ids, filter, tenant))

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
        """Merge ``payload`` into the payloads of the chosen points, or replace them; return how many.

        Ids that do not fit in one message go in parts, as in :meth:`upsert`.
        """
        return self._driver.run(self._core.points.update_payload(payload, ids, filter, key, replace, tenant))

    def delete_payload(
        self,
        keys: Iterable[str],
        ids: Ids | None = None,
        *,
        filter: FilterLike | None = None,
        tenant: str | None = None,
    ) -> int:
        """Delete keys, dotted paths, of the payloads of the chosen points; return how many there were."""
        return self._driver.run(self._core.points.delete_payload(keys, ids, filter, tenant))

    def clear_payload(
        self, ids: Ids | None = None, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> int:
        """Empty the payloads of the chosen points; return how many there were."""
        return self._driver.run(self._core.points.update_payload({}, ids, filter, None, True, tenant))

    def update_vectors(self, ids: Ids, vectors: Any, *, tenant: str | None = None) -> int:
        """Change vectors; see :meth:`vicinal.Collection.update_vectors`."""
        return self._driver.run(self._core.points.update_vectors(ids, vectors, tenant))

    def delete_vectors(
        self,
        fields: Iterable[str],
        ids: Ids | None = None,
        *,
        filter: FilterLike | None = None,
        tenant: str | None = None,
    ) -> int:
        """Delete vectors; see :meth:`vicinal.Collection.delete_vectors`."""
        return self._driver.run(self._core.points.delete_vectors(fields, ids, filter, tenant))

    def get(
        self,
        ids: Ids,
        *,
        with_payload: bool | Sequence[str] = True,
        with_vectors: bool | Sequence[str] = False,
        tenant: str | None = None,
    ) -> list[Point | None]:
        """Return the points of the given ids, None in the place of each that does not exist.

        More than the server returns at once are asked for in parts, and each sees the state of its moment.
        """
        carried = named(with_payload, with_vectors)
        return self._driver.run(self._core.points.get(ids, carried, tenant))

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
        """Return ``n`` different points drawn at random, or all of them if there are fewer."""
        carried = named(with_payload, with_vectors)
        return self._driver.run(self._core.points.sample(n, filter, seed, carried, tenant))

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
        """Return points in the order they were written, or of a payload field, a page at a time."""
        carried = named(with_payload, with_vectors)
        return self._driver.run(self._core.points.scroll(filter, limit, after, order_by, carried, tenant))

    def count(self, *, filter: FilterLike | None = None, tenant: str | None = None) -> int:
        """Return exactly how many points there are, or satisfy ``filter``."""
        return self._driver.run(self._core.points.count(filter, tenant))

    def facet(
        self,
        field: str,
        *,
        filter: FilterLike | None = None,
        limit: int | None = 10,
        tenant: str | None = None,
    ) -> list[Facet]:
        """Return the most frequent values of a payload field; see :meth:`vicinal.Collection.facet`."""
        return self._driver.run(self._core.facets.facet(field, filter, limit, tenant))

    def min_max(
        self, field: str, *, filter: FilterLike | None = None, tenant: str | None = None
    ) -> tuple[FieldValue, FieldValue] | None:
        """Return the least and the most value of a payload field, None where no point has one."""
        return self._driver.run(self._core.facets.min_max(field, filter, tenant))

    def search(self, query: Any = None, k: int = 10, **options: Unpack[SearchKeywords]) -> Any:
        """Return the ``min(k, matches)`` nearest points: ``Hits`` of one query, ``BatchHits`` of a batch.

        A batch that is more than the server takes at once goes in parts, and each sees the state of its
        moment.
        """
        return self._driver.run(self._core.searches.search(*asked(query, k, options)))

    def explain(self, query: Any = None, k: int = 10, **options: Unpack[SearchKeywords]) -> Explanation:
        """Search as :meth:`search` does, in one message, and return the answer with its plan and work.

        The seconds by stage are those of the server's engine.
        """
        return self._driver.run(self._core.searches.explain(*asked(query, k, options)))

    def score(
        self,
        query: Any,
        ids: Ids | Sequence[Ids],
        *,
        field: str | None = None,
        tokens: Sequence[int | None] | None = None,
        tenant: str | None = None,
    ) -> NDArray[np.float32]:
        """Return the exact scores of points that are named, (c,) or (q, c); NaN where there is no vector.

        More than the server takes at once goes in parts, and each sees the state of its moment.
        """
        return self._driver.run(self._core.scores.score(query, ids, field, tokens, tenant))

    def add_field(self, name: str, type: str) -> None:
        """Index a payload field from now on, of the points that are there too; filters are exact at once."""
        self._driver.run(self._core.schema.add_field(name, type))

    def drop_field(self, name: str) -> None:
        """Index a payload field no longer; payloads keep its values."""
        self._driver.run(self._core.schema.drop_field(name))

    def add_vector_field(self, name: str, field: VectorField) -> None:
        """Add a vector field; every point that is there lacks its vector in it until it is written."""
        self._driver.run(self._core.schema.add_vector_field(name, field))

    def drop_vector_field(self, name: str) -> None:
        """Drop a vector field with its vectors; points stay."""
        self._driver.run(self._core.schema.drop_vector_field(name))

    def calibrate(self, queries: Any, *, field: str | None = None, progress: Progress = silent) -> int:
        """Measure, on real queries, which effort reaches which recall; return how many segments were."""
        return self._driver.run(self._core.tending.calibrate(queries, field, progress))

    def flush(self, progress: Progress = silent) -> None:
        """Seal the growing rows into a segment with its indexes; return when that is done."""
        self._driver.run(self._core.tending.flush(progress))

    def merge(self, progress: Progress = silent) -> None:
        """Bring everything into one indexed segment without dead rows; return when that is done."""
        self._driver.run(self._core.tending.merge(progress))

    def wait_indexed(self, timeout: float | None = None, progress: Progress = silent) -> None:
        """Have done now what background work would do once writes pause; return when all of it is."""
        self._driver.run(self._core.tending.wait_indexed(timeout, progress))

    def info(self) -> CollectionInfo:
        """Return sizes, segments and what background work is doing."""
        return self._driver.run(self._core.tending.info())
