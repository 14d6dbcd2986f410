"""How hard a search of token lists tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..effort.whole_number import whole_number

MOST = 1 << 20
"""The most candidates, lists or tokens that a caller may ask for."""
_NAMES = ("candidates", "n_probe", "tokens")


@dataclass(frozen=True, slots=True)
class TokenListsKnobs:
    """How token lists are searched.

    Parameters
    ----------
    candidates
        How many rows are scored exactly.
    n_probe
        How many lists each token of the query reads; 0 for as many as fit the candidates.
    tokens
        How many of the tokens in those lists, the nearest by their codes, count for each token of the query;
        0 for as many as fit the candidates.
    """

    candidates: int
    n_probe: int = 0
    tokens: int = 0


def knobs_from(given: Mapping[str, float]) -> TokenListsKnobs:
    """Return what a caller said, checked."""
    unknown = sorted(given.keys() - set(_NAMES))
    if unknown:
        raise ValueError(
            f"an index of token lists has no knob {unknown[0]!r}; it takes candidates, n_probe and tokens"
        )
    if "candidates" not in given:
        raise ValueError("candidates say how hard a search of token lists tries; give them too")
    return TokenListsKnobs(**{name: whole_number(name, value, MOST) for name, value in given.items()})
