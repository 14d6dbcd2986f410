"""What tells a query that is hard from those that were measured, and from where on a search goes on for it.

A signal is a number that a search has of a query when its effort is spent, and that is the lower the likelier
something was missed: how far beyond the results is what would be looked at next. What it is, the index knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..protocol import Arrays
from .ladder import KS

_ASKED = "table.signal"
FEWEST_RANKED = KS[1]
"""How many results a signal is of at least: of fewer it says little."""
# A search goes on where its signal is below that of this share of the queries measured at its rung.
_SHARE = 0.9
# From where on less than this share of the results is missed, whatever the rung, nothing goes on; of so many
# queries with about the same signal.
_MISSED, _ABOUT = 0.002, 64
# How far: so many times as far as it was told to, or so far.
_WIDER, _WIDE_ENOUGH = 8, 128


Seen = dict[tuple[int, float], tuple[NDArray[np.float32], NDArray[np.float64]]]
"""By k and rung, the signal of each query and the share of its results that it missed."""


@dataclass(frozen=True)
class Signals:
    """From which signal on a search has done enough.

    Parameters
    ----------
    rungs
        Values of the knob that were measured, ascending.
    asked
        ``(len(KS), len(rungs))``; 0 where a search never goes on.
    """

    rungs: tuple[float, ...]
    asked: NDArray[np.float32]

    @classmethod
    def from_arrays(cls, rungs: tuple[float, ...], arrays: Arrays, prefix: str = "") -> Signals | None:
        """Read it out of the arrays of an index, None where it was not measured.

        ``prefix`` is what the names begin with where a search has several knobs to go on with.
        """
        name = prefix + _ASKED
        if name not in arrays:
            return None
        return cls(rungs, check_array(name, arrays, np.float32, (len(KS), len(rungs))))

    def to_arrays(self, prefix: str = "") -> dict[str, NDArray[Any]]:
        """Return it as arrays of an index."""
        return {prefix + _ASKED: self.asked}

    def asked_at(self, k: int, knob: float) -> float:
        """Return the signal that is enough for ``k`` results, of which there are enough to say."""
        row = next((i for i, known in enumerate(KS) if known >= k), len(KS) - 1)
        return float(np.interp(knob, self.rungs, self.asked[row]))


def widest(knob: int) -> int:
    """Return how far the knob of a search may go on."""
    return max(_WIDER * knob, _WIDE_ENOUGH)


def signals_of(rungs: tuple[float, ...], seen: Seen) -> Signals:
    """Return what is asked of signals, given those that were seen.

    A signal of 0 says nothing.
    """
    asked = np.zeros((len(KS), len(rungs)), np.float32)
    for row, k in enumerate(KS):
        known = {rung: found for (of, rung), found in seen.items() if of == max(k, FEWEST_RANKED)}
        if not known:
            continue
        enough = _enough(*(np.concatenate(part) for part in zip(*known.values(), strict=True)))
        for place, rung in enumerate(rungs):
            signal = known.get(rung, (np.zeros(0, np.float32),))[0]
            if (signal > 0).any():
                asked[row, place] = min(enough, float(np.quantile(signal[signal > 0], _SHARE)))
    return Signals(rungs, asked)


def _enough(signal: NDArray[np.float32], missed: NDArray[np.float64]) -> float:
    """Return from which signal on hardly anything is missed, endless where it always is."""
    order = np.argsort(-signal, kind="stable")
    order = order[signal[order] > 0]
    sums = np.concatenate([[0.0], np.cumsum(missed[order])])
    about = (sums[_ABOUT:] - sums[:-_ABOUT]) / _ABOUT
    over = np.flatnonzero(about > _MISSED)
    if not len(about) or (len(over) and not over[0]):
        return np.inf
    return float(signal[order[(over[0] if len(over) else len(about)) + _ABOUT - 2]])
