"""`vicinal bench limit`: what this machine could do at best, and how far the engine is from it.

A graph walk must read the codes of every row it evaluates, the links of every node it expands and the vectors
of every row it scores exactly, all at random places. The time these reads take alone, prefetched far ahead,
is a bound that no walk of the same length beats.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from rich.table import Table

from ...engine.progress import Progress
from ...indexes.kernels.memory import prefetch_lines, view_u64
from ..datasets import Dataset
from ..harness.loaded import LINE, Sizes, bytes_touched, found_ids
from ..harness.timing import Watch, exclusive, timed
from ..harness.truth import Truth, recall
from ..report.tables import size, table

if TYPE_CHECKING:
    from ...engine.collection import Collection

TARGETS = (0.95, 0.99)
AHEAD = 8
PASSES = 5
STREAMED_BYTES = 512 << 20


@njit(nogil=True, error_model="numpy")
def read_rows(base, stride, order):  # type: ignore[no-untyped-def]
    lines, words = stride // LINE, stride // 8
    total = np.uint64(0)
    for place in range(len(order)):
        if place + AHEAD < len(order):
            prefetch_lines(np.uint64(base + order[place + AHEAD] * stride), lines)
        row = view_u64(np.uint64(base + order[place] * stride), words)
        for word in range(words):
            total += row[word]
    return total


@njit(nogil=True, error_model="numpy")
def read_in_order(words):  # type: ignore[no-untyped-def]
    total = np.uint64(0)
    for place in range(len(words)):
        total += words[place]
    return total


@dataclass(frozen=True)
class MachineLimit:
    """What reads cost here, one thread.

    Attributes
    ----------
    sizes : Sizes
        What is read at one place.
    code_ns, vector_ns, links_ns : float
        Nanoseconds to read one of them at a random place, prefetched.
    bytes_per_second : float
        Reading memory in order.
    """

    sizes: Sizes
    code_ns: float
    vector_ns: float
    links_ns: float
    bytes_per_second: float

    def record(self) -> dict[str, float]:
        """The limit as it stands in a result record."""
        return {
            "code_bytes": self.sizes.code,
            "vector_bytes": self.sizes.vector,
            "links_bytes": self.sizes.links,
            "code_ns": round(self.code_ns, 2),
            "vector_ns": round(self.vector_ns, 2),
            "links_ns": round(self.links_ns, 2),
            "bytes_per_second": round(self.bytes_per_second),
        }


def measure_limit(dataset: Dataset, watch: Watch, lock: Path | None, step: Progress) -> MachineLimit:
    """Time random reads over as many rows as the dataset has, and reading in order."""
    sizes = Sizes.of(dataset.dim)
    _random_read_ns(16, LINE)
    read_in_order(np.ones(64, dtype=np.uint64))
    nanoseconds = []
    for done, row_bytes in enumerate((sizes.code, sizes.vector, sizes.links)):
        step(f"random reads of {row_bytes} bytes", done / 4)
        with exclusive(lock), watch.watching():
            nanoseconds.append(_random_read_ns(dataset.rows, row_bytes))
    step("reading in order", 3 / 4)
    words = np.ones(STREAMED_BYTES // 8, dtype=np.uint64)
    with exclusive(lock), watch.watching():
        fastest = min(timed(lambda: read_in_order(words)) for _ in range(PASSES))
    code_ns, vector_ns, links_ns = nanoseconds
    speed = words.nbytes / fastest
    return MachineLimit(sizes, code_ns, vector_ns, links_ns, speed)


def _random_read_ns(rows: int, row_bytes: int) -> float:
    block = np.ones(rows * row_bytes + LINE, dtype=np.uint8)
    base = block.ctypes.data + -block.ctypes.data % LINE
    order: NDArray[np.int64] = np.random.default_rng(0).permutation(rows)
    read_rows(base, row_bytes, order)
    return min(timed(lambda: read_rows(base, row_bytes, order)) for _ in range(PASSES)) / rows * 1e9


def measure_distance(
    collection: Collection,
    dataset: Dataset,
    truth: Truth,
    limit: MachineLimit,
    repetitions: int,
    watch: Watch,
    lock: Path | None,
    step: Progress,
) -> list[dict[str, Any]]:
    """Compare the time of a batch with the bound from its own work, at each target recall."""
    queries, k = dataset.queries, truth.k
    records = []
    for done, target in enumerate(TARGETS):
        step(f"recall {target}", done / len(TARGETS))
        answer = partial(found_ids, collection, queries, k=k, recall=target)
        reached = recall(dataset, truth, answer())
        work = collection.explain(queries, k=k, recall=target)
        spent = []
        for _ in range(repetitions):
            with exclusive(lock), watch.watching():
                spent.append(timed(answer))
        distances, rescored, hops = (
            total / work.queries for total in (work.distances, work.rescored, work.hops)
        )
        touched = bytes_touched(work, limit.sizes)
        bound = (distances * limit.code_ns + rescored * limit.vector_ns + hops * limit.links_ns) / 1e3
        measured = float(np.median(spent)) / len(queries) * 1e6
        records.append(
            {
                "k": k,
                "target": target,
                "recall": round(reached, 5),
                "distances_per_query": round(distances, 1),
                "hops_per_query": round(hops, 1),
                "rescored_per_query": round(rescored, 1),
                "bytes_touched_per_query": round(touched),
                "bound_us": round(bound, 2),
                "bandwidth_bound_us": round(touched / limit.bytes_per_second * 1e6, 2),
                "us_per_query": round(measured, 2),
                "times_bound": round(measured / bound, 3),
                "plan": work.plan,
                **limit.record(),
                "repetitions": repetitions,
            }
        )
    return records


def limit_tables(limit: MachineLimit, records: list[dict[str, Any]]) -> tuple[Table, Table]:
    """The machine and the records for a terminal."""
    machine = table(
        "This machine, one thread",
        ("read", "cost"),
        [
            [f"{limit.sizes.code} bytes of codes, random row", f"{limit.code_ns:.1f} ns"],
            [f"{limit.sizes.vector} bytes of a vector, random row", f"{limit.vector_ns:.1f} ns"],
            [f"{limit.sizes.links} bytes of links, random row", f"{limit.links_ns:.1f} ns"],
            ["in order", f"{limit.bytes_per_second / 1e9:.1f} GB/s"],
        ],
    )
    rows = [
        [
            f"{record['target']:.2f}",
            f"{record['recall']:.4f}",
            f"{record['distances_per_query']:,.0f}",
            f"{record['hops_per_query']:,.0f}",
            f"{record['rescored_per_query']:,.0f}",
            size(record["bytes_touched_per_query"]),
            f"{record['bound_us']:.1f}",
            f"{record['us_per_query']:.1f}",
            f"{record['times_bound']:.2f}x",
        ]
        for record in records
    ]
    columns = ("target", "recall", "distances", "hops", "rescored", "touched", "bound us", "us", "over bound")
    return machine, table("Per query", columns, rows)
