"""A database that a server has, used as if it were here."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from ...engine.results.info import DatabaseInfo
from ...engine.schema.declared import DeclaredFields
from ...engine.schema.vector_field import VectorField
from .core import DatabaseCore
from .drivers.blocking import BlockingDriver
from .remote_collection import RemoteCollection


class RemoteDatabase:
    """A database on a server. Got from :func:`connect`; a context manager.

    It has the methods of :class:`~vicinal.engine.database.Database`, and is as safe to use from any number
    of threads. After :meth:`close` every call raises :class:`Closed`; hits and points that were returned
    before stay readable.
    """

    def __init__(self, core: DatabaseCore, driver: BlockingDriver) -> None:
        self._core = core
        self._driver = driver

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"RemoteDatabase({self.address!r})"

    @property
    def address(self) -> str:
        """Host and port of the server."""
        return str(self._core.address)

    def create_collection(
        self,
        name: str,
        vectors: Mapping[str, VectorField] | VectorField,
        *,
        fields: DeclaredFields | None = None,
        partitioned: bool = False,
        strict: bool = False,
    ) -> RemoteCollection:
        """Create a collection, as :meth:`Database.create_collection` does."""
        created = self._core.database.create(name, vectors, fields, partitioned, strict)
        return RemoteCollection(self._core.collection(self._driver.run(created)), self._driver)

    def get_or_create_collection(
        self,
        name: str,
        vectors: Mapping[str, VectorField] | VectorField,
        *,
        fields: DeclaredFields | None = None,
        partitioned: bool = False,
        strict: bool = False,
    ) -> RemoteCollection:
        """Return a collection, created unless there is one; AlreadyExists when its schema is another."""
        found = self._core.database.get_or_create(name, vectors, fields, partitioned, strict)
        return RemoteCollection(self._core.collection(self._driver.run(found)), self._driver)

    def collection(self, name: str) -> RemoteCollection:
        """Return a collection that exists, by its name or an alias; NotFound when there is none."""
        opened = self._core.database.open(name)
        return RemoteCollection(self._core.collection(self._driver.run(opened)), self._driver)

    def collections(self) -> list[str]:
        """Return the names of all collections that the key may read, sorted."""
        return self._driver.run(self._core.database.names())

    def drop_collection(self, name: str) -> None:
        """Delete a collection with all its points; NotFound when there is none of that name."""
        self._driver.run(self._core.database.drop(name))

    def rename_collection(self, old: str, new: str) -> None:
        """Give a collection another name, as :meth:`Database.rename_collection` does."""
        self._driver.run(self._core.database.rename(old, new))

    def set_aliases(self, aliases: Mapping[str, str | None]) -> None:
        """Give aliases to collections, or drop them, as :meth:`Database.set_aliases` does."""
        self._driver.run(self._core.database.set_aliases(aliases))

    def aliases(self) -> dict[str, str]:
        """Return the aliases of all collections that the key may read: names by alias, sorted."""
        return self._driver.run(self._core.database.aliases())

    def info(self) -> DatabaseInfo:
        """Return sizes and states of all collections that the key may read; ``path`` is the address."""
        return self._driver.run(self._core.database.info())

    def close(self) -> None:
        """Close the connection; calls that are under way in other threads raise :class:`Closed`."""
        self._driver.close()
