"""This engine, through its public API as a user calls it: what is alike for all kinds of vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vicinal

from ..peers import Build, Effort

if TYPE_CHECKING:
    from ...engine.database import Database

COLLECTION = "bench"


class VicinalKept:
    """Builds one collection in a database of its own, which ``prepare`` has written."""

    name = "vicinal"

    def build(self, dataset: Any, build: Build, folder: Path, scratch: Path) -> Callable[[], None]:
        database = vicinal.open(folder)
        database.collection(COLLECTION).merge()
        return database.close


class VicinalKeptSearcher:
    """Searches it as opened again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.collection = database.collection(COLLECTION)

    def search(self, effort: Effort, k: int) -> Callable[[Any], Any]:
        search, told = self.collection.search, {"k": k, **effort.parameters}
        return lambda asked: search(asked, **told).ids

    def rows(self, answer: Any) -> Iterable[int]:
        rows: Iterable[int] = answer.tolist()
        return rows

    def close(self) -> None:
        self._database.close()
