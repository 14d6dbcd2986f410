"""What commands print on: one console, and progress bars that look the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ...engine.progress import Progress as Report
from ...indexes.kernels.compiling import shown_by

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
        disable=not console.is_terminal,
    ) as shown:
        kernels: dict[str, TaskID] = {}

        def compiled(kernel: str, done: int, functions: int) -> None:
            if kernel not in kernels:
                kernels[kernel] = shown.add_task(f"compiling {kernel}", total=functions, note="")
            shown.update(kernels[kernel], completed=done)

        # What a search or a build compiles would otherwise be written across the bars.
        with shown_by(compiled):
            try:
                yield shown
            except BaseException:
                # A bar that stands still above an error looks like work that goes on.
                shown.live.transient = True
                raise


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
