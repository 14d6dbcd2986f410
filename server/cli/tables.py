"""Tables that are read whole: nothing in them is cut off, whatever the width."""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from .screen import console as screen

# Above the width of any table.
_UNBOUND = 100_000


def show_table(table: Table, console: Console = screen) -> None:
    """Print a table; where a terminal is too narrow for its lines, print each row as lines of its own.

    In a pipe lines are as wide as they have to be, and columns stand two spaces apart or more.
    """
    width = Measurement.get(console, console.options.update(width=_UNBOUND), table).maximum
    if width <= console.width:
        console.print(table)
    elif not console.is_terminal:
        wide = Console(file=console.file, width=width, highlight=False, no_color=console.no_color)
        wide.print(table)
    elif table.show_header:
        _show_rows(table, console)
    else:
        for column in table.columns:
            column.overflow = "fold"
        console.print(table)


def _show_rows(table: Table, console: Console) -> None:
    if table.title:
        console.print(table.title, style="table.title")
    columns = [(column.header, list(column.cells)) for column in table.columns]
    for row in range(table.row_count):
        if row:
            console.print()
        lines = Table.grid(padding=(0, 2))
        lines.add_column(style="dim")
        lines.add_column(overflow="fold")
        for header, cells in columns:
            lines.add_row(header, cells[row])
        console.print(lines)
