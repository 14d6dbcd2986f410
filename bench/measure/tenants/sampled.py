"""Some tenants of each size, searched in the collection of all and in one of their own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import vicinal

from ...datasets import Dataset
from ...datasets.dataset import Floats
from ...harness.loaded import COLLECTION, FIELD, dense_field
from .owners import DECILES, Owners

if TYPE_CHECKING:
    from ....engine.collection import Collection
    from ..measurement import Record

_LOAD_ROWS = 10_000


class Dedicated:
    """A collection of its own for each tenant that is looked at, made when it is asked for."""

    def __init__(self, below: Path, dataset: Dataset, owners: Owners) -> None:
        self._below = below
        self._dataset = dataset
        self._owners = owners
        self._open: dict[int, Collection] = {}
        self._databases = ExitStack()

    def of(self, tenant: int) -> Collection:
        """Return the collection of a tenant, merged."""
        found = self._open.get(tenant)
        if found is None:
            database = self._databases.enter_context(vicinal.open(self._below / str(tenant)))
            found = database.create_collection(COLLECTION, {FIELD: dense_field(self._dataset)})
            write(found, self._dataset.vectors, self._owners.rows[tenant], None)
            found.merge()
            self._open[tenant] = found
        return found

    def close(self) -> None:
        """Let go of all of them."""
        self._open.clear()
        self._databases.close()


def write(collection: Collection, vectors: Floats, rows: NDArray[np.int64], tenant: str | None) -> None:
    """Write rows as points of a tenant; a point's id is its row number."""
    for start in range(0, len(rows), _LOAD_ROWS):
        part = rows[start : start + _LOAD_ROWS]
        collection.upsert(part.astype(np.uint64), {FIELD: vectors[part]}, tenant=tenant)


def decile_records(
    collection: Collection,
    dedicated: Dedicated,
    dataset: Dataset,
    owners: Owners,
    *,
    state: str,
    k: int,
    tenants: int,
    queries: int,
    repetitions: int,
) -> list[Record]:
    """Return a record for each tenth of the tenants by size, the smallest first."""
    asked, records = dataset.queries[:queries], []
    for decile in range(DECILES):
        chosen = owners.of_decile(decile, tenants)
        spent: list[list[float]] = [[], []]
        recalls: list[float] = []
        for tenant in chosen:
            name, alone = owners.names[tenant], dedicated.of(tenant)
            calls: list[tuple[Collection, dict[str, Any]]] = [(collection, {"tenant": name}), (alone, {})]
            for query in asked:
                least = _least_seconds(calls, query, k, repetitions)
                for seconds, one in zip(spent, least, strict=True):
                    seconds.append(one)
            recalls.append(_recall(collection, name, asked, k))
        sizes = [len(owners.rows[tenant]) for tenant in chosen]
        (p50, p95), (own_p50, own_p95) = (np.percentile(seconds, [50, 95]) * 1e6 for seconds in spent)
        records.append(
            {
                "state": state,
                "decile": decile + 1,
                "tenants_measured": len(chosen),
                "least_points": min(sizes),
                "most_points": max(sizes),
                "k": k,
                "p50_us": round(float(p50), 1),
                "p95_us": round(float(p95), 1),
                "dedicated_p50_us": round(float(own_p50), 1),
                "dedicated_p95_us": round(float(own_p95), 1),
                "over_dedicated_p95": round(float(p95 / own_p95), 3),
                "recall": round(float(np.mean(recalls)), 5),
                "least_recall": round(min(recalls), 5),
                "repetitions": repetitions,
            }
        )
    return records


def _least_seconds(
    calls: Sequence[tuple[Collection, dict[str, Any]]], query: Floats, k: int, repetitions: int
) -> list[float]:
    """Return the least processor time of each search, which take turns."""
    least = [float("inf")] * len(calls)
    # The first of each is not counted.
    for repetition in range(1 + repetitions):
        for place, (collection, options) in enumerate(calls):
            start = time.process_time_ns()
            _ = collection.search(query, k, **options).ids
            taken = (time.process_time_ns() - start) / 1e9
            least[place] = min(least[place], taken) if repetition else least[place]
    return least


def _recall(collection: Collection, tenant: str, queries: Floats, k: int) -> float:
    found = collection.search(queries, k, tenant=tenant)
    exact = collection.search(queries, k, tenant=tenant, exact=True)
    shares = [
        len(set(hits.ids.tolist()) & set(best.ids.tolist())) / max(1, len(best))
        for hits, best in zip(found, exact, strict=True)
    ]
    return float(np.mean(shares))
