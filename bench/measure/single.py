"""`vicinal bench single`: what a query costs alone, over its share of a batch."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ...engine.progress import Progress
from ..datasets import Dataset
from ..harness.loaded import found_ids
from ..harness.machine import cores
from ..harness.timing import Watch, exclusive, percentiles, timed
from ..harness.truth import Truth, recall
from ..report.tables import table

if TYPE_CHECKING:
    from ...engine.collection import Collection

TARGETS = (0.90, 0.95, 0.99)


def measure_single(
    collection: Collection,
    dataset: Dataset,
    truth: Truth,
    repetitions: int,
    watch: Watch,
    lock: Path | None,
    step: Progress,
) -> list[dict[str, Any]]:
    """Time every query alone and all of them as a batch, in turns, at each target recall.

    Returns
    -------
    list of dict
        One record per target: microseconds of a batch share on one thread and on all cores, mean and
        percentiles of single queries, and the difference of the two means.
    """
    k, queries, threads = truth.k, dataset.queries, cores()
    records = []
    for done, target in enumerate(TARGETS):
        batch = partial(found_ids, collection, queries, k=k, recall=target)
        reached = recall(dataset, truth, batch())
        explained = collection.explain(queries, k=k, recall=target)
        each_alone(collection, queries, k=k, recall=target)
        shares, all_cores, alone = [], [], []
        for repetition in range(repetitions):
            with exclusive(lock), watch.watching():
                shares.append(timed(batch))
                all_cores.append(timed(partial(batch, threads=threads)))
                alone.append(each_alone(collection, queries, k=k, recall=target))
            step(f"recall {target}", (done + (repetition + 1) / repetitions) / len(TARGETS))
        share = float(np.median(shares)) / len(queries)
        # One interrupt in one repetition would move a mean; the median over repetitions of means does not.
        mean = float(np.median([seconds.mean() for seconds in alone]))
        records.append(
            {
                "k": k,
                "target": target,
                "recall": round(reached, 5),
                "batch_us_per_query": round(share * 1e6, 2),
                "batch_us_per_query_all_cores": round(float(np.median(all_cores)) / len(queries) * 1e6, 2),
                "threads_all_cores": threads,
                "single_mean_us": round(mean * 1e6, 2),
                **percentiles(np.concatenate(alone)),
                "single_over_share_us": round((mean - share) * 1e6, 2),
                "hops_per_query": round(explained.hops / explained.queries, 1),
                "plan": explained.plan,
                "repetitions": repetitions,
            }
        )
    return records


def each_alone(collection: Collection, queries: NDArray[Any], **options: Any) -> NDArray[np.float64]:
    """Search for each query by itself and return the seconds of each."""
    seconds = np.empty(len(queries), dtype=np.float64)
    for place, query in enumerate(queries):
        started = time.perf_counter()
        _ = collection.search(query, **options).ids
        seconds[place] = time.perf_counter() - started
    return seconds


def single_table(records: list[dict[str, Any]]) -> Table:
    """The records for a terminal."""
    threads = records[0]["threads_all_cores"]
    rows = [
        [
            f"{record['target']:.2f}",
            f"{record['recall']:.4f}",
            f"{record['batch_us_per_query']:.1f}",
            f"{record['batch_us_per_query_all_cores']:.1f}",
            f"{record['single_mean_us']:.1f}",
            f"{record['p50_us']:.1f}",
            f"{record['p99_us']:.1f}",
            f"{record['single_over_share_us']:.1f}",
            record["plan"],
        ]
        for record in records
    ]
    columns = ("target", "recall", "batch", f"batch, {threads} threads", "single, mean", "p50", "p99")
    return table("Microseconds per query", (*columns, "single over share", "plan"), rows)
