"""`vicinal bench limit`: what this machine could do at best, and how far the engine is from it.

A graph walk must read the codes of every row it evaluates, the links of every node it expands and the vectors
of every row it scores exactly, all at random places. The time these reads take alone, prefetched far ahead,
is a bound that no walk of the same length beats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from rich.table import Table

from ..harness.loaded import Sizes, bytes_touched, exact_note, found_ids
from ..harness.timing import timed
from ..harness.truth import recall
from ..report.tables import records_table, size, table
from .measurement import Finding, Needs, Prepared, Record
from .options import CollectionOptions, RepetitionsOption

TARGETS = (0.95, 0.99)


@dataclass(frozen=True)
class LimitMeasurement(CollectionOptions):
    """What this machine could do at best with the dataset, and how far the engine is from it."""

    name: ClassVar = "limit"
    needs: ClassVar = Needs(truth=True, collection=True)
    repetitions: RepetitionsOption = 5

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Compare the time of a batch with the bound from its own work, at each target recall."""
        limit = measure_limit(ready)
        records = [self._record(ready, limit, target) for target in TARGETS]
        yield Finding(records, [_machine_table(limit), _table(records)], [exact_note(records)])

    def _record(self, ready: Prepared, limit: Record, target: float) -> Record:
        """The work of a query, the least time for it, and the time it takes."""
        ready.step(f"recall {target}", TARGETS.index(target) / len(TARGETS))
        queries = ready.data.queries
        answer = partial(found_ids, ready.collection, queries, k=self.k, recall=target)
        reached = recall(ready.data, ready.truth, answer())
        work = ready.collection.explain(queries, k=self.k, recall=target)
        spent = []
        for _ in range(self.repetitions):
            with ready.timing():
                spent.append(timed(answer))
        distances, rescored, hops = (
            total / work.queries for total in (work.distances, work.rescored, work.hops)
        )
        reads = ((distances, "code_ns"), (rescored, "vector_ns"), (hops, "links_ns"))
        bound = sum(number * limit[cost] for number, cost in reads) / 1e3
        touched = bytes_touched(work, Sizes.of(ready.data.dim))
        measured = float(np.median(spent)) / len(queries) * 1e6
        return {
            "k": self.k,
            "target": target,
            "recall": round(reached, 5),
            "distances_per_query": round(distances, 1),
            "hops_per_query": round(hops, 1),
            "rescored_per_query": round(rescored, 1),
            "bytes_touched_per_query": round(touched),
            "bound_us": round(bound, 2),
            "bandwidth_bound_us": round(touched / limit["bytes_per_second"] * 1e6, 2),
            "us_per_query": round(measured, 2),
            "times_bound": round(measured / bound, 3),
            "plan": work.plan,
            **limit,
            "repetitions": self.repetitions,
        }


def measure_limit(ready: Prepared) -> Record:
    """Time random reads over as many rows as the dataset has, and reading in order, all on one thread."""
    # It loads numba, which the other commands do without until they search.
    from ..harness.memory_reads import bytes_per_second, random_read_ns

    sizes = asdict(Sizes.of(ready.data.dim))
    costs: Record = {f"{name}_bytes": row_bytes for name, row_bytes in sizes.items()}
    for done, (name, row_bytes) in enumerate(sizes.items()):
        ready.step(f"random reads of {row_bytes} bytes", done / 4)
        with ready.timing():
            costs[f"{name}_ns"] = round(random_read_ns(ready.data.rows, row_bytes), 2)
    ready.step("reading in order", 3 / 4)
    with ready.timing():
        return {**costs, "bytes_per_second": round(bytes_per_second())}


def _machine_table(limit: Record) -> Table:
    rows = [
        [f"{limit[f'{name}_bytes']} bytes of {what}, random row", f"{limit[f'{name}_ns']:.1f} ns"]
        for name, what in (("code", "codes"), ("vector", "a vector"), ("links", "links"))
    ]
    rows.append(["in order", f"{limit['bytes_per_second'] / 1e9:.1f} GB/s"])
    return table("This machine, one thread", ("read", "cost"), rows)


def _table(records: list[Record]) -> Table:
    columns = {
        "target": "{target:.2f}",
        "recall": "{recall:.4f}",
        "distances": "{distances_per_query:,.0f}",
        "hops": "{hops_per_query:,.0f}",
        "rescored": "{rescored_per_query:,.0f}",
        "touched": "{touched}",
        "bound us": "{bound_us:.1f}",
        "us": "{us_per_query:.1f}",
        "over bound": "{times_bound:.2f}x",
    }
    shown = [{**one, "touched": size(one["bytes_touched_per_query"])} for one in records]
    return records_table("Per query", columns, shown)
