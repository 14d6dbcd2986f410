"""How hard a search of a graph tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..effort.whole_number import whole_number

WIDEST = 65_536
"""The widest walk that a caller may ask for."""


@dataclass(frozen=True, slots=True)
class HnswKnobs:
    """How a graph is searched.

    Parameters
    ----------
    ef
        Width of the walk: how many candidates it keeps. 0 means that the codes of all rows in scope are
        compared instead, as where a caller says ``rescore`` alone.
    rescore
        How many of the nearest candidates are scored exactly from the stored vectors; 0 for as many as the
        results and the width make fitting.
    """

    ef: int
    rescore: int = 0


def knobs_from(given: Mapping[str, float]) -> HnswKnobs:
    """Return what a caller said, checked: ``ef``, ``rescore`` or both."""
    unknown = sorted(given.keys() - {"ef", "rescore"})
    if unknown:
        raise ValueError(f"an hnsw index has no knob {unknown[0]!r}; it takes ef and rescore")
    # Without a width there is no walk.
    return HnswKnobs(**{"ef": 0} | {name: whole_number(name, value, WIDEST) for name, value in given.items()})
