"""`vicinal bench multi`: multi-vectors side by side with other engines, from one MaxSim to whole searches."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import typer
from rich.table import Table

from ....indexes.protocol import IndexSpec
from ...comparison.equal_recall import Answered, answered, best_at, tuned
from ...comparison.kept_builds import KeptBuild, built
from ...comparison.multi_half import MultiHalf, multi_halves
from ...comparison.residence import resident_growth
from ...datasets.multi.dataset import MultiDataset
from ...harness.multi_truth import multi_truth
from ...harness.timing import timed
from ...multi_peers import MultiPeer, MultiSearcher, find_multi_peers
from ...multi_peers.vicinal import VicinalPeer, VicinalSearcher, usual_indexes
from ...peers import Build, Effort
from ...report.tables import NOTHING, records_table, table
from ...report.terminal import remark
from ..measurement import Finding, Needs, Prepared, Record
from ..options import OUT, KOption, LockOption, OutOption, RepetitionsOption, index_in, names_in
from .candidates import candidate_records, candidates_table
from .encodings import encoding_records, encodings_table
from .maxsim import kernel_records, kernels_table, peer_records

PARTS = ("kernels", "encode", "search", "candidates")
LEVELS = (0.80, 0.90, 0.95, 0.99)
# A library that keeps more cores busy than this did not hold to one thread.
ONE_CORE = 1.1
# Searches that take longer for all queries are not repeated.
_LONG_SECONDS = 20.0

Points = list[tuple[str, Answered]]


@dataclass(frozen=True)
class MultiMeasurement:
    """Multi-vectors beside other engines on one thread: MaxSim, encodings, searches at equal recall."""

    name: ClassVar = "multi"
    needs: ClassVar = Needs(data="multi")
    dataset: Annotated[
        str,
        typer.Option(
            "--dataset",
            help="sample, tokens-ROWSxTOKENSxDIM to generate so many documents, or a folder with tokens.npy, "
            "tokens_offsets.npy, queries_tokens.npy and queries_tokens_offsets.npy.",
        ),
    ] = "tokens-200000x32x128"
    k: KOption = 10
    peers: Annotated[
        str, typer.Option(help="Engines to compare with, separated by commas; empty for none.")
    ] = "fast-plaid,lancedb,qdrant-edge,tachiom"
    index: Annotated[
        list[str] | None,
        typer.Option(help="Only this index of vicinal instead of all: JSON as in a schema. Repeat it."),
    ] = None
    element: Annotated[str, typer.Option(help="What vicinal stores of tokens.")] = "float16"
    rows: Annotated[int | None, typer.Option(min=1, help="Use only the first so many documents.")] = None
    queries: Annotated[int | None, typer.Option(min=2, help="Use only the first so many queries.")] = None
    out: OutOption = OUT
    repetitions: RepetitionsOption = 3
    compared: Annotated[int, typer.Option(min=1, help="Documents that kernels compare a query with.")] = 1_000
    keep: Annotated[
        Path | None, typer.Option(help="Folder where what was built is kept, and found by the next run.")
    ] = None
    only: Annotated[str, typer.Option(help=f"What to measure: {', '.join(PARTS)}.")] = ",".join(PARTS)
    lock: LockOption = None

    def __post_init__(self) -> None:
        """Refuse parts and indexes that there are not."""
        unknown = [part for part in names_in(self.only) if part not in PARTS]
        if unknown:
            raise typer.BadParameter(f"{unknown}; expected {', '.join(PARTS)}", param_hint="--only")
        self._indexes()

    def _indexes(self) -> dict[str, IndexSpec]:
        return {text: index_in(text) for text in self.index} if self.index else usual_indexes()

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Measure MaxSim and encodings alone, then the searches of all engines in turn."""
        parts = names_in(self.only)
        peers, missing = find_multi_peers(names_in(self.peers))
        for one in missing:
            remark(f"[yellow]{one}[/yellow]")
        ready.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=ready.scratch, prefix="bench-") as scratch:
            if "kernels" in parts:
                yield self._kernels(ready, peers, Path(scratch))
            if "encode" in parts:
                ready.step("encode", 0.0)
                with ready.timing():
                    records = encoding_records(ready.multi, self.repetitions)
                yield Finding(records, [encodings_table(records)])
            if {"search", "candidates"} & {*parts}:
                yield from self._searches(ready, peers, self.keep or Path(scratch), parts)

    def _kernels(self, ready: Prepared, peers: Sequence[MultiPeer], scratch: Path) -> Finding:
        ready.step("compare", 0.0)
        with ready.timing():
            records = kernel_records(self.compared, self.repetitions)
            best = 1e9 * records[0]["peak_giga_multiply_adds"]
            records += peer_records(peers, self.compared, self.repetitions, best, scratch)
        return Finding(records, [kernels_table(records)])

    def _searches(
        self, ready: Prepared, peers: Sequence[MultiPeer], keep: Path, parts: Sequence[str]
    ) -> Iterator[Finding]:
        """Build with every engine, tune on half of the queries and report the other half."""
        data, indexes = ready.multi, self._indexes()
        truth, cached = multi_truth(data, self.k, self.out / "truth", ready.step)
        remark(f"exact truth of {len(data.queries):,} queries: {'from the cache' if cached else 'computed'}")
        tuning, reported = multi_halves(data, truth)
        everything = MultiHalf(data, truth, 0, len(data.queries))
        records: list[Record] = []
        counted: list[Record] = []
        points: Points = []
        own = partial(VicinalPeer, indexes, self.element)
        makers: list[Callable[[], MultiPeer]] = [own, *(partial(_adapter, peer.name) for peer in peers)]
        for peer, make in zip([own(), *peers], makers, strict=True):
            for build in peer.builds(data):
                ready.step(f"build {peer.name} {build.label}", 0.0)
                index = built(peer, data, build, keep)
                searcher = peer.open(data, build, index.folder)
                ready.step(f"search {peer.name} {build.label}", 0.0)
                efforts: Sequence[Effort] = peer.efforts(build)
                if "candidates" in parts and isinstance(searcher, VicinalSearcher):
                    counted += candidate_records(searcher, build, efforts, everything)
                found: list[tuple[Answered, float]] = []
                if "search" in parts:
                    chosen = efforts if len(efforts) == 1 else tuned(searcher, efforts, tuning, LEVELS)
                    with ready.timing():
                        found = [self._answered(searcher, effort, reported) for effort in chosen]
                searcher.close()
                if not found:
                    continue
                found.sort(key=lambda one: one[0].recall)
                widest = found[-1][0].effort
                memory = resident_growth(make, data, build, index.folder, widest, self.k)
                for one, batch in found:
                    points.append((peer.name, one))
                    records.append(self._record(peer, build, index, one, batch, memory, data))
        if records:
            crowded = sorted({one["engine"] for one in records if one["cores"] > ONE_CORE})
            broken = [f"{', '.join(crowded)} kept more than one core busy"] if crowded else []
            yield Finding(records, [_points_table(records, self.k), _equal_table(points)], broken)
        if counted:
            yield Finding(counted, [candidates_table(counted, self.k)])

    def _answered(self, searcher: MultiSearcher, effort: Effort, half: MultiHalf) -> tuple[Answered, float]:
        """Answer one by one and all at once: what is known of the first, and seconds a query of the other."""
        found, repetitions = answered(searcher, effort, half, 1), 1
        if found.mean * len(half) < _LONG_SECONDS:
            found, repetitions = answered(searcher, effort, half, self.repetitions), self.repetitions
        search_all, asked = searcher.search_all(effort, half.k), half.asked(searcher)
        seconds = [timed(lambda: search_all(asked)) for _ in range(repetitions)]
        return found, float(np.median(seconds)) / len(asked)

    def _record(
        self,
        peer: MultiPeer,
        build: Build,
        index: KeptBuild,
        found: Answered,
        batch: float,
        memory: int | None,
        data: MultiDataset,
    ) -> Record:
        p50, p99 = np.percentile(found.seconds, [50, 99]) * 1e6
        tokens = len(data.documents.tokens)
        return {
            "part": "search",
            "k": self.k,
            "engine": peer.name,
            "build": build.label,
            "parameters": dict(build.parameters),
            "effort": found.effort.label,
            "recall": round(found.recall, 5),
            "single_mean_us": round(found.mean * 1e6, 2),
            "p50_us": round(float(p50), 2),
            "p99_us": round(float(p99), 2),
            "batch_us": round(batch * 1e6, 2),
            "single_over_share_us": round((found.mean - batch) * 1e6, 2),
            "cores": round(found.cores, 3),
            "memory_bytes_per_token": None if memory is None else round(memory / tokens, 2),
            "disk_bytes_per_token": round(index.bytes / tokens, 2),
            "build_seconds": round(index.seconds, 3),
            "build_cpu_seconds": round(index.cpu_seconds, 3),
            "repetitions": self.repetitions,
        }


def _adapter(name: str) -> MultiPeer:
    """Return an adapter in a process of its own."""
    peers, _ = find_multi_peers([name])
    return peers[0]


def _points_table(records: Sequence[Record], k: int) -> Table:
    columns = {
        "engine": "{engine} {build}",
        "effort": "{effort}",
        f"recall@{k}": "{recall:.4f}",
        "us alone": "{single_mean_us:,.1f}",
        "p50": "{p50_us:,.1f}",
        "p99": "{p99_us:,.1f}",
        "us in batch": "{batch_us:,.1f}",
        "over share": "{single_over_share_us:,.1f}",
        "cores": "{cores:.2f}",
        "bytes/token in memory": "{memory_bytes_per_token:.1f}",
        "on disk": "{disk_bytes_per_token:.1f}",
        "build CPU s": "{build_cpu_seconds:,.1f}",
    }
    return records_table("Searches on one thread", columns, records)


def _equal_table(points: Points) -> Table:
    """The quickest way of every engine to each level of recall, and the best that it reaches."""
    names = list(dict.fromkeys(name for name, _ in points))
    best = {level: dict(best_at(points, level)) for level in LEVELS}
    rows = []
    for name in names:
        row, top = [name], max((one for other, one in points if other == name), key=lambda one: one.recall)
        for level in LEVELS:
            at, ours = best[level].get(name), best[level].get(names[0])
            row.append(NOTHING if at is None else f"{at.mean * 1e6:,.1f}")
            row.append(NOTHING if at is None or ours is None else f"{at.mean / ours.mean:.2f}x")
        rows.append([*row, f"{top.recall:.4f}", f"{top.mean * 1e6:,.1f}"])
    columns = ["engine"]
    for level in LEVELS:
        columns += [f"us at {level:.2f}", f"{names[0]} is"]
    return table("At equal recall, one query at a time", [*columns, "best", "us"], rows)
