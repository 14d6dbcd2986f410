"""`vicinal bench run`: engines side by side, swept over their efforts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from ...indexes.protocol import IndexSpec
from ..comparison.running import chosen_builds, run
from ..comparison.sweep import SweepOptions
from ..datasets import Dataset
from ..extras import load_extra
from ..harness.timing import crowded
from ..peers import Build, Peer, UnknownPeerError
from ..peers.vicinal import VicinalPeer
from ..report.drawing import draw_fronts
from ..report.tables import (
    builds_table,
    describe,
    equal_memory_table,
    equal_recall_table,
    front_table,
    plural,
)
from ..report.terminal import remark
from .measurement import Finding, Needs, Prepared
from .options import (
    OUT,
    BuildsOption,
    DatasetOption,
    KOption,
    LockOption,
    OutOption,
    PeersOption,
    QueriesOption,
    RepetitionsOption,
    RowsOption,
    index_in,
    names_in,
)


@dataclass(frozen=True)
class RunMeasurement:
    """Sweep this engine and others over one dataset; Pareto table, picture and JSON lines.

    Efforts are chosen on the first half of the queries, and all figures are of the second.
    """

    name: ClassVar = "run"
    dataset: DatasetOption = "sample"
    k: KOption = 10
    peers: PeersOption = "hnswlib,faiss,usearch,rabitqlib"
    builds: BuildsOption = ""
    index: Annotated[
        list[str] | None,
        typer.Option(
            help="This engine builds this index instead: JSON as in a schema, or a factory string of faiss "
            "such as IVF1024,PQ48x8. Repeat it for several."
        ),
    ] = None
    out: OutOption = OUT
    threads: Annotated[int, typer.Option(min=1, help="Threads of a batch of queries.")] = 1
    repetitions: RepetitionsOption = 5
    singles: Annotated[int, typer.Option(min=1, help="Single queries per point and repetition.")] = 200
    queries: QueriesOption = None
    rows: RowsOption = None
    metric: Annotated[str | None, typer.Option(help="cosine, dot or l2, instead of the data's own.")] = None
    query_file: Annotated[Path | None, typer.Option(help="Queries for a file that holds vectors only.")] = (
        None
    )
    peers_only: Annotated[bool, typer.Option("--peers-only", help="Leave this engine out.")] = False
    lock: LockOption = None

    @property
    def needs(self) -> Needs:
        """Truth and the engines."""
        names = names_in(self.peers)
        return Needs(truth=True, peers=names if self.peers_only else ("vicinal", *names))

    def __post_init__(self) -> None:
        """Look for what would be missed late in a long run: what draws the picture, and the indexes."""
        load_extra("matplotlib")
        _ = self._specs

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Build and sweep all engines, and draw their fronts."""
        if not ready.peers:
            raise UnknownPeerError("none of the engines asked for is installed; nothing to measure")
        data, k, threads = ready.data, self.k, self.threads
        plan = SweepOptions(
            k=k, repetitions=self.repetitions, singles=self.singles, threads=threads, lock=self.lock
        )
        wanted = [(peer, build) for peer in ready.peers for build in self._builds(peer, data)]
        outcome = run(data, ready.truth, wanted, plan, ready.scratch, ready.watch, ready.step)
        for refusal in outcome.refused:
            remark("[yellow]refused:[/yellow]", refusal)
        points = outcome.points
        if not points:
            raise UnknownPeerError("every engine refused this data; nothing was measured")
        picture = self.out / f"recall-{data.name}-k{k}.png"
        title = f"{describe(data)}\nbatches on {plural(threads, 'thread')}"
        draw_fronts(points, title, k, picture)
        tables = [
            builds_table(outcome.builds),
            front_table(points, k, threads),
            equal_recall_table(points),
            equal_memory_table(points),
        ]
        broken = crowded([(point.built.label, point.cores) for point in points], threads)
        records = [{"k": k, "threads": threads, **point.record()} for point in points]
        yield Finding(records, tables, [broken])
        remark("picture:", str(picture))

    def _builds(self, peer: Peer, data: Dataset) -> list[Build]:
        if self._specs and isinstance(peer, VicinalPeer):
            return [peer.build_of(spec) for spec in self._specs]
        return chosen_builds(peer, data, names_in(self.builds))

    @property
    def _specs(self) -> list[IndexSpec]:
        return [index_in(text) for text in self.index or ()]
