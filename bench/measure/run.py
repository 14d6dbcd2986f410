"""`vicinal bench run`: engines side by side, swept over their efforts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from ..comparison.running import run
from ..comparison.sweep import SweepOptions
from ..extras import load_extra
from ..peers import UnknownPeerError
from ..report.drawing import draw_fronts
from ..report.tables import builds_table, describe, equal_recall, equal_recall_table, front_table, plural
from ..report.terminal import remark
from .measurement import Finding, Needs, Prepared
from .options import (
    OUT,
    DatasetOption,
    KOption,
    LockOption,
    OutOption,
    QueriesOption,
    RepetitionsOption,
    RowsOption,
    names_in,
)


@dataclass(frozen=True)
class RunMeasurement:
    """Sweep this engine and others over one dataset; Pareto table, picture and JSON lines."""

    name: ClassVar = "run"
    dataset: DatasetOption = "sample"
    k: KOption = 10
    peers: Annotated[
        str, typer.Option(help="Engines to compare with, separated by commas; empty for none.")
    ] = "hnswlib,faiss,usearch,rabitqlib"
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
        """Look for what draws the picture, which would be missed at the end of a long run."""
        load_extra("matplotlib")

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Build and sweep all engines, and draw their fronts."""
        if not ready.peers:
            raise UnknownPeerError("none of the engines asked for is installed; nothing to measure")
        data, k, threads = ready.data, self.k, self.threads
        plan = SweepOptions(
            k=k, repetitions=self.repetitions, singles=self.singles, threads=threads, lock=self.lock
        )
        outcome = run(data, ready.truth, ready.peers, plan, ready.scratch, ready.watch, ready.step)
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
            equal_recall_table(equal_recall(points), points[0].built.peer),
        ]
        yield Finding([{"k": k, "threads": threads, **point.record()} for point in points], tables)
        remark("picture:", str(picture))
