"""`vicinal bench server`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..harness.timing import load_warning
from ..peers import UnknownPeerError
from ..report.terminal import measuring, progress_bar, read_dataset, read_truth, report, show, warn
from .load.figure import Figure, figures_table
from .peers import PEERS

SCRATCH = "scratch"
K = 10
PARTS = ("singles", "throughput", "batches", "upserts", "connections", "overload", "peers")
OVERLOAD_TIMES = 6
WORK = ("exact", "indexed")


def server_command(
    dataset: Annotated[str, typer.Option(help="As in the other measurements.")] = "sample",
    out: Annotated[Path, typer.Option(help="Folder for results and cached truth.")] = Path("bench-results"),
    only: Annotated[str, typer.Option(help=f"Parts to measure, of {', '.join(PARTS)}.")] = ",".join(PARTS),
    seconds: Annotated[float, typer.Option(min=0.05, help="How long each thing is measured.")] = 10.0,
    overload_seconds: Annotated[
        float | None,
        typer.Option(min=0.05, help=f"The overload; {OVERLOAD_TIMES} x --seconds when left out."),
    ] = None,
    overload_work: Annotated[
        str, typer.Option(help="What a call of the overload asks for: exact, indexed, or both.")
    ] = ",".join(WORK),
    callers: Annotated[int, typer.Option(min=1, help="Concurrent callers.")] = 16,
    peers: Annotated[str, typer.Option(help="Servers to compare with; empty for none.")] = ",".join(PEERS),
    peers_python: Annotated[
        str, typer.Option(help="Interpreter of an environment that has the extra bench-server.")
    ] = sys.executable,
    queries: Annotated[int | None, typer.Option(min=1, help="Use only the first so many queries.")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Use only the first so many vectors.")] = None,
    lock: Annotated[Path | None, typer.Option(help="Hold this file's lock while timing.")] = None,
) -> None:
    """Latency, throughput, writes and overload of the server, beside a bare gRPC echo and other servers."""
    wanted, names = _chosen("--only", only, PARTS), _names(peers)
    work = _chosen("--overload-work", overload_work, WORK)
    with measuring():
        unknown = [name for name in names if name not in PEERS]
        if unknown:
            raise UnknownPeerError(f"unknown servers {unknown}; there are adapters for {', '.join(PEERS)}")
        # They load gRPC, which the other commands do without.
        from .load.setting import Setting
        from .scenes.overload import measure_overload
        from .scenes.peers_beside import measure_peers
        from .sections import SECTIONS, loaded

        data = read_dataset(dataset, queries=queries, rows=rows)
        truth = read_truth(data, K, out)
        warn(load_warning())
        figures: list[Figure] = []
        with progress_bar() as step, loaded(out / SCRATCH, data, step) as (folder, scratch):
            overload = OVERLOAD_TIMES * seconds if overload_seconds is None else overload_seconds
            setting = Setting(data, truth, folder, scratch, seconds, overload, callers, lock, step)
            for part in wanted:
                if part == "overload":
                    found = [one for kind in work for one in measure_overload(setting, exact=kind == "exact")]
                elif part == "peers":
                    found, missing = measure_peers(setting, names, peers_python)
                    for one in missing:
                        warn(one)
                else:
                    found = SECTIONS[part](setting)
                show(figures_table(part, found))
                figures += found
        report(out, "server", data, [{"k": K, "seconds": seconds, **one.as_record()} for one in figures])


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _chosen(option: str, text: str, known: tuple[str, ...]) -> list[str]:
    names = _names(text)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise typer.BadParameter(f"{text!r}; expected some of {', '.join(known)}", param_hint=option)
    return [name for name in known if name in names]
