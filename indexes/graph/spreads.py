"""How far pools are spread around their results, as measured, and what a walk goes on for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..effort.ladder import KS
from ..protocol import Arrays

_USUAL, _LEAST, _LONGEST = "table.spread", "table.least_spread", "table.longest"
# The shares of the queries of a measurement whose pools are spread less than is usual, and than is known.
_USUAL_SHARE, _LEAST_SHARE = 0.5, 0.01
# Pools that reach so many times as far as their results hold what is wanted whatever others did.
_ENOUGH = 1.15
# Pools that are spread no farther hold nothing but copies of their results.
_ALIKE = 1.001
# Rows of a pool behind its results: of fewer the last are hardly farther, whatever comes after them.
_BEHIND = 12


@dataclass(frozen=True)
class Spreads:
    """What spread is asked of the pools of a walk.

    Parameters
    ----------
    rungs
        Widths that were measured, ascending.
    usual
        ``(len(KS), len(rungs))``: how many times as far from the query as the k-th row the last of a pool is.
    least
        The same of the queries whose pools are spread least.
    longest
        Length of the longest row, under the dot product.
    """

    rungs: tuple[int, ...]
    usual: NDArray[np.float32]
    least: NDArray[np.float32]
    longest: float

    @classmethod
    def from_arrays(cls, rungs: tuple[int, ...], arrays: Arrays) -> Spreads | None:
        """Read it out of the arrays of an index, None where it was not measured."""
        if _LEAST not in arrays:
            return None
        shape = len(KS), len(rungs)
        usual, least = (check_array(name, arrays, np.float32, shape) for name in (_USUAL, _LEAST))
        return cls(rungs, usual, least, float(check_array(_LONGEST, arrays, np.float32, (1,))[0]))

    @classmethod
    def unmeasured(cls, rungs: tuple[int, ...], longest: float) -> Spreads:
        """Return what asks for nothing."""
        nothing = np.zeros((len(KS), len(rungs)), np.float32)
        return cls(rungs, nothing, nothing, longest)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return it as arrays of an index."""
        known = {_USUAL: self.usual, _LEAST: self.least}
        return known | {_LONGEST: np.array([self.longest], np.float32)}

    def usual_at(self, k: float, ef: float) -> float:
        """Return how far pools of ``ef`` for ``k`` results are spread, 0 where nothing is known.

        No pool is too narrow to say: as much is asked of it as of the narrowest that does.
        """
        return self._at(self.usual, k, max(ef, narrowest(k)))

    def least_at(self, k: float, ef: float) -> float:
        """Return how far those are spread that are spread least."""
        return self._at(self.least, k, ef)

    def _at(self, known_at: NDArray[np.float32], k: float, ef: float) -> float:
        above = next((i for i, known in enumerate(KS) if known >= k), len(KS) - 1)
        high = self._scaled(known_at, above, k, ef)
        low = self._scaled(known_at, above - 1, k, ef) if KS[above] > k else 0.0
        # Of one result nothing was measured.
        if not low:
            return high
        return low + (high - low) * (k - KS[above - 1]) / (KS[above] - KS[above - 1])

    def _scaled(self, known_at: NDArray[np.float32], row: int, k: float, ef: float) -> float:
        """Return how far a pool is spread that holds so many times its results, as measured of others."""
        scaled, told = ef * KS[row] / k, narrowest(KS[row])
        spread = float(np.interp(scaled, self.rungs, known_at[row]))
        if scaled >= told or KS[row] == k or not spread:
            return spread
        # Rows about a query are as many as a power of their distance.
        return math.pow(spread, max(0.0, math.log(scaled / KS[row]) / math.log(told / KS[row])))


def spreads_of(
    rungs: tuple[int, ...], reached: dict[tuple[int, int], NDArray[np.float32]], longest: float
) -> Spreads:
    """Return what is known of pools, given how far those of each query are spread, by k and width."""

    def at(share: float) -> NDArray[np.float32]:
        table = np.zeros((len(KS), len(rungs)), np.float32)
        for row, k in enumerate(KS):
            for place, rung in enumerate(rungs):
                found = reached.get((k, rung), np.zeros(0, np.float32))
                if (found > 0).any():
                    table[row, place] = min(_ENOUGH, float(np.quantile(found[found > 0], share)))
            known = np.flatnonzero(table[row] > _ALIKE)
            if len(known):
                # Of pools too narrow to say, or full of copies, as much is asked as of the narrowest other.
                table[row, : known[0]] = table[row, known[0]]
        return np.maximum.accumulate(table, axis=1)

    usual, least = at(_USUAL_SHARE), at(_LEAST_SHARE)
    for row, k in enumerate(KS):
        # Of pools too narrow to say none is spread less than others.
        least[row, [rung < narrowest(k) for rung in rungs]] = 0
    return Spreads(rungs, usual, np.minimum(least, usual), longest)


def narrowest(k: float) -> int:
    """Return the width of the narrowest pool whose spread says something of ``k`` results."""
    return math.ceil(k + _BEHIND)
