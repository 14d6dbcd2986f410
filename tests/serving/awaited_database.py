"""The asynchronous client, awaited call by call, as what the conformance suite takes."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Mapping
from typing import Any, Self

import vicinal

_COLLECTION_CALLS = (
    "upsert",
    "delete",
    "update_payload",
    "delete_payload",
    "clear_payload",
    "update_vectors",
    "delete_vectors",
    "get",
    "sample",
    "scroll",
    "count",
    "facet",
    "min_max",
    "search",
    "explain",
    "score",
    "add_field",
    "drop_field",
    "add_vector_field",
    "drop_vector_field",
    "calibrate",
    "flush",
    "merge",
    "wait_indexed",
    "info",
)


class AwaitedDatabase:
    """An ``AsyncRemoteDatabase`` in an event loop of its own, which runs while a call waits."""

    def __init__(self, remote: vicinal.AsyncRemoteDatabase) -> None:
        self._remote = remote
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
        self._runner.close()

    def run(self, call: Coroutine[Any, Any, Any]) -> Any:
        """Await a call in the context of this moment, which holds the deadline."""
        return self._runner.run(call, context=contextvars.copy_context())

    def create_collection(self, *args: Any, **options: Any) -> AwaitedCollection:
        return AwaitedCollection(self, self.run(self._remote.create_collection(*args, **options)))

    def get_or_create_collection(self, *args: Any, **options: Any) -> AwaitedCollection:
        return AwaitedCollection(self, self.run(self._remote.get_or_create_collection(*args, **options)))

    def collection(self, name: str) -> AwaitedCollection:
        return AwaitedCollection(self, self.run(self._remote.collection(name)))

    def collections(self) -> list[str]:
        return self.run(self._remote.collections())

    def drop_collection(self, name: str) -> None:
        self.run(self._remote.drop_collection(name))

    def rename_collection(self, old: str, new: str) -> None:
        self.run(self._remote.rename_collection(old, new))

    def set_aliases(self, aliases: Mapping[str, str | None]) -> None:
        self.run(self._remote.set_aliases(aliases))

    def aliases(self) -> dict[str, str]:
        return self.run(self._remote.aliases())

    def info(self) -> vicinal.DatabaseInfo:
        return self.run(self._remote.info())

    def close(self) -> None:
        self.run(self._remote.close())


class AwaitedCollection:
    """An ``AsyncRemoteCollection``, awaited call by call."""

    def __init__(self, database: AwaitedDatabase, remote: vicinal.AsyncRemoteCollection) -> None:
        self._database = database
        self._remote = remote

    def __len__(self) -> int:
        return self.info().points

    def __bool__(self) -> bool:
        return True

    @property
    def name(self) -> str:
        return self._remote.name

    @property
    def schema(self) -> Any:
        return self._remote.schema

    @property
    def tenants(self) -> AwaitedTenants:
        return AwaitedTenants(self._database, self._remote.tenants)


class AwaitedTenants:
    """``AsyncRemoteTenants``, awaited call by call."""

    def __init__(self, database: AwaitedDatabase, remote: Any) -> None:
        self._database = database
        self._remote = remote


def _awaited(name: str) -> Any:
    def call(self: AwaitedCollection | AwaitedTenants, *args: Any, **options: Any) -> Any:
        return self._database.run(getattr(self._remote, name)(*args, **options))

    return call


for _name in _COLLECTION_CALLS:
    setattr(AwaitedCollection, _name, _awaited(_name))
for _name in ("create", "drop", "stats", "set_quota", "list", "grant", "revoke", "grants"):
    setattr(AwaitedTenants, _name, _awaited(_name))
