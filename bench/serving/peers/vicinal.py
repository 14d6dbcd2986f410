"""This server through its own client, so that it is measured by the same loop as the others."""

from __future__ import annotations

from typing import Any

import vicinal


class Adapter:
    """What the bench asks of a server's client."""

    # The server has the database already, and is told the effort with every query.
    restarts_for_effort = False

    def command(self, folder: str, port: int) -> list[str]:
        raise NotImplementedError("the bench starts this server itself")

    def connect(self, address: str) -> None:
        database = vicinal.connect(address)
        self._collection = database.collection(database.collections()[0])

    def load(self, vectors: Any, metric: str, m: int, ef_construction: int) -> None:
        raise NotImplementedError("the bench loads this server itself")

    def set_effort(self, ef: int) -> None:
        self._ef = ef

    def search(self, query: Any, k: int) -> list[int]:
        found = self._collection.search(query, k=k, ef=self._ef, with_payload=False)
        ids: list[int] = found.ids.tolist()
        return ids
