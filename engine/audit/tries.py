"""What audits of one kind of search showed, and by how many rungs its effort is raised for that."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...indexes.effort.ladder import ENOUGH, MARGIN, standard_error

MOST_RAISED = 24
"""Rungs by which an effort is raised at most: more than any ladder has."""
_KEPT = 64
# Of fewer tries nothing is concluded, and of so many that less is enough: that can wait.
_FEWEST, _FEWEST_TO_LOWER = 8, 32


class Try(NamedTuple):
    """One search that was repeated.

    Attributes
    ----------
    k : int
    target : float
        The recall asked for.
    served : int
        By how many rungs its effort was raised.
    recall : dict of int to float
        Recall by rungs that the effort is raised by: as served, one lower unless that was none, and where
        that is short those above until it is not. Any above have at least that of the highest.
    """

    k: int
    target: float
    served: int
    recall: Mapping[int, float]

    def gap(self, rungs: int) -> float | None:
        """Return how far recall lies above what was asked for; None for fewer rungs than were tried."""
        if rungs < min(self.recall):
            return None
        # Higher rungs than those that find so much are not measured for any target.
        return self.recall[min(rungs, max(self.recall))] - min(self.target, ENOUGH)


class Tries:
    """The newest audits of one kind of search.

    An effort is raised when the mean recall of at least 8 tries, with two standard errors added, is less than
    was asked for: to the lowest rung that in these tries would have done. It is lowered by a rung when 32
    tries at that had as much with two standard errors taken off. Results of one query are missed together, so
    the error is that of queries, as where ladders are measured.

    Attributes
    ----------
    raised : int
        By how many rungs the effort is raised; 0 for what the measured ladder says.
    """

    def __init__(self) -> None:
        self.raised = 0
        self._newest: deque[Try] = deque(maxlen=_KEPT)

    def add(self, found: Try) -> None:
        """Take one more, and conclude."""
        self._newest.append(found)
        if self._falls_short():
            self.raised = self._enough()
        elif self.raised and self._less_is_enough():
            self.raised -= 1

    def __len__(self) -> int:
        return len(self._newest)

    @property
    def k(self) -> int:
        """How many results they asked for at most."""
        return max(one.k for one in self._newest)

    @property
    def targets(self) -> NDArray[np.float64]:
        """What recall was asked for, ``(n,)``."""
        return np.array([one.target for one in self._newest])

    @property
    def recalls(self) -> NDArray[np.float64]:
        """What recall the answers had that callers got, ``(n,)``."""
        return np.array([one.recall[one.served] for one in self._newest])

    def _gaps(self, rungs: int) -> NDArray[np.float64]:
        gaps = (one.gap(rungs) for one in self._newest)
        return np.array([gap for gap in gaps if gap is not None])

    def _error(self, gaps: NDArray[np.float64]) -> float:
        return MARGIN * standard_error(gaps, min(one.k for one in self._newest))

    def _falls_short(self) -> bool:
        gaps = self._gaps(self.raised)
        return len(gaps) >= _FEWEST and float(gaps.mean()) + self._error(gaps) < 0

    def _less_is_enough(self) -> bool:
        gaps = self._gaps(self.raised - 1)
        return len(gaps) >= _FEWEST_TO_LOWER and float(gaps.mean()) - self._error(gaps) >= 0

    def _enough(self) -> int:
        """Return the lowest number of rungs that would have done, that which did best where none would."""
        means = {rungs: float(self._gaps(rungs).mean()) for rungs in range(self.raised, MOST_RAISED + 1)}
        reached = [rungs for rungs, mean in means.items() if mean >= 0]
        return reached[0] if reached else max(means, key=means.__getitem__)
