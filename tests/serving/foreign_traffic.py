"""Queries that a measured table promises too much of, and searches by them until that is seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from waiting import wait_until

from vicinal import Dense, IvfFlat

DIM, ROWS, TARGET = 32, 3000, 0.9
RNG = np.random.default_rng(4)
CENTRES = RNG.standard_normal((60, DIM))
VECTORS = (CENTRES[np.arange(ROWS) % 60] + 0.3 * RNG.standard_normal((ROWS, DIM))).astype(np.float32)
FOREIGN = (1.5 * RNG.standard_normal((200, DIM))).astype(np.float32)
_FRIENDLY = VECTORS[:100] + np.float32(0.01) * RNG.standard_normal((100, DIM)).astype(np.float32)


def create(db: Any, name: str, tenant: str | None = None) -> Any:
    """Return a new collection whose table is of friendly queries."""
    partitioned = tenant is not None
    collection = db.create_collection(name, Dense(DIM, metric="l2", index=IvfFlat()), partitioned=partitioned)
    collection.upsert(range(ROWS), VECTORS, tenant=tenant)
    collection.merge()
    collection.calibrate(_FRIENDLY)
    return collection


def searched_until_raised(collection: Any, **options: Any) -> Any:
    """Search as foreigners do until that has effect, and return what was found of their searches."""
    asked = iter(np.tile(FOREIGN, (1000, 1)))

    def is_raised() -> bool:
        collection.search(next(asked), recall=TARGET, **options)
        return any(info.raised for info in collection.info().audited)

    wait_until(is_raised)
    return collection.info().audited[0]
