"""How hard a search of cells tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..effort.whole_number import whole_number

WIDEST = 65_536
"""The most cells and the most rows scored exactly that a caller may ask for."""


@dataclass(frozen=True, slots=True)
class CellKnobs:
    """How cells are searched.

    Parameters
    ----------
    cells
        How many of the cells nearest to a query are visited; 0 for all, of which the codes are compared in
        the order of the rows.
    rescore
        How many rows, the nearest by their codes, are scored exactly; 0 for as many as the recall takes.
    patience
        Where few rows near a query are in scope cells are visited until this share of all that was compared,
        above 0 and up to 1, brought nothing nearer; 0 for what was measured to be enough.
    """

    cells: int
    rescore: int = 0
    patience: float = 0.0


def knobs_from(given: Mapping[str, float]) -> CellKnobs:
    """Return what a caller said, checked; ValueError in words for the caller."""
    unknown = sorted(given.keys() - {"cells", "rescore", "patience"})
    if unknown:
        raise ValueError(f"curator has no knob {unknown[0]!r}; it takes cells, rescore and patience")
    if "cells" not in given:
        raise ValueError(f"{dict(given)} says nothing of how many cells are visited; give cells too")
    whole = {name: whole_number(name, given[name], WIDEST) for name in given if name != "patience"}
    return CellKnobs(**whole, patience=checked_patience(given))


def checked_patience(given: Mapping[str, float]) -> float:
    """Return the patience that a caller gave, 0 for none; ValueError unless it is a share."""
    patience = given.get("patience", 0.0)
    if isinstance(patience, bool) or not 0 <= patience <= 1:
        raise ValueError(f"patience is {patience!r}; expected a share, 0 to 1")
    return float(patience)
