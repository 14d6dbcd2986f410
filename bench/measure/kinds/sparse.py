"""`vicinal bench sparse`: sparse vectors side by side with other engines, under filters, and written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import typer
from rich.table import Table

import vicinal

from ....engine.filters.expression import F
from ...comparison.equal_recall import LEVELS, Answered, answered, best_at, row_numbers, tuned
from ...comparison.kept_builds import KeptBuild, built
from ...comparison.sparse_half import SparseHalf, sparse_halves
from ...datasets.sparse_dataset import SparseDataset
from ...harness.timing import timed
from ...peers import Build
from ...report.tables import NOTHING, records_table, table
from ...report.terminal import remark
from ...sparse_peers import SparsePeer, find_sparse_peers
from ...sparse_peers.vicinal import (
    PART,
    PARTS,
    Csr,
    VicinalPeer,
    VicinalSearcher,
    create_collection,
    parts_of,
    write,
)
from ..measurement import Finding, Needs, Prepared, Record
from ..options import OUT, KOption, LockOption, OutOption, RepetitionsOption, names_in

SHARES = (0.001, 0.01, 0.1, 0.5)
# Rows that are written to see how quickly that goes.
WRITTEN = 100_000
# Passages of MS MARCO's second version, up to which others have measured.
PROJECTED = 138_364_198
# A library that keeps more cores busy than this did not hold to one thread.
ONE_CORE = 1.1


@dataclass(frozen=True)
class SparseMeasurement:
    """Sparse search beside other engines at equal recall, a query at a time, one thread; filters; writes."""

    name: ClassVar = "sparse"
    needs: ClassVar = Needs(data="sparse")
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset",
            help="splade-ROWS to generate so many documents, or a folder with sparse.npz and "
            "queries_sparse.npz.",
        ),
    ] = "splade-100000"
    k: KOption = 10
    peers: Annotated[
        str, typer.Option(help="Engines to compare with, separated by commas; empty for none.")
    ] = "seismic,sindi,kannolo,zvec,qdrant-edge"
    out: OutOption = OUT
    repetitions: RepetitionsOption = 5
    builds: Annotated[
        str, typer.Option(help="Labels of builds: an engine that has some of them builds no others.")
    ] = ""
    keep: Annotated[
        Path | None, typer.Option(help="Folder where what was built is kept, and found by the next run.")
    ] = None
    only: Annotated[str, typer.Option(help="What to measure: search, filter, write.")] = "search,filter,write"
    lock: LockOption = None

    def __post_init__(self) -> None:
        """Refuse parts that there are not."""
        unknown = [part for part in names_in(self.only) if part not in ("search", "filter", "write")]
        if unknown:
            raise typer.BadParameter(f"{unknown}; expected search, filter, write", param_hint="--only")

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Measure the searches of all engines in turn, then filters and writes of this one."""
        parts = names_in(self.only)
        peers, missing = find_sparse_peers(names_in(self.peers))
        for one in missing:
            remark(f"[yellow]{one}[/yellow]")
        ready.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=ready.scratch, prefix="bench-") as scratch:
            keep = self.keep or Path(scratch)
            if "search" in parts:
                yield self._search(ready, [VicinalPeer(), *peers], keep)
            if "filter" in parts:
                yield self._filter(ready, keep)
            if "write" in parts:
                yield self._write(ready, Path(scratch))

    def _builds(self, peer: SparsePeer, data: SparseDataset) -> list[Build]:
        wanted = names_in(self.builds)
        builds = peer.builds(data)
        chosen = [one for one in builds if one.label in wanted]
        return chosen or list(builds)

    def _search(self, ready: Prepared, peers: Sequence[SparsePeer], keep: Path) -> Finding:
        """Build with every engine, tune on half of the queries and report the other half."""
        ready.step("exact truth", 0.0)
        tuning, reported = sparse_halves(ready.sparse, self.k)
        records: list[Record] = []
        points: list[tuple[str, Answered]] = []
        for peer in peers:
            for build in self._builds(peer, ready.sparse):
                ready.step(f"build {peer.name} {build.label}", 0.0)
                index = built(peer, ready.sparse, build, keep)
                searcher = peer.open(ready.sparse, build, index.folder)
                ready.step(f"search {peer.name} {build.label}", 0.0)
                efforts = tuned(searcher, peer.efforts(build), tuning)
                with ready.timing():
                    for effort in efforts:
                        found = answered(searcher, effort, reported, self.repetitions)
                        record = self._record(peer, build, index, found, ready.sparse)
                        points.append((peer.name, found))
                        records.append(record | self._batch(searcher, found, reported))
                searcher.close()
        crowded = sorted({one["engine"] for one in records if one["cores"] > ONE_CORE})
        broken = [f"{', '.join(crowded)} kept more than one core busy"] if crowded else []
        tables = [_points_table(records, self.k), _equal_table(points), _projection(records)]
        return Finding(records, tables, broken)

    def _record(
        self, peer: SparsePeer, build: Build, index: KeptBuild, found: Answered, data: SparseDataset
    ) -> Record:
        p50, p99 = np.percentile(found.seconds, [50, 99]) * 1e6
        return {
            "part": "search",
            "k": self.k,
            "engine": peer.name,
            "build": build.label,
            "effort": found.effort.label,
            "recall": round(found.recall, 5),
            "single_mean_us": round(found.mean * 1e6, 2),
            "p50_us": round(float(p50), 2),
            "p99_us": round(float(p99), 2),
            "cores": round(found.cores, 3),
            "batch_us": None,
            "scored": None,
            "plan": None,
            "bytes_per_nonzero": round(index.bytes / data.documents.nonzeros, 3),
            "build_seconds": round(index.seconds, 3),
            "build_cpu_seconds": round(index.cpu_seconds, 3),
            "projected_gib": round(index.bytes * PROJECTED / len(data.documents) / 2**30, 1),
            "projected_cpu_hours": round(index.cpu_seconds * PROJECTED / len(data.documents) / 3600, 2),
            "repetitions": self.repetitions,
        }

    def _batch(self, searcher: Any, found: Answered, half: SparseHalf) -> Record:
        """What only this engine is asked: its share of a batch, its work, its plan."""
        if not isinstance(searcher, VicinalSearcher):
            return {}
        queries, asked = Csr.of(half.queries), {"k": self.k, **found.effort.parameters}
        search = searcher.collection.search
        explained = searcher.collection.explain(queries, **asked)
        shares = [timed(lambda: search(queries, **asked).ids) for _ in range(self.repetitions)]
        return {
            "batch_us": round(float(np.median(shares)) / len(half.queries) * 1e6, 2),
            "scored": round(explained.distances / explained.queries, 1),
            "rescored": round(explained.rescored / explained.queries, 1),
            "plan": explained.plan,
        }

    def _filter(self, ready: Prepared, keep: Path) -> Finding:
        """Search under filters that pass a share of the rows, one by one and in a batch."""
        peer, data, records = VicinalPeer(), ready.sparse, []
        for build in self._builds(peer, data):
            index = built(peer, data, build, keep)
            searcher = peer.open(data, build, index.folder)
            for share in (1.0, *SHARES):
                ready.step(f"filter {share:.1%}", 0.0)
                below = round(share * PARTS)
                rows = np.flatnonzero(parts_of(len(data.documents)) < below)
                _, half = sparse_halves(data, min(self.k, len(rows)), None if share == 1.0 else rows)
                condition = {} if share == 1.0 else {"filter": F(PART) < below}
                for effort in peer.efforts(build):
                    records.append(
                        {"build": build.label, "effort": effort.label, "share": share, "matches": len(rows)}
                        | self._filtered(ready, searcher, half, {**effort.parameters, **condition})
                    )
            searcher.close()
        columns = {
            "build": "{build}",
            "effort": "{effort}",
            "share": "{share:.1%}",
            "matches": "{matches:,}",
            "recall": "{recall:.4f}",
            "us alone": "{single_mean_us:.1f}",
            "us in batch": "{batch_us:.1f}",
            "plan": "{plan}",
        }
        return Finding(records, [records_table("Under filters", columns, records)])

    def _filtered(
        self, ready: Prepared, searcher: VicinalSearcher, half: SparseHalf, asked: dict[str, Any]
    ) -> Record:
        queries, search = Csr.of(half.queries), searcher.collection.search
        asked = {"k": half.k, **asked}
        alone = [searcher.asked(*half.queries.row(number)) for number in range(len(half.queries))]
        answers = [search(one, **asked).ids for one in alone]
        explained = searcher.collection.explain(queries, **asked)
        singles, batches = [], []
        for _ in range(self.repetitions):
            with ready.timing():
                singles.append(timed(lambda: [search(one, **asked).ids for one in alone]))
                batches.append(timed(lambda: search(queries, **asked).ids))
        us = 1e6 / len(alone)
        return {
            "part": "filter",
            "k": half.k,
            "recall": round(half.recall(row_numbers(searcher, answers, half.k)), 5),
            "single_mean_us": round(float(np.median(singles)) * us, 2),
            "batch_us": round(float(np.median(batches)) * us, 2),
            "plan": explained.plan,
        }

    def _write(self, ready: Prepared, scratch: Path) -> Finding:
        """Write rows durably from compressed rows, in batches, with a payload each."""
        peer, data = VicinalPeer(), ready.sparse
        rows = min(WRITTEN, len(data.documents))
        ready.step("write", 0.0)
        with vicinal.open(scratch / "written") as database, ready.timing():
            spent = write(create_collection(database, peer.builds(data)[0]), data, rows=rows)
        record = {"part": "write", "rows": rows, "rows_per_second": round(rows / spent, 1)}
        line = ["durable writes", f"{rows / spent:,.0f} rows/s"]
        return Finding([record], [table("Writes", ("figure", "measured"), [line])])


def _points_table(records: Sequence[Record], k: int) -> Table:
    columns = {
        "engine": "{engine} {build}",
        "effort": "{effort}",
        f"recall@{k}": "{recall:.4f}",
        "us alone": "{single_mean_us:.1f}",
        "p50": "{p50_us:.1f}",
        "p99": "{p99_us:.1f}",
        "us in batch": "{batch_us:.1f}",
        "scored": "{scored:,.0f}",
        "cores": "{cores:.2f}",
        "bytes/nnz": "{bytes_per_nonzero:.2f}",
        "build CPU s": "{build_cpu_seconds:.1f}",
    }
    return records_table("One query at a time, on one thread", columns, records)


def _equal_table(points: Sequence[tuple[str, Answered]]) -> Table:
    """The quickest way of every engine to each level of recall."""
    best = {level: dict(best_at(points, level)) for level in LEVELS}
    rows = []
    for name in dict.fromkeys(name for name, _ in points):
        at = [best[level].get(name) for level in LEVELS]
        rows.append([name, *(NOTHING if one is None else f"{one.mean * 1e6:.1f}" for one in at)])
    columns = ["engine", *(f"us at {level}" for level in LEVELS)]
    return table("At equal recall", columns, rows)


def _projection(records: Sequence[Record]) -> Table:
    """What an index of many more documents takes, if it grows in proportion to them."""
    columns = {
        "engine": "{engine} {build}",
        "GiB": "{projected_gib:,.0f}",
        "CPU hours": "{projected_cpu_hours:,.1f}",
    }
    builds = {(one["engine"], one["build"]): one for one in records}
    title = f"In proportion to {PROJECTED:,} documents"
    return records_table(title, columns, list(builds.values()))
