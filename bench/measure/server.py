"""`vicinal bench server`: what a server adds to the engine, and how it stands load."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from ..harness.loaded import loaded_folder
from ..peers import UnknownPeerError
from ..serving.peers import PEERS
from .measurement import Finding, Needs, Prepared
from .options import OUT, LockOption, QueriesOption, RowsOption, chosen_in, names_in

if TYPE_CHECKING:
    from ..serving.load.figure import Figure

PARTS = ("singles", "throughput", "batches", "workers", "upserts", "connections", "overload", "peers")
OVERLOAD_TIMES = 6
WORK = ("exact", "indexed")


@dataclass(frozen=True)
class ServerMeasurement:
    """Latency, throughput, writes and overload of the server, beside a bare gRPC echo and other servers."""

    name: ClassVar = "server"
    # The server is another process, which would be counted with the others.
    needs: ClassVar = Needs(truth=True, watched=False)
    k: ClassVar = 10
    dataset: Annotated[str, typer.Option(help="As in the other measurements.")] = "sample"
    out: Annotated[Path, typer.Option(help="Folder for results and cached truth.")] = OUT
    only: Annotated[str, typer.Option(help=f"Parts to measure, of {', '.join(PARTS)}.")] = ",".join(PARTS)
    seconds: Annotated[float, typer.Option(min=0.05, help="How long each thing is measured.")] = 10.0
    overload_seconds: Annotated[
        float | None,
        typer.Option(min=0.05, help=f"The overload; {OVERLOAD_TIMES} x --seconds when left out."),
    ] = None
    overload_work: Annotated[
        str, typer.Option(help="What a call of the overload asks for: exact, indexed, or both.")
    ] = ",".join(WORK)
    callers: Annotated[int, typer.Option(min=1, help="Concurrent callers.")] = 16
    peers: Annotated[str, typer.Option(help="Servers to compare with; empty for none.")] = ",".join(PEERS)
    peers_python: Annotated[
        str, typer.Option(help="Interpreter of an environment that has the extra bench-server.")
    ] = sys.executable
    queries: QueriesOption = None
    rows: RowsOption = None
    lock: LockOption = None

    def __post_init__(self) -> None:
        """Refuse names that nothing has, before anything is read."""
        chosen_in("--only", self.only, PARTS)
        chosen_in("--overload-work", self.overload_work, WORK)
        unknown = [name for name in names_in(self.peers) if name not in PEERS]
        if unknown:
            raise UnknownPeerError(f"unknown servers {unknown}; there are adapters for {', '.join(PEERS)}")

    def run(self, ready: Prepared) -> Iterator[Finding]:
        """Load the dataset, and measure the parts that were chosen, in their order."""
        # They load gRPC, which the other commands do without.
        from ..serving.load.figure import figures_table
        from ..serving.load.setting import Setting
        from ..serving.scenes.connections import measure_connections
        from ..serving.scenes.overload import measure_overload
        from ..serving.scenes.peers_beside import measure_peers
        from ..serving.scenes.scaling import measure_scaling
        from ..serving.scenes.singles import measure_singles
        from ..serving.scenes.throughput import measure_batch_throughput, measure_single_throughput
        from ..serving.scenes.upserts import measure_upserts

        work = [kind == "exact" for kind in chosen_in("--overload-work", self.overload_work, WORK)]
        peers, python = names_in(self.peers), self.peers_python
        measures: dict[str, Callable[[Setting], list[Figure]]] = {
            "singles": measure_singles,
            "throughput": measure_single_throughput,
            "batches": measure_batch_throughput,
            "workers": measure_scaling,
            "upserts": measure_upserts,
            "connections": measure_connections,
            "overload": lambda given: [one for exact in work for one in measure_overload(given, exact=exact)],
            "peers": lambda given: measure_peers(given, peers, python),
        }
        lasting = (self.seconds, self.overload_seconds or OVERLOAD_TIMES * self.seconds)
        with loaded_folder(ready.scratch, ready.data, ready.step) as folder:
            data = (ready.data, ready.truth, folder, folder.parent)
            setting = Setting(*data, *lasting, self.callers, self.lock, ready.step)
            for part in chosen_in("--only", self.only, PARTS):
                found = measures[part](setting)
                records = [{"k": self.k, "seconds": self.seconds, **one.as_record()} for one in found]
                yield Finding(records, [figures_table(part, found)])
