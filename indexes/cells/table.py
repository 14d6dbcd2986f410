"""What cells bring under a filter, as measured when an index is built."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..effort.ladder import KS, behind
from ..protocol import Arrays

SHARES = (1 / 128, 1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Shares of the rows, drawn at random, that filters let through while cells are measured."""
RUNGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096)
"""How many cells are visited."""
PATIENCES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Shares of what was compared that bring nothing before a query ends whose filter is thin near it."""
_RECALL, _PATIENCE = "recall", "patience"
USUAL_PATIENCE = 0.8
FEWEST_CELLS = 16
"""Cells that are visited at least where a filter is known to be thin, as measured."""


@dataclass(frozen=True)
class CellTable:
    """Measured recall of cells.

    Parameters
    ----------
    recall
        ``(len(SHARES), len(KS), len(RUNGS))``: what is safe to promise where chance spreads the allowed rows.
    patience
        ``(len(KS), len(PATIENCES))``: the same where the filter bars what is near.
    """

    recall: NDArray[np.float32]
    patience: NDArray[np.float32]

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> CellTable | None:
        """Read it out of the arrays of cells, None when they hold nothing."""
        if _RECALL not in arrays:
            return None
        recall = check_array(_RECALL, arrays, np.float32, (len(SHARES), len(KS), len(RUNGS)))
        return cls(recall, check_array(_PATIENCE, arrays, np.float32, (len(KS), len(PATIENCES))))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return it as arrays."""
        return {_RECALL: self.recall, _PATIENCE: self.patience}

    def raised(self, rungs: int) -> CellTable:
        """Return the table in which each rung brings what the one so many below it was measured to bring."""
        return CellTable(behind(self.recall, rungs), behind(self.patience, rungs))

    def cells_for(self, k: int, recall: float, share: float) -> int | None:
        """Return the fewest cells that reach ``recall`` for a share of the rows.

        None where nothing that was measured does, or so small a share was not measured.
        """
        if share < SHARES[0]:
            return None
        row, more = _row(k)
        above = min(int(np.searchsorted(SHARES, share)), len(SHARES) - 1)
        needed = [_rung(self.recall[place, row], recall) for place in (max(above - 1, 0), above)]
        if needed[0] is None or needed[1] is None:
            return None
        between = np.log(SHARES[max(above - 1, 0)]), np.log(SHARES[above])
        return math.ceil(float(np.interp(np.log(share), between, (needed[0], needed[1]))) * more)

    def recall_at(self, k: int, cells: int, share: float) -> float | None:
        """Return the recall that so many cells promise, None where nothing is known."""
        if share < SHARES[0]:
            return None
        row, more = _row(k)
        at_shares = [np.interp(cells / more, RUNGS, known, left=0.0) for known in self.recall[:, row]]
        return float(np.interp(np.log(share), np.log(SHARES), at_shares))

    def patience_for(self, k: int, recall: float) -> float:
        """Return the least patience that reaches ``recall``; 1, which compares all rows, where none does."""
        reached = np.flatnonzero(self.patience[_row(k)[0]] >= recall)
        return PATIENCES[int(reached[0])] if len(reached) else 1.0


def _row(k: int) -> tuple[int, float]:
    """Return the place of the next measured ``k``, and how many times the cells are needed beyond the last.

    They grow as the root of how many results are looked for.
    """
    row = next((i for i, known in enumerate(KS) if known >= k), len(KS) - 1)
    return row, math.sqrt(max(1.0, k / KS[-1]))


def _rung(known: NDArray[np.float32], recall: float) -> float | None:
    reached = np.flatnonzero(known >= recall)
    if not len(reached):
        return None
    place = int(reached[0])
    if not place:
        return RUNGS[0]
    low, high = float(known[place - 1]), float(known[place])
    return RUNGS[place - 1] + (RUNGS[place] - RUNGS[place - 1]) * (recall - low) / max(high - low, 1e-9)
