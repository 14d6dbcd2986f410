"""How hard a search of a graph tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..cells.knobs import checked_patience
from ..effort.whole_number import whole_number

WIDEST = 65_536
"""The widest walk that a caller may ask for."""


@dataclass(frozen=True, slots=True)
class HnswKnobs:
    """How a graph is searched.

    Parameters
    ----------
    ef
        Width of the walk: how many candidates it keeps. 0 means that there is no walk: the codes of all rows
        in scope are compared instead, as where a caller says ``rescore`` alone, or of those in ``cells``.
    rescore
        How many of the nearest candidates are scored exactly from the stored vectors; 0 for as many as the
        results and the width make fitting.
    cells
        Under a filter: how many of the clusters nearest to a query are visited, whose rows in scope are
        compared by their codes. 0 for none.
    patience
        Where few rows near a query are in scope cells are visited until this share of all that was compared,
        above 0 and up to 1, brought nothing nearer; 0 for what was measured to be enough.
    spread, goal
        A walk goes on where the last of its candidates is less than ``spread`` times as far from the query as
        the last of the results, until it is ``goal`` times as far; 0 for a walk that ends at ``ef``.
    least, far_goal
        Where it is even less than ``least`` times as far, the walk goes on until ``far_goal``.
    widest
        How many candidates such a walk keeps at most.
    rank
        Which of the candidates in scope counts as the last of the results; 0 for the usual one.
    """

    ef: int
    rescore: int = 0
    cells: int = 0
    patience: float = 0.0
    spread: float = 0.0
    goal: float = 0.0
    least: float = 0.0
    far_goal: float = 0.0
    widest: int = 0
    rank: int = 0


def knobs_from(given: Mapping[str, float]) -> HnswKnobs:
    """Return what a caller said, checked."""
    unknown = sorted(given.keys() - {"ef", "rescore", "cells", "patience"})
    if unknown:
        raise ValueError(
            f"an hnsw index has no knob {unknown[0]!r}; it takes ef or cells, rescore and patience"
        )
    if {"ef", "cells"} <= given.keys():
        raise ValueError(f"{dict(given)} was given; give ef, for a walk of the graph, or cells, and not both")
    if given.keys() == {"patience"}:
        raise ValueError("patience alone says nothing of a search; give ef or cells too")
    whole = {name: whole_number(name, given[name], WIDEST) for name in given if name != "patience"}
    return HnswKnobs(**({"ef": 0} | whole), patience=checked_patience(given))
