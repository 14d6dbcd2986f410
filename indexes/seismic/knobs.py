"""How hard a search of blocks tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..effort.whole_number import whole_number

MOST_LISTS = 64
"""The most lists that are visited for a query."""


@dataclass(frozen=True, slots=True)
class SeismicKnobs:
    """How blocks are searched.

    Parameters
    ----------
    query_cut
        How many of a query's heaviest terms have their lists visited; 0 means that every row in scope is
        scored instead.
    heap_factor
        A block is visited when its summary's score is more than so many times the score of the last result so
        far: lower is safer, as in Seismic's own program (the paper divides by it).
    """

    query_cut: int
    heap_factor: float


def knobs_from(given: Mapping[str, float]) -> SeismicKnobs:
    """Return what a caller said, checked."""
    unknown = sorted(given.keys() - {"query_cut", "heap_factor"})
    if unknown:
        raise ValueError(f"a seismic index has no knob {unknown[0]!r}; it takes query_cut and heap_factor")
    if "query_cut" not in given:
        raise ValueError("heap_factor alone does not say how many lists to visit; give query_cut too")
    cut = whole_number("query_cut", given["query_cut"], MOST_LISTS)
    factor = given.get("heap_factor", 0.9)
    if not isinstance(factor, int | float) or isinstance(factor, bool) or not 0 <= factor <= 10:
        raise ValueError(f"heap_factor is {factor!r}; expected a number from 0 to 10")
    return SeismicKnobs(cut, float(factor))
