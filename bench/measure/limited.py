"""Searches of one collection in three processes: vectors in memory, on disk, and on disk of little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ..report.tables import records_table, size
from .measurement import Finding, Prepared, Record

MIB = 1 << 20
LESS = 8
# Where the vectors are, whether the system may keep what was read of them, whether memory is limited.
WAYS = {
    "in memory": {"mapped": True, "cold": False, "limited": False},
    "on disk, cached": {"mapped": False, "cold": False, "limited": False},
    "on disk, limited": {"mapped": False, "cold": True, "limited": True},
}


@dataclass(frozen=True)
class Limited:
    """What is searched, and how.

    The limited process may have no more anonymous memory than is allowed (RLIMIT_DATA), and after each search
    the system is made to forget what it read of the file, so that every vector comes from the disk. That its
    resident memory at its peak, mapped files and their cache included, stayed within what is allowed is
    measured, and said when it did not.

    Attributes
    ----------
    kind : str
        Of the vectors, `dense` or `multi`.
    place : Path
        Folder with the `database`, and the queries as :func:`store_queries` leaves them.
    collection : str
    search : dict
        Options of `Collection.search`.
    batch : int
        Queries of one call, where they are not alone.
    vector_bytes, allowed_bytes : int
        Of all vectors, and of memory.
    recall : callable
        Returns the recall of ids, (queries, k).
    described : dict
        What each record says besides.
    """

    kind: str
    place: Path
    collection: str
    search: dict[str, Any]
    batch: int
    vector_bytes: int
    allowed_bytes: int
    recall: Callable[[NDArray[Any]], float]
    described: dict[str, Any]


def store_queries(place: Path, queries: NDArray[Any], offsets: NDArray[np.int64] | None = None) -> None:
    """Write queries for the processes; with `offsets`, (n + 1,), those from one to the next are one query."""
    if offsets is None:
        np.savez(place / "queries.npz", vectors=queries)
    else:
        np.savez(place / "queries.npz", vectors=queries, offsets=offsets)


def searched_in_processes(asked: Limited, ready: Prepared) -> Iterator[Record]:
    """Yield a record of each way."""
    for number, (where, way) in enumerate(WAYS.items()):
        ready.step(where, number / len(WAYS))
        with ready.timing():
            measured = _searched(asked, way)
        yield {
            "where": where,
            "k": asked.search["k"],
            "recall": round(asked.recall(np.load(asked.place / "found.npy")), 5),
            "allowed_bytes": asked.allowed_bytes if way["limited"] else None,
            "vector_bytes": asked.vector_bytes,
            "times_allowed": round(asked.vector_bytes / asked.allowed_bytes, 2),
            **asked.described,
            **measured,
        }


def _searched(asked: Limited, way: dict[str, bool]) -> dict[str, Any]:
    said = {
        "kind": asked.kind,
        "database": str(asked.place / "database"),
        "collection": asked.collection,
        "queries": str(asked.place / "queries.npz"),
        "found": str(asked.place / "found.npy"),
        "search": asked.search,
        "batch": asked.batch,
        "mapped": way["mapped"],
        "cold": way["cold"],
        "data_limit": asked.allowed_bytes if way["limited"] else None,
    }
    command = [sys.executable, "-m", f"{__package__}.limited_searches", json.dumps(said)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"a process of {size(asked.allowed_bytes)} could not search:\n{done.stderr[-2000:]}"
        )
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def limited_finding(records: Iterable[Record]) -> Finding:
    """Return the records with their tables; broken where the limited process had more than it may."""
    kept = list(records)
    return Finding(kept, [_table(kept), _memory_table(kept)], [over_note(kept[-1])])


def over_note(record: Record) -> str | None:
    """What to tell the reader when the limited process had more than it may, None when it had not."""
    held, allowed = record["peak_bytes"] + record["cached_bytes"], record["allowed_bytes"]
    if held <= allowed:
        return None
    return f"the limited process had {size(held)} resident or cached; {size(allowed)} were allowed"


def _table(records: list[Record]) -> Table:
    columns = {
        "vectors": "{where}",
        "recall": "{recall:.4f}",
        "us, alone p50": "{p50_us:,.0f}",
        "p99": "{p99_us:,.0f}",
        "us, batches": "{batch_us:,.0f}",
        "rescored": "{rescored:.0f}",
        "asked for": "{asked}",
        "from disk": "{read}",
        "in batches": "{batch_read}",
        "read ahead": "{ahead}",
        "major faults": "{major_faults:.2f}",
        "minor": "{minor_faults:.1f}",
    }
    shown = [
        one
        | {
            "asked": size(one["asked_bytes"]),
            "read": size(one["disk_bytes"]),
            "batch_read": size(one["batch_disk_bytes"]),
            "ahead": "" if one["read_ahead"] is None else f"{one['read_ahead']:.1%}",
        }
        for one in records
    ]
    title = f"Per query; vectors of {size(records[0]['vector_bytes'])}"
    return records_table(f"{title}, {records[-1]['times_allowed']:.1f} times what is allowed", columns, shown)


def _memory_table(records: list[Record]) -> Table:
    names = {
        "resident at most": "peak",
        "anonymous": "anonymous",
        "mapped files": "mapped_files",
        "index in memory": "index_pages",
        "cached besides": "cached",
        "allowed": "allowed",
    }
    shown = [
        {"where": one["where"]}
        | {key: None if (n := one[f"{key}_bytes"]) is None else size(n) for key in names.values()}
        for one in records
    ]
    columns = {"vectors": "{where}", **{title: f"{{{key}}}" for title, key in names.items()}}
    return records_table("Memory of the processes", columns, shown)
