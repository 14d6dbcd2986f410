"""`vicinal bench multi`: multi-vectors side by side with other engines, from one MaxSim to whole searches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import typer

import vicinal

from ....engine.errors import InvalidArgument
from ....indexes.protocol import IndexSpec
from ...comparison.equal_recall import Answered, answered, tuned
from ...comparison.halves import Half, multi_halves
from ...comparison.kept_builds import KeptBuild, noting_failure, opened
from ...comparison.residence import resident_growth
from ...datasets.multi.dataset import MultiDataset
from ...harness.multi_truth import multi_recall, multi_truth
from ...harness.scratch import scratch_folder
from ...harness.timing import crowded, timed
from ...multi_peers import MultiPeer, MultiSearcher, find_multi_peers
from ...multi_peers.vicinal import VicinalPeer, VicinalSearcher, usual_indexes
from ...peers import Build, Effort
from ...report.terminal import remark, skipped
from ..measurement import Finding, Needs, Prepared, Record
from ..options import (
    OUT,
    KeepOption,
    KOption,
    LockOption,
    MultiDatasetOption,
    OnlyOption,
    OutOption,
    PeersOption,
    RepetitionsOption,
    chosen_in,
    index_in,
    names_in,
)
from .candidates import candidate_records, candidates_table
from .encodings import encoding_records, encodings_table
from .maxsim import kernel_records, kernels_table, peer_records
from .searched import equal_table, searched_record, searches_table

PARTS = ("kernels", "encode", "search", "candidates")
ALL_PARTS = ",".join(PARTS)
LEVELS = (0.80, 0.90, 0.95, 0.99)
_ANY_DIM = 1_024
# Searches that take longer for all queries are not repeated.
_LONG_SECONDS = 20.0


@dataclass(frozen=True)
class MultiMeasurement:
    """Multi-vectors beside other engines on one thread: MaxSim, encodings, searches at equal recall."""

    name: ClassVar = "multi"
    needs: ClassVar = Needs(data="multi")
    dataset: MultiDatasetOption = "tokens-200000x32x128"
    k: KOption = 10
    peers: PeersOption = "fast-plaid,lancedb,qdrant-edge,tachiom"
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
    keep: KeepOption = None
    only: OnlyOption = ALL_PARTS
    lock: LockOption = None

    def __post_init__(self) -> None:
        """Refuse parts, elements and indexes of multi-vectors that there are not."""
        chosen_in("--only", self.only, PARTS)
        try:
            for index in self._indexes().values():
                vicinal.Multi(_ANY_DIM, index=index, element=self.element)
        except InvalidArgument as error:
            raise typer.BadParameter(str(error), param_hint="--index or --element") from error

    def _indexes(self) -> dict[str, IndexSpec]:
        return {text: index_in(text) for text in self.index} if self.index else usual_indexes()

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Measure MaxSim and encodings alone, then the searches of all engines in turn."""
        parts = chosen_in("--only", self.only, PARTS)
        peers, missing = find_multi_peers(names_in(self.peers))
        skipped(missing)
        with scratch_folder(ready.scratch) as scratch:
            if "kernels" in parts:
                yield self._kernels(ready, peers, scratch)
            if "encode" in parts:
                ready.step("encode", 0.0)
                with ready.timing():
                    records = encoding_records(ready.multi, self.repetitions)
                yield Finding(records, [encodings_table(records)])
            if {"search", "candidates"} & {*parts}:
                yield from self._searches(ready, peers, self.keep or scratch, parts)

    def _kernels(self, ready: Prepared, peers: Sequence[MultiPeer], scratch: Path) -> Finding:
        ready.step("compare", 0.0)
        with ready.timing():
            records = kernel_records(self.compared, self.repetitions)
            best = 1e9 * records[0]["peak_giga_multiply_adds"]
            others, failed = peer_records(peers, self.compared, self.repetitions, best, scratch)
        records += others
        return Finding(records, [kernels_table(records)], failed)

    def _searches(
        self, ready: Prepared, peers: Sequence[MultiPeer], keep: Path, parts: Sequence[str]
    ) -> Iterator[Finding]:
        """Build with every engine, tune on half of the queries and report the other half."""
        data, indexes = ready.multi, self._indexes()
        truth, cached = multi_truth(data, self.k, self.out / "truth", ready.step)
        remark(f"exact truth of {len(data.queries):,} queries: {'from the cache' if cached else 'computed'}")
        tuning, reported = multi_halves(data, truth)
        everything = Half(data, truth, multi_recall)
        records: list[Record] = []
        counted: list[Record] = []
        failed: list[str] = []
        points: list[tuple[str, Answered]] = []
        own = partial(VicinalPeer, indexes, self.element)
        makers: dict[MultiPeer, Callable[[], MultiPeer]] = {own(): own}
        if "search" in parts:
            makers |= {peer: partial(_adapter, peer.name) for peer in peers}
        for peer, make in makers.items():
            for build in peer.builds(data):
                efforts: Sequence[Effort] = peer.efforts(build)
                found: list[tuple[Answered, float, int]] = []
                with noting_failure(failed, peer, build):
                    with opened(peer, data, build, keep, ready.step) as (index, searcher):
                        if "candidates" in parts and isinstance(searcher, VicinalSearcher):
                            counted += candidate_records(searcher, build, efforts, everything)
                        if "search" in parts:
                            chosen = (
                                efforts if len(efforts) == 1 else tuned(searcher, efforts, tuning, LEVELS)
                            )
                            with ready.timing():
                                found = [self._answered(searcher, effort, reported) for effort in chosen]
                    if not found:
                        continue
                    found.sort(key=lambda one: one[0].recall)
                    widest = found[-1][0].effort
                    memory = resident_growth(make, data, build, index.folder, widest, self.k)
                    for one, batch, repetitions in found:
                        points.append((peer.name, one))
                        shared = searched_record(peer, build, index, one, self.k, repetitions)
                        records.append(shared | _further(build, index, one, batch, memory, data))
        if records:
            further = {
                "over share": "{single_over_share_us:,.1f}",
                "bytes/token in memory": "{memory_bytes_per_token:.1f}",
                "on disk": "{disk_bytes_per_token:.1f}",
            }
            tables = [searches_table(records, self.k, further), equal_table(points, LEVELS)]
            busy = crowded((one["engine"], one["cores"]) for one in records)
            yield Finding(records, tables, [busy, *failed])
        if counted:
            yield Finding(counted, [candidates_table(counted, self.k)])

    def _answered(
        self, searcher: MultiSearcher, effort: Effort, half: Half[MultiDataset]
    ) -> tuple[Answered, float, int]:
        """Answer one by one and all at once, so many times over, and return seconds a query of the latter."""
        found, repetitions = answered(searcher, effort, half, 1), 1
        if found.mean * len(half) < _LONG_SECONDS:
            found, repetitions = answered(searcher, effort, half, self.repetitions), self.repetitions
        search_all, asked = searcher.search_all(effort, half.k), half.asked(searcher)
        seconds = [timed(lambda: search_all(asked)) for _ in range(repetitions)]
        return found, float(np.median(seconds)) / len(asked), repetitions


def _further(
    build: Build, index: KeptBuild, found: Answered, batch: float, memory: int | None, data: MultiDataset
) -> Record:
    tokens = len(data.documents.tokens)
    return {
        "parameters": dict(build.parameters),
        "batch_us": round(batch * 1e6, 2),
        "single_over_share_us": round((found.mean - batch) * 1e6, 2),
        "memory_bytes_per_token": None if memory is None else round(memory / tokens, 2),
        "disk_bytes_per_token": round(index.bytes / tokens, 2),
    }


def _adapter(name: str) -> MultiPeer:
    """Return an adapter in a process of its own."""
    peers, _ = find_multi_peers([name])
    return peers[0]
