"""What is printed as a table is whole, whatever is in it and however wide the screen is."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from vicinal.server.cli.tables import show_table

# Words as cells have them: some longer than any screen.
WORDS = st.lists(st.text("abcXYZ019_.,%", min_size=1, max_size=90), min_size=1, max_size=3).map(" ".join)


@pytest.mark.parametrize("terminal", [True, False])
@settings(max_examples=25)
@given(data=st.data(), width=st.sampled_from([40, 80, 200]), n_columns=st.integers(1, 9))
def test_every_header_and_cell_is_there(
    terminal: bool, data: st.DataObject, width: int, n_columns: int
) -> None:
    headers = [f"column-{number}" for number in range(n_columns)]
    rows = data.draw(
        st.lists(st.lists(WORDS, min_size=n_columns, max_size=n_columns), min_size=1, max_size=3)
    )
    table = Table(*headers, box=None)
    for row in rows:
        table.add_row(*row)
    printed = io.StringIO()
    show_table(table, Console(file=printed, width=width, force_terminal=terminal, color_system=None))
    lines = printed.getvalue().splitlines()
    assert not terminal or max(map(len, lines)) <= width
    shown = "".join(printed.getvalue().split())
    for cell in [*headers, *(cell for row in rows for cell in row)]:
        assert "".join(cell.split()) in shown
