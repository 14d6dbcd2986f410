"""How hard a search of encodings tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..effort.whole_number import whole_number
from ..protocol import IndexSpec

MOST = 65_536
"""The most candidates that a caller may ask for."""


@dataclass(frozen=True, slots=True)
class MuveraKnobs:
    """How encodings are searched.

    Parameters
    ----------
    candidates
        How many rows, the nearest by their encodings, are scored exactly; at least as many as are asked for.
    inner
        What the inner index is told to do; None for what brings it most of the candidates.
    """

    candidates: int
    inner: Any = None


def knobs_from(given: Mapping[str, float], inner: IndexSpec) -> MuveraKnobs:
    """Return what a caller said, checked; what is not of the encodings goes to the inner index."""
    own = {name: value for name, value in given.items() if name != "candidates"}
    if "candidates" not in given:
        said = f"; {sorted(own)} alone does not say it" if own else ""
        raise ValueError(f"give candidates, how many rows are scored by all of their tokens{said}")
    candidates = whole_number("candidates", given["candidates"], MOST)
    return MuveraKnobs(candidates, inner.knobs(own) if own else None)
