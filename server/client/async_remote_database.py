"""A database that a server has, for programs that run an event loop."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from ...engine.results.info import DatabaseInfo
from ...engine.schema.declared import DeclaredFields
from ...engine.schema.vector_field import VectorField
from .async_remote_collection import AsyncRemoteCollection
from .core import DatabaseCore
from .drivers.asynchronous import AsyncDriver


class AsyncRemoteDatabase:
    """A database on a server. Got from :func:`aconnect`; an asynchronous context manager.

    It has the methods of :class:`~vicinal.server.client.remote_database.RemoteDatabase`, to be awaited. It
    belongs to the event loop in which it is used first, and any number of its tasks may use it at the same
    time. After :meth:`close` every call raises :class:`Closed`.
    """

    def __init__(self, core: DatabaseCore, driver: AsyncDriver) -> None:
        self._core = core
        self._driver = driver

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncRemoteDatabase({self.address!r})"

    @property
    def address(self) -> str:
        """Host and port of the server."""
        return str(self._core.address)

    async def create_collection(
        self,
        name: str,
        vectors: Mapping[str, VectorField] | VectorField,
        *,
        fields: DeclaredFields | None = None,
        partitioned: bool = False,
        strict: bool = False,
    ) -> AsyncRemoteCollection:
        """Create a collection, as :meth:`Database.create_collection` does."""
        created = self._core.database.create(name, vectors, fields, partitioned, strict)
        return AsyncRemoteCollection(self._core.collection(await self._driver.run(created)), self._driver)

    async def get_or_create_collection(
        self,
        name: str,
        vectors: Mapping[str, VectorField] | VectorField,
        *,
        fields: DeclaredFields | None = None,
        partitioned: bool = False,
        strict: bool = False,
    ) -> AsyncRemoteCollection:
        """Return a collection, created unless there is one; AlreadyExists when its schema is another."""
        found = self._core.database.get_or_create(name, vectors, fields, partitioned, strict)
        return AsyncRemoteCollection(self._core.collection(await self._driver.run(found)), self._driver)

    async def collection(self, name: str) -> AsyncRemoteCollection:
        """Return a collection that exists, by its name or an alias; NotFound when there is none."""
        opened = self._core.database.open(name)
        return AsyncRemoteCollection(self._core.collection(await self._driver.run(opened)), self._driver)

    async def collections(self) -> list[str]:
        """Return the names of all collections that the key may read, sorted."""
        return await self._driver.run(self._core.database.names())

    async def drop_collection(self, name: str) -> None:
        """Delete a collection with all its points; NotFound when there is none of that name."""
        await self._driver.run(self._core.database.drop(name))

    async def rename_collection(self, old: str, new: str) -> None:
        """Give a collection another name, as :meth:`Database.rename_collection` does."""
        await self._driver.run(self._core.database.rename(old, new))

    async def set_aliases(self, aliases: Mapping[str, str | None]) -> None:
        """Give aliases to collections, or drop them, as :meth:`Database.set_aliases` does."""
        await self._driver.run(self._core.database.set_aliases(aliases))

    async def aliases(self) -> dict[str, str]:
        """Return the aliases of all collections that the key may read: names by alias, sorted."""
        return await self._driver.run(self._core.database.aliases())

    async def info(self) -> DatabaseInfo:
        """Return sizes and states of all collections that the key may read; ``path`` is the address."""
        return await self._driver.run(self._core.database.info())

    async def close(self) -> None:
        """Close the connection; calls that are under way in other tasks raise :class:`Closed`."""
        await self._driver.close()
