"""A figure that was asked for, what was measured, and whether that is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from ...report.tables import NOTHING, table


@dataclass(frozen=True)
class Figure:
    """One line of the result.

    Attributes
    ----------
    name : str
        What was measured.
    asked, measured : str
        What there should be and what there is, in words.
    holds : bool or None
        Whether it is enough; None when nothing was asked.
    record : dict
        The numbers, for the result records.
    """

    name: str
    asked: str
    measured: str
    holds: bool | None = None
    record: dict[str, Any] = field(default_factory=dict)

    def as_record(self) -> dict[str, Any]:
        """The figure as it stands in a result record."""
        words = {"figure": self.name, "asked": self.asked, "measured": self.measured, "holds": self.holds}
        return {**words, **self.record}


def figures_table(title: str, figures: Sequence[Figure]) -> Table:
    """Figures for a terminal."""
    verdicts = {True: "[green]holds[/green]", False: "[red]falls short[/red]", None: NOTHING}
    rows = [[one.name, one.asked or NOTHING, one.measured, verdicts[one.holds]] for one in figures]
    made = table(title, ("figure", "asked", "measured", "verdict"), rows)
    for column in made.columns:
        column.justify, column.no_wrap = "left", False
    made.columns[-1].no_wrap = True
    return made
