"""`vicinal bench write`: durable writes, time until everything is indexed, and reopening."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

import vicinal

from ...engine.progress import Progress
from ..datasets import Dataset
from ..harness.loaded import create_collection, load, upsert_rows
from ..harness.machine import cores
from ..harness.scratch import scratch_folder
from ..harness.truth import exact_truth, recall
from ..peers import Build
from ..report.tables import NOTHING, seconds, table
from .measurement import Finding, Needs, Prepared, Record
from .options import OUT, DatasetOption, KOption, LockOption, OutOption

if TYPE_CHECKING:
    from ...engine.collection import Collection

EXACT_QUERIES = 50
REOPENINGS = 7
WARM_UP_ROWS = 2_000
PEER_BUILD = Build("M=16", {"M": 16, "ef_construction": 200})


@dataclass(frozen=True)
class WriteMeasurement:
    """Durable writes per second, time until indexed beside hnswlib alone, and reopening."""

    name: ClassVar = "write"
    needs: ClassVar = Needs(peers=("hnswlib",))
    dataset: DatasetOption = "random-60000x384"
    k: KOption = 10
    out: OutOption = OUT
    batch_rows: Annotated[int, typer.Option(min=1, help="Rows of one upsert.")] = 1_000
    lock: LockOption = None

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Write, index and reopen one database, with the same index built by the peer before and after."""
        data = ready.data
        first = Dataset(data.name, data.metric, data.vectors[:WARM_UP_ROWS], data.queries)
        asked = Dataset(data.name, data.metric, data.vectors, data.queries[:EXACT_QUERIES])
        truth = exact_truth(asked, self.k)
        with scratch_folder(ready.scratch) as place:
            ready.step("compile kernels", 0.0)
            with vicinal.open(place / "warm-up") as database:
                collection = create_collection(database, first)
                load(collection, first, payloads=False)
                collection.search(first.queries[:EXACT_QUERIES], k=self.k)
            peers = _peer_builds(ready, place)
            with vicinal.open(place / "database") as database:
                collection = create_collection(database, data)
                with ready.timing():
                    started = time.perf_counter()
                    batches = self._write(ready, collection)
                    acknowledged = time.perf_counter()
                    ids = collection.search(asked.queries, k=self.k).ids
                    searched = time.perf_counter()
                    collection.merge(progress=ready.step)
                    indexed = time.perf_counter()
                found = recall(asked, truth, ids)
            peers += _peer_builds(ready, place)
            ready.step("reopen", 0.0)
            with ready.timing():
                reopened = measure_reopening(place / "database", data, self.k, place, ready.step)
        alone = float(np.mean(peers)) if peers else None
        p50, p99 = np.percentile(batches, [50, 99])
        record = {
            "k": self.k,
            "batch_rows": self.batch_rows,
            "rows_per_second": round(data.rows / float(batches.sum()), 1),
            "batch_p50_ms": round(float(p50) * 1e3, 3),
            "batch_p99_ms": round(float(p99) * 1e3, 3),
            "recall_right_after": found,
            "search_right_after_us": round((searched - acknowledged) / len(asked.queries) * 1e6, 1),
            "written_seconds": round(acknowledged - started, 3),
            "indexed_after_first_write_seconds": round(indexed - started, 3),
            "indexed_after_last_write_seconds": round(indexed - acknowledged, 3),
            "peer_build_seconds": None if alone is None else round(alone, 3),
            "peer_builds_seconds": [round(value, 3) for value in peers],
            "indexed_over_peer": None if alone is None else round((indexed - started) / alone, 3),
            **reopened,
        }
        yield Finding([record], [_table(record)])

    def _write(self, ready: Prepared, collection: Collection) -> NDArray[np.float64]:
        """Write every row, and return the seconds of each batch."""
        spent, rows = [], ready.data.rows
        for start in range(0, rows, self.batch_rows):
            stop = min(start + self.batch_rows, rows)
            began = time.perf_counter()
            upsert_rows(collection, ready.data, start, stop, payloads=True)
            spent.append(time.perf_counter() - began)
            ready.step("write", stop / rows)
        return np.array(spent)


def _peer_builds(ready: Prepared, scratch: Path) -> list[float]:
    """The seconds in which each peer builds the index alone."""
    spent = []
    for peer in ready.peers:
        ready.step(f"{peer.name} alone", 0.0)
        # Its preparation of the vectors is not part of building an index.
        _ = ready.data.peer_vectors
        with ready.timing():
            began = time.perf_counter()
            searcher = peer.build(ready.data, PEER_BUILD, cores(), scratch)
            spent.append(time.perf_counter() - began)
        searcher.close()
    return spent


def measure_reopening(path: Path, dataset: Dataset, k: int, scratch: Path, step: Progress) -> dict[str, Any]:
    """Open the database in fresh processes and ask one query in each; medians, the first process left out."""
    query_file = scratch / "query.npy"
    np.save(query_file, dataset.queries[0])
    runs = []
    for number in range(REOPENINGS + 1):
        command = [sys.executable, "-m", f"{__package__}.first_answer", str(path), str(query_file), str(k)]
        done = subprocess.run(
            [*command, str(time.time_ns())], capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            raise RuntimeError(f"a fresh process could not answer:\n{done.stderr}")
        runs.append(json.loads(done.stdout))
        step("reopen", (number + 1) / (REOPENINGS + 1))
    names = ("load", "open", "first_search", "start_to_answer", "open_again")
    return {
        f"reopen_{name}_seconds": round(float(np.median([run[f"{name}_seconds"] for run in runs[1:]])), 5)
        for name in names
    }


def _table(record: Record) -> Table:
    over = record["indexed_over_peer"]
    alone = record["peer_build_seconds"]
    found, spent = record["recall_right_after"], record["search_right_after_us"]
    rows = [
        ["durable writes", f"{record['rows_per_second']:,.0f} rows/s in batches of {record['batch_rows']:,}"],
        ["one batch, p50 and p99", f"{record['batch_p50_ms']:.1f} ms, {record['batch_p99_ms']:.1f} ms"],
        ["search right after", f"recall {found:.4f}, {spent:,.0f} us/query"],
        ["fully indexed after the first write", seconds(record["indexed_after_first_write_seconds"])],
        ["fully indexed after the last write", seconds(record["indexed_after_last_write_seconds"])],
        ["hnswlib alone, all cores", NOTHING if alone is None else seconds(alone)],
        ["indexed over hnswlib alone", NOTHING if over is None else f"{over:.2f}x"],
        ["fresh process: load the engine's modules", seconds(record["reopen_load_seconds"])],
        ["fresh process: open", seconds(record["reopen_open_seconds"])],
        ["fresh process: first search", seconds(record["reopen_first_search_seconds"])],
        ["process start to first answer", seconds(record["reopen_start_to_answer_seconds"])],
        ["open again in the same process", seconds(record["reopen_open_again_seconds"])],
    ]
    return table("Writes and reopening", ("figure", "measured"), rows)
