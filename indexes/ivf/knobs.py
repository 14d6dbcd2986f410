"""How hard a search of inverted lists tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..effort.whole_number import whole_number

MOST = 1 << 20
"""The most lists or rows that a caller may ask for."""


@dataclass(frozen=True, slots=True)
class IvfKnobs:
    """How lists are searched.

    Parameters
    ----------
    n_probe
        How many of the nearest lists are read.
    rescore
        How many of the rows that the codes say are nearest are scored exactly from the stored vectors; 0 for
        as many as the results and the codec make fitting. Without a codec every row is.
    rank
        Of the row by codes that stands for the results; 0 where a search does no more than it was told to.
    next_list, last_row
        How many times as far from the query as that row the next list is to be, and the last row that is
        scored exactly; more lists are read, and more rows scored, until they are.
    most_lists, most_rows
        How many that may become.
    """

    n_probe: int
    rescore: int = 0
    rank: int = 0
    next_list: float = 0.0
    last_row: float = 0.0
    most_lists: int = 0
    most_rows: int = 0


def knobs_from(given: Mapping[str, float]) -> IvfKnobs:
    """Return what a caller said, checked."""
    unknown = sorted(given.keys() - {"n_probe", "rescore"})
    if unknown:
        raise ValueError(f"an ivf index has no knob {unknown[0]!r}; it takes n_probe and rescore")
    if "n_probe" not in given:
        raise ValueError("rescore alone does not say how many lists are read; give n_probe too")
    return IvfKnobs(**{name: whole_number(name, value, MOST) for name, value in given.items()})
