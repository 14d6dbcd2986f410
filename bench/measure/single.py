"""`vicinal bench single`: what a query costs alone, over its share of a batch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ..harness.loaded import exact_note, found_ids
from ..harness.machine import cores
from ..harness.timing import percentiles, timed
from ..harness.truth import recall
from ..report.tables import records_table
from .measurement import Finding, Needs, Prepared, Record
from .options import CollectionOptions, RepetitionsOption

if TYPE_CHECKING:
    from ...engine.collection import Collection

TARGETS = (0.90, 0.95, 0.99)


@dataclass(frozen=True)
class SingleMeasurement(CollectionOptions):
    """Cost of a single query over its share of a batch, at recall targets 0.90, 0.95 and 0.99."""

    name: ClassVar = "single"
    needs: ClassVar = Needs(truth=True, collection=True)
    repetitions: RepetitionsOption = 5

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Time every query alone and all of them as a batch, in turns, at each target recall."""
        records = [self._record(ready, target) for target in TARGETS]
        yield Finding(records, [_table(records)], [exact_note(records)])

    def _record(self, ready: Prepared, target: float) -> Record:
        """Microseconds of a batch share, of single queries, and the difference of the two means."""
        ready.step(f"recall {target}", TARGETS.index(target) / len(TARGETS))
        collection, queries, threads = ready.collection, ready.data.queries, cores()
        batch = partial(found_ids, collection, queries, k=self.k, recall=target)
        reached = recall(ready.data, ready.truth, batch())
        explained = collection.explain(queries, k=self.k, recall=target)
        each_alone(collection, queries, k=self.k, recall=target)
        shares, all_cores, alone = [], [], []
        for _ in range(self.repetitions):
            with ready.timing():
                shares.append(timed(batch))
                all_cores.append(timed(partial(batch, threads=threads)))
                alone.append(each_alone(collection, queries, k=self.k, recall=target))
        share = float(np.median(shares)) / len(queries)
        # One interrupt in one repetition would move a mean; the median over repetitions of means does not.
        mean = float(np.median([seconds.mean() for seconds in alone]))
        return {
            "k": self.k,
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
            "repetitions": self.repetitions,
        }


def each_alone(collection: Collection, queries: NDArray[Any], **options: Any) -> NDArray[np.float64]:
    """Search for each query by itself and return the seconds of each."""
    seconds = np.empty(len(queries), dtype=np.float64)
    for place, query in enumerate(queries):
        started = time.perf_counter()
        _ = collection.search(query, **options).ids
        seconds[place] = time.perf_counter() - started
    return seconds


def _table(records: list[Record]) -> Table:
    columns = {
        "target": "{target:.2f}",
        "recall": "{recall:.4f}",
        "batch": "{batch_us_per_query:.1f}",
        f"batch, {records[0]['threads_all_cores']} threads": "{batch_us_per_query_all_cores:.1f}",
        "single, mean": "{single_mean_us:.1f}",
        "p50": "{p50_us:.1f}",
        "p99": "{p99_us:.1f}",
        "single over share": "{single_over_share_us:.1f}",
        "plan": "{plan}",
    }
    return records_table("Microseconds per query", columns, records)
