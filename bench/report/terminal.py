"""What all commands of the bench share: reading data, progress, tables, warnings, records."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich import progress as rich_progress
from rich.console import Console
from rich.table import Table

from ...engine.progress import Progress
from ...server.cli.tables import show_table
from ..comparison.running import MemoryShortageError
from ..datasets import Dataset, DatasetError, checked_metric, open_dataset
from ..datasets.multi.dataset import MultiDataset
from ..datasets.multi.opening import open_multi_dataset
from ..datasets.sparse_dataset import SparseDataset
from ..datasets.sparse_opening import open_sparse_dataset
from ..datasets.texts import TextDataset, open_texts
from ..extras import MissingExtraError
from ..harness.machine import code
from ..harness.timing import Watch, load_warning
from ..harness.truth import Truth, cached_truth
from ..peers import MissingPeer, UnknownPeerError
from .records import Described, append_records
from .tables import describe, describe_multi, describe_sparse

# A log has no width, and figures that are cut off are none.
_LOG_COLUMNS = 160

console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _LOG_COLUMNS)


@contextmanager
def measuring() -> Iterator[None]:
    """Pin down which code is measured, and show what a user can mend as one line instead of a traceback."""
    # Sources may change while a long measurement runs; what counts is what it began with.
    code()
    try:
        yield
    except (DatasetError, UnknownPeerError, MissingExtraError, MemoryShortageError) as error:
        console.print("[red]error:[/red]", str(error), markup=True, highlight=False)
        raise typer.Exit(2) from error


def read_dataset(spec: str, options: Mapping[str, Any]) -> Dataset:
    """Read the dataset as the options choose from it, and say what it is."""
    chosen = {name: options.get(name) for name in ("queries", "rows", "query_file")}
    metric = options.get("metric")
    with console.status(f"reading {spec}"):
        data = open_dataset(spec, metric=metric and checked_metric(metric), **chosen)
    remark(describe(data))
    return data


def read_sparse_dataset(spec: str, folder: Path, options: Mapping[str, Any]) -> SparseDataset:
    """Read or generate sparse data, which is kept in `folder`, and say what it is."""
    with console.status(f"reading {spec}"):
        data = open_sparse_dataset(spec, folder, queries=options["queries"])
    remark(describe_sparse(data))
    return data


def read_multi_dataset(spec: str, folder: Path, options: Mapping[str, Any]) -> MultiDataset:
    """Read or generate multi-vectors, which are kept in `folder`, and say what they are."""
    with console.status(f"reading {spec}"):
        data = open_multi_dataset(spec, folder, rows=options["rows"], queries=options["queries"])
    remark(describe_multi(data))
    return data


def read_texts(spec: str) -> TextDataset:
    """Read texts, and say what they are."""
    data = open_texts(spec)
    texts, queries = len(data.texts), len(data.queries)
    remark(f"{data.name}: {texts:,} texts, {queries:,} queries, hash {data.content_hash}")
    return data


def read_truth(data: Dataset, k: int, out: Path, step: Progress) -> Truth:
    """Compute the exact answers, or take them from the cache under `out`."""
    truth, cached = cached_truth(data, k, out / "truth", lambda share: step("exact truth", share))
    source = "from the cache" if cached else "computed"
    remark(f"exact truth of {len(data.queries):,} queries: {source}")
    return truth


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar that shows one stage at a time; in a log, a line for each stage."""
    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.TimeElapsedColumn(),
    )
    with rich_progress.Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=1.0)
        shown = ""

        def step(stage: str, share: float) -> None:
            nonlocal shown
            progress.update(task, description=stage, completed=share)
            if stage != shown and not console.is_terminal:
                remark(stage)
            shown = stage

        yield step


@contextmanager
def timing_watch() -> Iterator[Watch]:
    """Warn before and after when other work on the machine spoils the timings inside."""
    warn(load_warning())
    watch = Watch()
    yield watch
    warn(watch.warning())


def warn(message: str | None) -> None:
    """Print a warning, if there is one."""
    if message is not None:
        remark("[yellow]warning:[/yellow]", message)


def skipped(peers: Sequence[MissingPeer]) -> None:
    """Say which engines are left out, and why."""
    for one in peers:
        remark(f"[yellow]{one}[/yellow]")


def remark(*words: str) -> None:
    """Print a line as it is, but for its markup."""
    console.print(*words, highlight=False)


def show(*tables: Table) -> None:
    """Print tables with air between them."""
    for one in tables:
        console.print()
        show_table(one, console)


def report(out: Path, kind: str, data: Described, rows: Sequence[dict[str, Any]]) -> None:
    """Append the records and say where they are."""
    path = append_records(out, kind, data, rows)
    remark(f"\n{len(rows)} records appended to {path}")
