"""Searches that are audited one by one, however busy the machine is."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import vicinal
from vicinal.engine.database import audit_of

_LONGEST_SECONDS = 20.0

Told = tuple[str, float, float]
"""The collection's name, the recall asked for and the recall found."""


class Audited:
    """A database in memory whose audits are waited for.

    Attributes
    ----------
    db : Database
    told : queue
        What audits found that nobody asked for yet.
    """

    def __init__(self, db: vicinal.Database) -> None:
        self.db = db
        self._audit = audit_of(db)
        self.told: queue.Queue[Told] = queue.Queue()
        self._audit.told = lambda *told: self.told.put(told)

    def search(self, collection: Any, *asked: Any, **options: Any) -> Told:
        """Search and return what the audit of that found."""
        self.ready()
        collection.search(*asked, **options)
        return self.told.get(timeout=_LONGEST_SECONDS)

    def passes_over(self, collection: Any, *asked: Any, **options: Any) -> Any:
        """Search, assert that no audit was made of it, and return the hits."""
        self.ready()
        hits = collection.search(*asked, **options)
        # Whoever takes a search does so before it returns.
        assert self._audit.wants
        assert self.told.empty()
        return hits

    def ready(self) -> None:
        """Wait until a search would be taken."""
        end = time.monotonic() + _LONGEST_SECONDS
        while not self._audit.wants:
            assert time.monotonic() < end
            time.sleep(0.0005)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Return a context in which no search is taken."""
        self.ready()
        self._audit.wants = False
        yield
        self._audit.wants = True


@contextmanager
def auditing(share: float = 1.0) -> Iterator[Audited]:
    """Open a database in memory with audits."""
    with vicinal.open(":memory:", audit=share) as db:
        yield Audited(db)
