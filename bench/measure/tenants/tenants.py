"""`vicinal bench tenants`: many tenants in one collection beside a collection for each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import typer
from rich.table import Table

import vicinal

from ...datasets import Dataset
from ...harness.loaded import COLLECTION, FIELD, dense_field
from ...harness.scratch import scratch_folder
from ...report.tables import records_table
from ..measurement import Finding, Needs, Prepared, Record
from ..options import OUT, DatasetOption, KOption, LockOption, OutOption, RepetitionsOption, RowsOption
from .granting import grant_record
from .owners import Owners, owners_of
from .sampled import Dedicated, decile_records, write

if TYPE_CHECKING:
    from ....engine.collection import Collection

_REOPENINGS = 5
_SINGLE_DROPS = 50
# Tenants below this are to be found as good as exactly.
_SMALL_POINTS, _SMALL_RECALL = 10_000, 0.99
_MOST_OVER_DEDICATED = 1.5


@dataclass(frozen=True)
class TenantsMeasurement:
    """Tenants of Zipf sizes: latency and recall beside a collection each, memory, opening, churn, grants."""

    name: ClassVar = "tenants"
    needs: ClassVar = Needs()
    dataset: DatasetOption = "clustered-1000000x128"
    k: KOption = 10
    out: OutOption = OUT
    tenants: Annotated[int, typer.Option(min=10, help="How many there are.")] = 10_000
    coherent: Annotated[
        bool, typer.Option("--coherent", help="A tenant's rows are near each other, not drawn at random.")
    ] = False
    sampled: Annotated[int, typer.Option(min=1, help="Tenants searched of each tenth by size.")] = 10
    queries: Annotated[int, typer.Option(min=1, help="Queries of each of them.")] = 20
    churn: Annotated[
        float, typer.Option(min=0, max=1, help="The share that is dropped and written anew; 0 for none.")
    ] = 0.3
    grants: Annotated[
        int, typer.Option(min=0, help="Points of the largest tenant that are granted to another; 0 for none.")
    ] = 1000
    repetitions: RepetitionsOption = 5
    rows: RowsOption = None
    lock: LockOption = None

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Write all into one collection, search some, drop a part, write it anew, and search again."""
        data = ready.data
        if data.rows < 2 * self.tenants:
            raise typer.BadParameter(
                f"{self.tenants:,} tenants of {data.rows:,} rows; take twice as many rows or more",
                param_hint="--tenants",
            )
        owners = owners_of(data.vectors, self.tenants, coherent=self.coherent)
        with scratch_folder(ready.scratch) as place:
            costs: Record = {"tenants": self.tenants, "rows": data.rows, "coherent": self.coherent}
            with vicinal.open(place / "shared") as database:
                shared = database.create_collection(COLLECTION, {FIELD: dense_field(data)}, partitioned=True)
                costs |= self._written(ready, shared, owners)
                costs |= _bytes_beside_one_index(ready, shared, data, place)
            costs["open_ms"] = _opening_ms(place / "shared", owners.names[0])
            with vicinal.open(place / "shared") as database:
                shared = database.collection(COLLECTION)
                dedicated = Dedicated(place, data, owners)
                try:
                    yield self._deciles(ready, shared, dedicated, owners, "written")
                    if self.churn:
                        costs |= self._churned(ready, shared, owners)
                        yield self._deciles(ready, shared, dedicated, owners, "churned")
                finally:
                    dedicated.close()
                if self.grants:
                    yield self._granted(ready, shared, owners)
        yield Finding([{**costs, "state": "costs"}], [_costs_table(costs)])

    def _written(self, ready: Prepared, shared: Collection, owners: Owners) -> Record:
        """Create all tenants, then write their points; return what that took."""
        start = time.process_time()
        shared.tenants.create(owners.names)
        create = time.process_time() - start
        use = _catalog_bytes(shared)
        start = time.perf_counter()
        for number, (name, rows) in enumerate(zip(owners.names, owners.rows, strict=True)):
            write(shared, ready.data.vectors, rows, name)
            ready.step("write", number / self.tenants)
        seconds = time.perf_counter() - start
        shared.merge(progress=ready.step)
        return {
            "create_us": round(create / self.tenants * 1e6, 2),
            "catalog_bytes_each": round(use / self.tenants, 1),
            "first_writes_per_second": round(self.tenants / seconds, 1),
        }

    def _deciles(
        self, ready: Prepared, shared: Collection, dedicated: Dedicated, owners: Owners, state: str
    ) -> Finding:
        ready.step(f"search, {state}", 0.0)
        with ready.timing():
            records = decile_records(
                shared,
                dedicated,
                ready.data,
                owners,
                state=state,
                k=self.k,
                tenants=self.sampled,
                queries=self.queries,
                repetitions=self.repetitions,
            )
        return Finding(records, [_decile_table(records)], [_slow(records), _missed(records)])

    def _granted(self, ready: Prepared, shared: Collection, owners: Owners) -> Finding:
        ready.step("grant", 0.0)
        with ready.timing():
            record = grant_record(
                shared,
                owners,
                ready.data.queries,
                grants=self.grants,
                k=self.k,
                repetitions=self.repetitions,
            )
        columns = {
            "grants": "{grants:,}",
            "grant us": "{grant_us:.1f}",
            "revoke us": "{revoke_us:.1f}",
            "calls for one a second": "{grant_calls_per_second:,.0f}",
            "search us": "{search_us:,.0f}",
            "with grants": "{search_granted_us:,.0f}",
            "the first": "{first_search_granted_us:,.0f}",
        }
        return Finding(
            [{**record, "state": "grants"}], [records_table("What grants cost", columns, [record])]
        )

    def _churned(self, ready: Prepared, shared: Collection, owners: Owners) -> Record:
        """Drop a share of the tenants, of all sizes, and write them anew.

        Calls for one tenant each wait for the disk and are timed by the clock, that for the rest by the
        processor.
        """
        drawn = np.random.default_rng(1).random(self.tenants) < self.churn
        gone = np.flatnonzero(drawn).tolist() or [0]
        names = [owners.names[tenant] for tenant in gone]
        points = sum(len(owners.rows[tenant]) for tenant in gone)
        alone, together = names[:_SINGLE_DROPS], names[_SINGLE_DROPS:]
        start = time.perf_counter()
        for name in alone:
            shared.tenants.drop(name)
        waited = time.perf_counter() - start
        start = time.process_time()
        shared.tenants.drop(together)
        spent = time.process_time() - start
        left = len(shared)
        for number, tenant in enumerate(gone):
            write(shared, ready.data.vectors, owners.rows[tenant], owners.names[tenant])
            ready.step("write anew", number / len(gone))
        shared.wait_indexed(progress=ready.step)
        segments = shared.info().segments
        return {
            "dropped": len(gone),
            "dropped_points": points,
            "drop_us": round(spent / max(len(together), 1) * 1e6, 2),
            "drop_calls_per_second": round(len(alone) / waited, 1),
            "left_after_drop": left,
            "segments_after_churn": len(segments),
            "dead_after_churn": sum(segment.dead for segment in segments),
        }


def _catalog_bytes(collection: Collection) -> int:
    use = collection._host.catalog_use()
    return 0 if use is None else use.used_bytes


def _bytes_beside_one_index(ready: Prepared, shared: Collection, data: Dataset, place: Path) -> Record:
    """Return the bytes of the collection, and of one of the same rows that knows no tenants."""
    ready.step("one index without tenants", 0.0)
    with vicinal.open(place / "plain") as database:
        plain = database.create_collection(COLLECTION, {FIELD: dense_field(data)})
        write(plain, data.vectors, np.arange(data.rows), None)
        plain.merge(progress=ready.step)
        ours, theirs = (info.bytes_disk + info.bytes_memory for info in (shared.info(), plain.info()))
    return {"bytes": ours, "plain_bytes": theirs, "over_plain": round(ours / theirs, 4)}


def _opening_ms(folder: Path, tenant: str) -> float:
    """Return the least processor time from a closed database to the first count of a tenant."""
    spent = []
    for _ in range(_REOPENINGS):
        start = time.process_time()
        with vicinal.open(folder) as database:
            database.collection(COLLECTION).count(tenant=tenant)
            spent.append(time.process_time() - start)
    return round(min(spent) * 1e3, 2)


def _slow(records: Sequence[Record]) -> str | None:
    slow = [one for one in records if one["over_dedicated_p95"] > _MOST_OVER_DEDICATED]
    if not slow:
        return None
    named = ", ".join(f"{one['decile']} ({one['over_dedicated_p95']:.2f}x)" for one in slow)
    return f"p95 above {_MOST_OVER_DEDICATED}x a collection of its own in the tenths {named}"


def _missed(records: Sequence[Record]) -> str | None:
    low = [one for one in records if one["most_points"] < _SMALL_POINTS and one["recall"] < _SMALL_RECALL]
    if not low:
        return None
    named = ", ".join(f"{one['decile']} ({one['recall']:.3f})" for one in low)
    return f"recall below {_SMALL_RECALL} of tenants under {_SMALL_POINTS:,} points in the tenths {named}"


def _decile_table(records: Sequence[Record]) -> Table:
    columns = {
        "tenth by size": "{decile}",
        "points": "{least_points:,} to {most_points:,}",
        "p50 us": "{p50_us:,.0f}",
        "p95 us": "{p95_us:,.0f}",
        "own p50 us": "{dedicated_p50_us:,.0f}",
        "own p95 us": "{dedicated_p95_us:,.0f}",
        "p95 over own": "{over_dedicated_p95:.2f}",
        "recall": "{recall:.4f}",
        "least recall": "{least_recall:.4f}",
    }
    title = f"Tenants, {records[0]['state']}, beside a collection for each, processor time of one thread"
    return records_table(title, columns, records)


def _costs_table(costs: Record) -> Table:
    columns = {
        "tenants": "{tenants:,}",
        "rows": "{rows:,}",
        "create us": "{create_us:.1f}",
        "catalog bytes each": "{catalog_bytes_each:,.0f}",
        "bytes over one index": "{over_plain:.3f}",
        "open ms": "{open_ms:.1f}",
    }
    if "drop_us" in costs:
        columns |= {
            "drop us": "{drop_us:.1f}",
            "calls for one a second": "{drop_calls_per_second:,.0f}",
            "dropped points": "{dropped_points:,}",
        }
    return records_table("What tenants cost", columns, [costs])
