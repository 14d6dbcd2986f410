"""`vicinal bench writing`: searches and upserts while small batches are written for minutes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import typer
from rich.table import Table

import vicinal

from ..datasets import Dataset
from ..harness.loaded import COLLECTION, FIELD, create_collection, load
from ..harness.scratch import scratch_folder
from ..report.tables import records_table
from .measurement import Finding, Needs, Prepared, Record
from .options import OUT, DatasetOption, KOption, LockOption, OutOption

if TYPE_CHECKING:
    from ...engine.database import Database

SEARCH_EVERY_SECONDS = 5e-3
REST_SEARCHES = 1_000
# Of the p50 of a search at rest, while small batches are written.
MOST_OVER_REST = 2.0


@dataclass(frozen=True)
class WritingMeasurement:
    """Searches and upserts in each minute while rows come in small batches, beside searches at rest."""

    name: ClassVar = "writing"
    needs: ClassVar = Needs()
    dataset: DatasetOption = "clustered-200000x128-l2"
    k: KOption = 10
    out: OutOption = OUT
    batch_rows: Annotated[int, typer.Option(min=1, help="Rows of one upsert.")] = 20
    rows_per_second: Annotated[int, typer.Option(min=1, help="Rows that are written in a second.")] = 2_000
    minutes: Annotated[int, typer.Option(min=1, help="How many periods are measured.")] = 10
    period: Annotated[float, typer.Option(min=0.1, help="Seconds of each period.")] = 60.0
    lock: LockOption = None

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Load and index half of the rows, measure at rest, then write on and on."""
        data = ready.data
        half = Dataset(data.name, data.metric, data.vectors[: data.rows // 2], data.queries)
        with scratch_folder(ready.scratch) as place, vicinal.open(place / "database") as database:
            collection = create_collection(database, half)
            load(collection, half, payloads=False)
            collection.merge(progress=ready.step)
            with ready.timing():
                rest = _Searches(database, data, self.k)
                while len(rest.seconds) < REST_SEARCHES:
                    rest.search()
                    time.sleep(SEARCH_EVERY_SECONDS)
                records = [self._record(database, 0, rest, _Upserts(), 0.0)]
                records += self._periods(ready, database, half.rows)
        worst = max(record["search_p50_us"] for record in records[1:]) / records[0]["search_p50_us"]
        bound = None if worst <= MOST_OVER_REST else f"a search takes {worst:.1f}x what it takes at rest"
        yield Finding(records, [_table(records)], [bound])

    def _periods(self, ready: Prepared, database: Database, first: int) -> Iterator[Record]:
        writes = _Writes(database, ready.data, first, self.batch_rows, self.rows_per_second)
        with writes:
            for number in range(1, self.minutes + 1):
                searches, upserts = _Searches(database, ready.data, self.k), writes.next_period()
                began = time.perf_counter()
                while (spent := time.perf_counter() - began) < self.period:
                    searches.search()
                    time.sleep(SEARCH_EVERY_SECONDS)
                yield self._record(database, number, searches, upserts, spent)
                ready.step("write", number / self.minutes)

    def _record(
        self, database: Database, number: int, searches: _Searches, upserts: _Upserts, spent: float
    ) -> Record:
        info = database.info()
        (collection,) = info.collections
        growing = [segment for segment in collection.segments if not segment.bytes_disk]
        written = list(upserts.seconds)
        search = np.percentile(searches.seconds, [50, 99]) * 1e6
        upsert = np.percentile(written, [50, 99]) * 1e3 if written else (0.0, 0.0)
        return {
            "k": self.k,
            "minute": number,
            "rows": sum(segment.rows - segment.dead for segment in collection.segments),
            "rows_per_second": round(len(written) * self.batch_rows / spent, 1) if spent else 0.0,
            "search_p50_us": round(float(search[0]), 1),
            "search_p99_us": round(float(search[1]), 1),
            "upsert_p50_ms": round(float(upsert[0]), 3),
            "upsert_p99_ms": round(float(upsert[1]), 3),
            "upsert_most_ms": round(max(written, default=0.0) * 1e3, 3),
            "segments": len(collection.segments),
            "without_index": sum(s.rows for s in collection.segments if s.bytes_disk and not s.indexed),
            "growing_rows": sum(segment.rows for segment in growing),
            "catalog_bytes": info.bytes_catalog,
            "anonymous_bytes": _anonymous_bytes(),
        }


class _Searches:
    """Single searches, one after another."""

    def __init__(self, database: Database, data: Dataset, k: int) -> None:
        self._collection = database.collection(COLLECTION)
        self._queries, self._k = data.queries, k
        self.seconds: list[float] = []

    def search(self) -> None:
        query = self._queries[len(self.seconds) % len(self._queries)]
        began = time.perf_counter()
        _ = self._collection.search(query, k=self._k).ids
        self.seconds.append(time.perf_counter() - began)


@dataclass
class _Upserts:
    """What the upserts of one period took."""

    seconds: list[float] = field(default_factory=list)


class _Writes:
    """A thread that writes rows at a steady rate, in small batches, again and again under new ids."""

    def __init__(self, database: Database, data: Dataset, first: int, batch_rows: int, rate: int) -> None:
        self._collection = database.collection(COLLECTION)
        self._data, self._next = data, first
        self._batch_rows, self._seconds = batch_rows, batch_rows / rate
        self._ended = threading.Event()
        self._failed: BaseException | None = None
        self._upserts = _Upserts()
        self._thread = threading.Thread(target=self._run, name="bench-writing", daemon=True)

    def next_period(self) -> _Upserts:
        """Count what is written from now on by itself."""
        self._upserts = _Upserts()
        return self._upserts

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        try:
            due = time.perf_counter()
            while not self._ended.is_set():
                ids = np.arange(self._next, self._next + self._batch_rows, dtype=np.uint64)
                began = time.perf_counter()
                self._collection.upsert(ids=ids, vectors={FIELD: self._data.vectors[ids % self._data.rows]})
                self._upserts.seconds.append(time.perf_counter() - began)
                self._next += self._batch_rows
                due += self._seconds
                time.sleep(max(0.0, due - time.perf_counter()))
        except BaseException as error:
            self._failed = error


def _anonymous_bytes() -> int | None:
    """Return the memory of this process that is not of files; None where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    sizes: dict[str, Any] = dict(line.split(":", 1) for line in lines)
    return int(sizes["RssAnon"].split()[0]) << 10 if "RssAnon" in sizes else None


def _table(records: list[Record]) -> Table:
    columns = {
        "minute": "{minute}",
        "rows/s": "{rows_per_second:,.0f}",
        "search p50 us": "{search_p50_us:,.0f}",
        "p99": "{search_p99_us:,.0f}",
        "upsert p50 ms": "{upsert_p50_ms:.1f}",
        "p99 ms": "{upsert_p99_ms:.1f}",
        "segments": "{segments}",
        "no index": "{without_index:,}",
        "growing": "{growing_rows:,}",
        "catalog": "{catalog_bytes:,}",
        "memory": "{anonymous_bytes:,}",
    }
    return records_table("Small batches, minute by minute; 0 is at rest", columns, records)
