"""How hard a search of encodings tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    value = given["candidates"]
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    if not whole or not 1 <= value <= MOST:
        raise ValueError(f"candidates is {value!r}; expected a whole number from 1 to {MOST:,}")
    return MuveraKnobs(int(value), inner.knobs(own) if own else None)
