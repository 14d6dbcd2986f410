"""`vicinal bench write`: durable writes, time until everything is indexed, and reopening."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

import vicinal

from ...engine.progress import Progress
from ..datasets import Dataset
from ..harness.loaded import create_collection, load, upsert_rows
from ..harness.machine import cores
from ..harness.timing import Watch, exclusive
from ..harness.truth import exact_truth, recall
from ..peers import Build, Peer
from ..report.tables import NOTHING, seconds, table

BATCH_ROWS = 1_000
EXACT_QUERIES = 50
REOPENINGS = 7
WARM_UP_ROWS = 2_000
PEER_BUILD = Build("M=16", {"M": 16, "ef_construction": 200})


def measure_writes(
    dataset: Dataset,
    k: int,
    batch_rows: int,
    peer: Peer | None,
    scratch: Path,
    watch: Watch,
    lock: Path | None,
    step: Progress,
) -> dict[str, Any]:
    """Write, index and reopen one database, with the same index built by the peer alone before and after.

    Parameters
    ----------
    dataset : Dataset
        Rows and payloads to write, queries to ask.
    k : int
        Neighbours of the queries.
    batch_rows : int
        Rows of one upsert; every upsert is durable when it returns.
    peer : Peer, optional
        hnswlib, when it is installed.
    scratch : Path
        Folder for the database; its disk is what gets measured.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    first = Dataset(dataset.name, dataset.metric, dataset.vectors[:WARM_UP_ROWS], dataset.queries)
    asked = Dataset(dataset.name, dataset.metric, dataset.vectors, dataset.queries[:EXACT_QUERIES])
    truth = exact_truth(asked, k)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="bench-") as folder:
        place = Path(folder)
        step("compile kernels", 0.0)
        with vicinal.open(place / "warm-up") as database:
            collection = create_collection(database, first)
            load(collection, first, payloads=False)
            collection.search(first.queries[:EXACT_QUERIES], k=k)
        peer_seconds = [_peer_build(dataset, peer, place, watch, lock, step)]
        with vicinal.open(place / "database") as database:
            collection = create_collection(database, dataset)
            with exclusive(lock), watch.watching():
                started = time.perf_counter()
                batches = _write(collection, dataset, batch_rows, step)
                acknowledged = time.perf_counter()
                ids = collection.search(asked.queries, k=k).ids
                searched = time.perf_counter()
                collection.merge(progress=step)
                indexed = time.perf_counter()
            found = recall(asked, truth, ids)
        peer_seconds.append(_peer_build(dataset, peer, place, watch, lock, step))
        step("reopen", 0.0)
        with exclusive(lock), watch.watching():
            reopened = measure_reopening(place / "database", dataset, k, place, step)
    peers = [value for value in peer_seconds if value is not None]
    alone = float(np.mean(peers)) if peers else None
    p50, p99 = np.percentile(batches, [50, 99])
    return {
        "k": k,
        "batch_rows": batch_rows,
        "rows_per_second": round(dataset.rows / float(batches.sum()), 1),
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


def _write(collection: Any, dataset: Dataset, batch_rows: int, step: Progress) -> NDArray[np.float64]:
    spent = []
    for start in range(0, dataset.rows, batch_rows):
        stop = min(start + batch_rows, dataset.rows)
        began = time.perf_counter()
        upsert_rows(collection, dataset, start, stop, payloads=True)
        spent.append(time.perf_counter() - began)
        step("write", stop / dataset.rows)
    return np.array(spent)


def _peer_build(
    dataset: Dataset, peer: Peer | None, scratch: Path, watch: Watch, lock: Path | None, step: Progress
) -> float | None:
    if peer is None:
        return None
    step(f"{peer.name} alone", 0.0)
    # Its preparation of the vectors is not part of building an index.
    _ = dataset.peer_vectors
    with exclusive(lock), watch.watching():
        began = time.perf_counter()
        searcher = peer.build(dataset, PEER_BUILD, cores(), scratch)
        spent = time.perf_counter() - began
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


def write_table(record: dict[str, Any]) -> Table:
    """The record for a terminal."""
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
