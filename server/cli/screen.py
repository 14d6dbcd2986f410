"""What commands print on: one console, and progress bars that look the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ...engine.progress import Progress as Report

console = Console(highlight=False)


@contextmanager
def bars() -> Iterator[Progress]:
    """Show progress bars with a name, a fraction, a note and the time."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
        TimeElapsedColumn(),
        console=console,
    ) as shown:
        yield shown


@contextmanager
def stages() -> Iterator[Report]:
    """Show one bar a stage of work that the engine reports on."""
    with bars() as shown:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, fraction: float) -> None:
            if stage not in tasks:
                tasks[stage] = shown.add_task(stage, total=1.0, note="")
            shown.update(tasks[stage], completed=fraction)

        yield report
