"""How many rows lists are to score exactly, so that codes lose no more than is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array
from ..effort.crowds import DEPTH
from ..effort.ladder import KS
from ..effort.signals import FEWEST_RANKED, Seen, Signals, signals_of, widest
from ..protocol import Arrays
from ..rows.neighbors import Neighbors
from .knobs import IvfKnobs

LOST_LITTLE = 0.001
"""A width that loses no more is wide enough for any target; wider ones are not measured."""
# Shares of k that are scored exactly, as measured.
_WIDTHS = (1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0)
# Where nothing was measured yet.
_USUAL_WIDTH = 4.0
# Lists read while the widths are measured: enough that codes decide.
_WIDTH_PROBES = 32
_LOSSES, _ALIKE = "table.losses", "table.alike"
_PREFIX = "widths."

Found = Callable[[int, IvfKnobs], tuple[Neighbors, NDArray[np.float32]]]
"""``found(k, knobs)``: results, and ``(q, 2)`` how far the next list and the last row scored are."""


@dataclass(frozen=True)
class Widths:
    """What codes lose by how many rows are scored exactly.

    Parameters
    ----------
    losses
        ``(len(KS), len(_WIDTHS))``: which share of the nearest rows codes lose.
    alike
        How many rows are one answer, as they are copies of each other; results are counted by answers.
    signals
        How far the last row scored is to be; None where it does not matter.
    """

    losses: NDArray[np.float32]
    alike: int = 1
    signals: Signals | None = None

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Widths:
        """Read it out of the arrays of an index, what is usual where it was not measured."""
        usual = np.tile(np.float32(np.array(_WIDTHS) < _USUAL_WIDTH), (len(KS), 1))
        if _LOSSES not in arrays:
            return cls(usual)
        losses = check_array(_LOSSES, arrays, np.float32, usual.shape)
        if _ALIKE not in arrays:
            return cls(losses)
        alike = max(1, int(check_array(_ALIKE, arrays, np.int64, (1,))[0]))
        return cls(losses, alike, Signals.from_arrays(_WIDTHS, arrays, _PREFIX))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return it as arrays of an index."""
        arrays: dict[str, NDArray[Any]] = {_LOSSES: self.losses, _ALIKE: np.array([self.alike], np.int64)}
        return arrays if self.signals is None else arrays | self.signals.to_arrays(_PREFIX)

    def answers(self, k: int) -> int:
        """Return how many answers ``k`` results are."""
        return -(-k // self.alike)

    def width(self, k: int, lost: float) -> int:
        """Return how many rows are to be scored exactly so that codes lose no more than that."""
        answers = self.answers(k)
        widths = [float(np.interp(-lost, -losses, _WIDTHS)) for losses in self.losses]
        share = float(np.interp(math.log(answers), np.log(KS), widths))
        return max(k, math.ceil(answers * self.alike * share))

    def lost(self, k: int, rescored: int) -> float:
        """Return what codes cost of the recall where so many rows are scored exactly."""
        answers = self.answers(k)
        share = rescored / (answers * self.alike)
        losses = [float(np.interp(share, _WIDTHS, losses)) for losses in self.losses]
        return float(np.interp(math.log(answers), np.log(KS), losses))

    def watching(self, knobs: IvfKnobs, k: int, share: float = 1.0) -> IvfKnobs:
        """Return knobs with what rows are watched for in a search for ``k`` results."""
        answers = max(FEWEST_RANKED, self.answers(k))
        rank = answers * self.alike
        rescore = max(rank, knobs.rescore)
        asked = 0.0 if self.signals is None else self.signals.asked_at(answers, rescore / rank)
        # Of what is in scope all may be far, where codes misplace more.
        most = math.ceil(widest(rescore) / max(share, 1e-9))
        return replace(knobs, rescore=rescore, rank=rank, last_row=asked, most_rows=most)


def widths_of(
    found: Found, n: int, higher_is_nearer: bool, alike: int, groups: NDArray[np.bool_] | None
) -> Widths:
    """Return what codes lose of ``n`` rows, in the group of queries where it is most.

    With groups, the queries were made from rows. Of such a query that row is the nearest whatever codes lose:
    what one result needs is taken to be a third of what ten do, where it is a quarter to a fifth.
    """
    chosen = [slice(None)] if groups is None else groups
    wanted = {k: min(n, k if alike == 1 else min(k * alike, DEPTH)) for k in KS}
    best = {k: found(most, _knobs(most, _WIDTHS[-1])) for k, most in wanted.items()}

    def missed(k: int, knobs: IvfKnobs) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        near, reached = found(wanted[k], knobs)
        kth = best[k][0].scores[:, -1:]
        same = near.scores >= kth if higher_is_nearer else near.scores <= kth
        return reached[:, 1], 1 - same.mean(axis=1)

    seen: Seen = {}
    for k, most in wanted.items():
        for width in _WIDTHS[:-1] if k >= FEWEST_RANKED else ():
            seen[k, width] = missed(k, replace(_knobs(most, width), rank=most))
            if seen[k, width][1].mean() <= LOST_LITTLE:
                break
    watching = Widths(np.zeros((len(KS), len(_WIDTHS)), np.float32), alike, signals_of(_WIDTHS, seen))
    losses = watching.losses
    for place, k in enumerate(KS):
        for column, width in enumerate(_WIDTHS[:-1]):
            each = missed(k, watching.watching(_knobs(wanted[k], width), wanted[k]))[1]
            losses[place, column] = max(each[group].mean() for group in chosen)
            if losses[place, column] <= LOST_LITTLE:
                break
    np.minimum.accumulate(losses, axis=1, out=losses)
    if groups is not None:
        losses[0] = np.interp(np.array(_WIDTHS) * 0.3, _WIDTHS, losses[1])
    return watching


def _knobs(k: int, width: float) -> IvfKnobs:
    return IvfKnobs(_WIDTH_PROBES, math.ceil(k * width))
