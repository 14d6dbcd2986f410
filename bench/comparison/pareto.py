"""Comparing engines at equal recall.

A sweep gives points of recall and time. Only points that no other point of the same build beats in both stand
on its front, and times between two neighbouring points are interpolated in the logarithm. Beyond the ends
nothing is said.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

LEVELS = (0.90, 0.95, 0.99)


class Contender(Protocol):
    """What may stand on the front: a time at a recall."""

    @property
    def recall(self) -> float: ...
    @property
    def seconds(self) -> float: ...


M = TypeVar("M", bound=Contender)


@dataclass(frozen=True)
class AtRecall:
    """The time an engine needs at a recall, and the build that needs it."""

    seconds: float
    build: str


def pareto_front(points: Iterable[M]) -> list[M]:
    """The points that no other beats, by rising recall (and so by rising time)."""
    front: list[M] = []
    for point in sorted(points, key=lambda point: (-point.recall, point.seconds)):
        if not front or point.seconds < front[-1].seconds:
            front.append(point)
    return front[::-1]


def seconds_at(points: Sequence[Contender], recall: float) -> float | None:
    """Time at a recall by interpolation along the front of `points`; None outside of what was measured.

    Parameters
    ----------
    points : sequence
        Points of one build.
    recall : float
        Between 0 and 1.
    """
    front = pareto_front(points)
    for point in front:
        if point.recall == recall:
            return point.seconds
    for below, above in itertools.pairwise(front):
        if below.recall < recall < above.recall:
            share = (recall - below.recall) / (above.recall - below.recall)
            return math.exp((1 - share) * math.log(below.seconds) + share * math.log(above.seconds))
    return None


def best_at(builds: Mapping[str, Sequence[Contender]], recall: float) -> AtRecall | None:
    """The fastest build of one engine at a recall."""
    times = ((seconds_at(points, recall), name) for name, points in builds.items())
    reached = [AtRecall(seconds, name) for seconds, name in times if seconds is not None]
    return min(reached, key=lambda at: at.seconds, default=None)
