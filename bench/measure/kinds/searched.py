"""Searches of engines that keep what they build: their records, and tables of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from ...comparison.equal_recall import Answered, best_at
from ...comparison.kept_builds import KeptBuild
from ...harness.timing import percentiles
from ...kept_peers import KeptPeer
from ...peers import Build
from ...report.tables import NOTHING, records_table, table
from ..measurement import Record

Points = Sequence[tuple[str, Answered]]


def searched_record(
    peer: KeptPeer[Any, Any], build: Build, index: KeptBuild, found: Answered, k: int, repetitions: int
) -> Record:
    """Return what is recorded of a way to search, whatever kind of vectors it is."""
    return {
        "part": "search",
        "k": k,
        "engine": peer.name,
        "build": build.label,
        "effort": found.effort.label,
        "recall": round(found.recall, 5),
        "single_mean_us": round(found.mean * 1e6, 2),
        **percentiles(found.seconds),
        "cores": round(found.cores, 3),
        "build_seconds": round(index.seconds, 3),
        "build_cpu_seconds": round(index.cpu_seconds, 3),
        "repetitions": repetitions,
    }


def searches_table(records: Sequence[Record], k: int, further: Mapping[str, str]) -> Table:
    """Such records beside each other, with columns of the kind of vectors behind."""
    columns = {
        "engine": "{engine} {build}",
        "effort": "{effort}",
        f"recall@{k}": "{recall:.4f}",
        "us alone": "{single_mean_us:,.1f}",
        "p50": "{p50_us:,.1f}",
        "p99": "{p99_us:,.1f}",
        "us in batch": "{batch_us:,.1f}",
        "cores": "{cores:.2f}",
        "build CPU s": "{build_cpu_seconds:,.1f}",
        **further,
    }
    return records_table("One query at a time, on one thread", columns, records)


def equal_table(points: Points, levels: Sequence[float]) -> Table:
    """The quickest way of every engine to each level of recall, and the best that it reaches."""
    names = list(dict.fromkeys(name for name, _ in points))
    best = {level: dict(best_at(points, level)) for level in levels}
    rows = []
    for name in names:
        own = (one for other, one in points if other == name)
        row, top = [name], max(own, key=lambda one: (one.recall, -one.mean))
        for level in levels:
            at, ours = best[level].get(name), best[level].get(names[0])
            row.append(NOTHING if at is None else f"{at.mean * 1e6:,.1f}")
            row.append(NOTHING if at is None or ours is None else f"{at.mean / ours.mean:.2f}x")
        rows.append([*row, f"{top.recall:.4f}", f"{top.mean * 1e6:,.1f}"])
    columns = ["engine"]
    for level in levels:
        columns += [f"us at {level:g}", f"{names[0]} is"]
    return table("At equal recall, one query at a time", [*columns, "best", "us"], rows)
