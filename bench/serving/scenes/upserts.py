"""Durable writes from many clients at a time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import vicinal

from ...datasets import Dataset
from ...harness.loaded import COLLECTION, FIELD, dense_field, upsert_rows
from ..load.closed_loop import loop_threads
from ..load.endpoints import Search
from ..load.figure import Figure
from ..load.placement import FREE
from ..load.setting import Setting
from ..load.worker import results, workers

BATCH_ROWS = 100
LEAST_ROWS_PER_SECOND = 30_000.0
# Of what is asked for without readers.
READERS_SHARE = 0.5
_EXPECTED_ROWS_PER_SECOND = 10_000.0
_READING_SECONDS = 0.5
_SAMPLED = 50


@dataclass(frozen=True)
class Written:
    """What the clients saw: seconds of every acknowledged batch, seconds from the first to the last."""

    seconds: NDArray[np.float64]
    elapsed: float


def write_rows(address: str, dataset: Dataset, clients: int) -> Written:
    """Write all rows, each client its own connection and the next batch nobody has. Runs in a worker."""
    starts = iter(range(0, dataset.rows, BATCH_ROWS))
    taking = threading.Lock()
    spent: list[float] = []
    failures: list[BaseException] = []
    ready = threading.Barrier(clients + 1)

    def write() -> None:
        with vicinal.connect(address) as database:
            collection = database.collection(COLLECTION)
            ready.wait()
            while not failures:
                with taking:
                    start = next(starts, None)
                if start is None:
                    return
                before = time.perf_counter()
                try:
                    stop = min(start + BATCH_ROWS, dataset.rows)
                    upsert_rows(collection, dataset, start, stop, payloads=True)
                except BaseException as failure:
                    failures.append(failure)
                    return
                spent.append(time.perf_counter() - before)

    threads = [threading.Thread(target=write) for _ in range(clients)]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - began
    if failures:
        raise failures[0]
    return Written(np.asarray(spent), elapsed)


def read_rows(address: str, dataset: Dataset, callers: int) -> int:
    """Search for a moment from as many threads; return how many searches there were. Runs in a worker."""
    with Search(address, dataset.queries, {"with_payload": False}).calling() as call:
        return len(loop_threads(call, callers, _READING_SECONDS).seconds)


def measure_upserts(setting: Setting) -> list[Figure]:
    """Fill new collections through the server, alone and beside readers; check that every row is there."""
    return [_written(setting, beside_readers=beside) for beside in (False, True)]


def _written(setting: Setting, *, beside_readers: bool) -> Figure:
    dataset = setting.dataset
    folder = setting.scratch / ("written-beside" if beside_readers else "written")
    with (
        setting.serving(FREE, folder) as server,
        workers(2, None) as (client, reader),
        vicinal.connect(server.address) as database,
    ):
        collection = database.create_collection(
            COLLECTION, vectors={FIELD: dense_field(dataset)}, fields=dict(dataset.fields)
        )
        with setting.timing():
            future = client.submit(write_rows, server.address, dataset, setting.callers)
            seconds, searches = dataset.rows / _EXPECTED_ROWS_PER_SECOND, 0
            while beside_readers and not future.done():
                searches += reader.submit(read_rows, server.address, dataset, setting.callers).result()
            (written,) = results([future], "durable upserts", seconds, setting.step)
        counted, missing = collection.count(), _missing(collection, dataset)
    rows_per_second = dataset.rows / written.elapsed
    p50, p99 = (float(value) * 1e3 for value in np.percentile(written.seconds, [50, 99]))
    least = LEAST_ROWS_PER_SECOND * (READERS_SHARE if beside_readers else 1.0)
    beside = f", beside {setting.callers} readers" if beside_readers else ""
    read = f"; {searches:,} searches meanwhile" if beside_readers else ""
    return Figure(
        name=f"durable upserts, {setting.callers} clients, batches of {BATCH_ROWS}{beside}",
        asked=f"at least {least:,.0f} rows/s, all of them there",
        measured=f"{rows_per_second:,.0f} rows/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms; {missing} missing"
        f"{read}",
        holds=rows_per_second >= least and not missing and counted == dataset.rows,
        record={
            "searches_meanwhile": searches,
            "rows_per_second": round(rows_per_second, 1),
            "rows": dataset.rows,
            "counted": counted,
            "batches": len(written.seconds),
            "p50_ms": round(p50, 3),
            "p99_ms": round(p99, 3),
            "has_payloads": dataset.payloads is not None,
            "missing": missing,
        },
    )


def _missing(collection: vicinal.RemoteCollection, dataset: Dataset) -> int:
    """How many of some rows, spread over the data, are not there as they were written."""
    rows = np.linspace(0, dataset.rows - 1, min(_SAMPLED, dataset.rows)).astype(np.int64)
    found = collection.get(rows.astype(np.uint64), with_vectors=True)
    missing = 0
    for row, point in zip(rows.tolist(), found, strict=True):
        payload = {} if dataset.payloads is None else dataset.payloads[row]
        missing += not (
            point is not None
            and point.payload == payload
            and np.allclose(point.vectors[FIELD], dataset.vectors[row], atol=1e-6)
        )
    return missing
