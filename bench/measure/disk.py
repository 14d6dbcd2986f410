"""`vicinal bench disk`: vectors that are larger than the memory a process may have."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import typer
from rich.table import Table

import vicinal

from ...indexes.codecs.registry import codec_from_json
from ..harness.loaded import COLLECTION, FIELD, load
from ..harness.scratch import scratch_folder
from ..harness.truth import recall
from ..report.tables import records_table, size
from .measurement import Finding, Needs, Prepared, Record
from .options import OUT, DatasetOption, KOption, LockOption, OutOption, QueriesOption

MIB = 1 << 20
LESS = 8
# Where the vectors are, whether the system may keep what was read of them, whether memory is limited.
WAYS = {
    "in memory": {"mapped": True, "cold": False, "limited": False},
    "on disk, cached": {"mapped": False, "cold": False, "limited": False},
    "on disk, limited": {"mapped": False, "cold": True, "limited": True},
}


@dataclass(frozen=True)
class DiskMeasurement:
    """Searches of vectors on disk in a process of limited memory, beside the same vectors in memory.

    The limited process may have no more anonymous memory than is allowed (RLIMIT_DATA), and after each search
    the system is made to forget what it read of the file, so that every vector comes from the disk. That its
    resident memory at its peak, mapped files and their cache included, stayed within what is allowed is
    measured, and said when it did not.
    """

    name: ClassVar = "disk"
    needs: ClassVar = Needs(truth=True, watched=False)
    dataset: DatasetOption = "embedded-300000x2048-l2"
    k: KOption = 10
    out: OutOption = OUT
    memory: Annotated[
        int | None, typer.Option(min=1, help="MiB allowed; an eighth of the vectors unless given.")
    ] = None
    codec: Annotated[
        str | None,
        typer.Option(
            help="Of the graph, as JSON; 4 bits of the first eighth of the dimensions unless given."
        ),
    ] = None
    m: Annotated[int, typer.Option(min=2, help="Links of a row in the build.")] = 12
    ef_construction: Annotated[int, typer.Option(min=8, help="Width of the build.")] = 60
    ef: Annotated[int, typer.Option(min=1, help="Width of the walk.")] = 200
    rescore: Annotated[int, typer.Option(min=1, help="Vectors read for a query.")] = 60
    batch: Annotated[int, typer.Option(min=1, help="Queries of one call, where they are not alone.")] = 20
    queries: QueriesOption = None
    lock: LockOption = None

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Load one collection, and search it in three processes."""
        data = ready.data
        field = vicinal.Dense(data.dim, metric=data.metric, index=self._index(data.dim), on_disk=True)
        with scratch_folder(ready.scratch) as place:
            np.save(place / "queries.npy", data.queries)
            with vicinal.open(place / "database") as database:
                collection = database.create_collection(COLLECTION, vectors={FIELD: field})
                load(collection, data, payloads=False, step=ready.step)
                file_bytes = sum(segment.bytes_disk for segment in collection.info().segments)
            vector_bytes = data.vectors.nbytes
            allowed = vector_bytes // LESS if self.memory is None else self.memory * MIB
            records: list[Record] = []
            for number, (where, way) in enumerate(WAYS.items()):
                ready.step(where, number / len(WAYS))
                with ready.timing():
                    measured = self._searched(place, way, allowed)
                records.append(
                    {
                        "where": where,
                        "k": self.k,
                        "recall": round(recall(data, ready.truth, np.load(place / "found.npy")), 5),
                        "allowed_bytes": allowed if way["limited"] else None,
                        "vector_bytes": vector_bytes,
                        "times_allowed": round(vector_bytes / allowed, 2),
                        "file_bytes": file_bytes,
                        "ef": self.ef,
                        "codec": self._index(data.dim).to_json().get("codec"),
                        **measured,
                    }
                )
        yield Finding(records, [_table(records), _memory_table(records)], [over_note(records[-1])])

    def _index(self, dim: int) -> vicinal.Hnsw:
        first = {"name": "truncation", "dim": max(1, dim // LESS)}
        small = {"name": "transformed", "transform": first, "codec": {"name": "scalar", "bits": 4}}
        codec = codec_from_json(small if self.codec is None else json.loads(self.codec))
        return vicinal.Hnsw(m=self.m, ef_construction=self.ef_construction, codec=codec)

    def _searched(self, place: Path, way: dict[str, bool], allowed: int) -> dict[str, Any]:
        said = {
            "database": str(place / "database"),
            "collection": COLLECTION,
            "queries": str(place / "queries.npy"),
            "found": str(place / "found.npy"),
            "k": self.k,
            "effort": {"ef": self.ef, "rescore": self.rescore},
            "batch": self.batch,
            "mapped": way["mapped"],
            "cold": way["cold"],
            "data_limit": allowed if way["limited"] else None,
        }
        command = [sys.executable, "-m", f"{__package__}.limited_searches", json.dumps(said)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"a process of {size(allowed)} could not search:\n{done.stderr[-2000:]}")
        measured: dict[str, Any] = json.loads(done.stdout)
        return measured


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
        "major faults": "{major_faults:.2f}",
        "minor": "{minor_faults:.1f}",
    }
    shown = [
        one
        | {
            "asked": size(one["asked_bytes"]),
            "read": size(one["disk_bytes"]),
            "batch_read": size(one["batch_disk_bytes"]),
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
