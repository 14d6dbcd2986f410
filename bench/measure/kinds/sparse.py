"""`vicinal bench sparse`: sparse vectors side by side with other engines, under filters, and written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import typer
from rich.table import Table

import vicinal

from ....engine.filters.field import F
from ...comparison.equal_recall import LEVELS, Answered, answered, row_numbers, tuned
from ...comparison.halves import Half, sparse_halves
from ...comparison.kept_builds import KeptBuild, noting_failure, opened
from ...comparison.running import chosen_builds
from ...datasets.sparse_dataset import SparseDataset
from ...harness.scratch import scratch_folder
from ...harness.timing import crowded, timed
from ...peers import Build
from ...report.tables import records_table, table
from ...report.terminal import skipped
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
from ..options import (
    OUT,
    BuildsOption,
    KeepOption,
    KOption,
    LockOption,
    OnlyOption,
    OutOption,
    PeersOption,
    RepetitionsOption,
    chosen_in,
    names_in,
)
from .searched import equal_table, searched_record, searches_table

# What is measured; parts of the rows are something else.
MEASURED = ("search", "filter", "write")
EVERYTHING = ",".join(MEASURED)
SHARES = (0.001, 0.01, 0.1, 0.5)
# Rows that are written to see how quickly that goes.
WRITTEN = 100_000
# Passages of MS MARCO's second version, up to which others have measured.
PROJECTED = 138_364_198


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
    peers: PeersOption = "seismic,sindi,kannolo,zvec,qdrant-edge"
    queries: Annotated[int | None, typer.Option(min=2, help="Use only the first so many queries.")] = None
    out: OutOption = OUT
    repetitions: RepetitionsOption = 5
    builds: BuildsOption = ""
    keep: KeepOption = None
    only: OnlyOption = EVERYTHING
    lock: LockOption = None

    def __post_init__(self) -> None:
        """Refuse parts that there are not."""
        chosen_in("--only", self.only, MEASURED)

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Measure the searches of all engines in turn, then filters and writes of this one."""
        parts = chosen_in("--only", self.only, MEASURED)
        peers, missing = find_sparse_peers(names_in(self.peers))
        skipped(missing)
        with scratch_folder(ready.scratch) as scratch:
            keep = self.keep or scratch
            if "search" in parts:
                yield self._search(ready, [VicinalPeer(), *peers], keep)
            if "filter" in parts:
                yield self._filter(ready, keep)
            if "write" in parts:
                yield self._write(ready, scratch)

    def _builds(self, peer: SparsePeer, data: SparseDataset) -> list[Build]:
        return chosen_builds(peer, data, names_in(self.builds))

    def _search(self, ready: Prepared, peers: Sequence[SparsePeer], keep: Path) -> Finding:
        """Build with every engine, tune on half of the queries and report the other half."""
        ready.step("exact truth", 0.0)
        tuning, reported = sparse_halves(ready.sparse, self.k)
        records: list[Record] = []
        points: list[tuple[str, Answered]] = []
        failed: list[str] = []
        for peer in peers:
            for build in self._builds(peer, ready.sparse):
                with (
                    noting_failure(failed, peer, build),
                    opened(peer, ready.sparse, build, keep, ready.step) as (index, searcher),
                ):
                    efforts = tuned(searcher, peer.efforts(build), tuning)
                    with ready.timing():
                        found = [answered(searcher, effort, reported, self.repetitions) for effort in efforts]
                        batches = [self._batch(searcher, one, reported) for one in found]
                    for one, batch in zip(found, batches, strict=True):
                        points.append((peer.name, one))
                        records.append(self._record(peer, build, index, one, ready.sparse) | batch)
        busy = crowded((one["engine"], one["cores"]) for one in records)
        further = {"scored": "{scored:,.0f}", "bytes/nnz": "{bytes_per_nonzero:.2f}"}
        tables = [
            searches_table(records, self.k, further),
            equal_table(points, LEVELS),
            _projection(records),
        ]
        return Finding(records, tables, [busy, *failed])

    def _record(
        self, peer: SparsePeer, build: Build, index: KeptBuild, found: Answered, data: SparseDataset
    ) -> Record:
        return {
            **searched_record(peer, build, index, found, self.k, self.repetitions),
            "batch_us": None,
            "scored": None,
            "plan": None,
            "bytes_per_nonzero": round(index.bytes / data.documents.nonzeros, 3),
            "projected_gib": round(index.bytes * PROJECTED / len(data.documents) / 2**30, 1),
            "projected_cpu_hours": round(index.cpu_seconds * PROJECTED / len(data.documents) / 3600, 2),
        }

    def _batch(self, searcher: Any, found: Answered, half: Half[SparseDataset]) -> Record:
        """What only this engine is asked: its share of a batch, its work, its plan."""
        if not isinstance(searcher, VicinalSearcher):
            return {}
        queries, asked = Csr.of(half.data.queries), {"k": self.k, **found.effort.parameters}
        search = searcher.collection.search
        explained = searcher.collection.explain(queries, **asked)
        shares = [timed(lambda: search(queries, **asked).ids) for _ in range(self.repetitions)]
        return {
            "batch_us": round(float(np.median(shares)) / len(half) * 1e6, 2),
            # A scan scores every row exactly and estimates none.
            "scored": round(max(explained.distances, explained.rescored) / explained.queries, 1),
            "rescored": round(explained.rescored / explained.queries, 1),
            "plan": explained.plan,
        }

    def _filter(self, ready: Prepared, keep: Path) -> Finding:
        """Search under filters that pass a share of the rows, one by one and in a batch."""
        peer, data, records = VicinalPeer(), ready.sparse, []
        for build in self._builds(peer, data):
            with opened(peer, data, build, keep, ready.step) as (_, searcher):
                for share in (1.0, *SHARES):
                    ready.step(f"filter {share:.1%}", 0.0)
                    below = round(share * PARTS)
                    rows = np.flatnonzero(parts_of(len(data.documents)) < below)
                    _, half = sparse_halves(data, min(self.k, len(rows)), None if share == 1.0 else rows)
                    condition = {} if share == 1.0 else {"filter": F(PART) < below}
                    for effort in peer.efforts(build):
                        records.append(
                            {"build": build.label, "effort": effort.label}
                            | {"share": share, "matches": len(rows)}
                            | self._filtered(ready, searcher, half, {**effort.parameters, **condition})
                        )
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
        self, ready: Prepared, searcher: VicinalSearcher, half: Half[SparseDataset], asked: dict[str, Any]
    ) -> Record:
        queries, search = Csr.of(half.data.queries), searcher.collection.search
        asked = {"k": half.k, **asked}
        alone = half.asked(searcher)
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
