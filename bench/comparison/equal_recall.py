"""Engines at equal recall: efforts are chosen on one half of the queries and measured on the other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..kept_peers import KeptSearcher
from ..peers import Effort

LEVELS = (0.90, 0.95, 0.99, 0.995, 0.999)
# What just reaches a level on one half may miss it on the other; one is chosen that goes on so much of the
# way to 1.
SPARE = 0.15
WARM_UP = 50


class Half(Protocol):
    """Half of the queries with their exact answers."""

    @property
    def k(self) -> int: ...

    def asked(self, searcher: Any) -> list[Any]:
        """Return the queries in the form that a searcher takes."""
        ...

    def recall(self, ids: NDArray[np.int64]) -> float:
        """Return the recall of answers, (queries, k) row numbers."""
        ...


@dataclass(frozen=True, eq=False)
class Answered:
    """What one way to search answered.

    Attributes
    ----------
    effort : Effort
    recall : float
    seconds : ndarray
        Of each query: the median of its passes.
    cores : float
        Cores that this process kept busy meanwhile.
    """

    effort: Effort
    recall: float
    seconds: NDArray[np.float64]
    cores: float

    @property
    def mean(self) -> float:
        """Seconds a query takes on average."""
        return float(self.seconds.mean())


def tuned(
    searcher: KeptSearcher, efforts: Sequence[Effort], half: Half, levels: Sequence[float] = LEVELS
) -> list[Effort]:
    """Choose the quickest efforts that reach each level of recall, just so and surely; each once.

    If none reaches the lowest level, the one of the best recall is chosen.
    """
    found = [answered(searcher, effort, half, 1) for effort in efforts]
    chosen = {one.label: one for one in efforts if one.promised}
    for level in (*levels, *(level + SPARE * (1 - level) for level in levels)):
        reaching = [one for one in found if one.recall >= level]
        if reaching:
            best = min(reaching, key=lambda one: one.mean).effort
            chosen[best.label] = best
    if not any(one.recall >= levels[0] for one in found):
        best = max(found, key=lambda one: one.recall).effort
        chosen[best.label] = best
    return list(chosen.values())


def answered(searcher: KeptSearcher, effort: Effort, half: Half, passes: int) -> Answered:
    """Ask all queries one by one, so many times over."""
    search = searcher.search(effort, half.k)
    asked = half.asked(searcher)
    for one in asked[:WARM_UP]:
        search(one)
    answers: list[Any] = []
    seconds = np.empty((passes, len(asked)))
    started, cpu = time.perf_counter(), time.process_time()
    for line in seconds:
        answers.clear()
        for place, one in enumerate(asked):
            began = time.perf_counter()
            answer = search(one)
            line[place] = time.perf_counter() - began
            answers.append(answer)
    cores = (time.process_time() - cpu) / (time.perf_counter() - started)
    recall = half.recall(row_numbers(searcher, answers, half.k))
    return Answered(effort, recall, np.median(seconds, axis=0), cores)


def row_numbers(searcher: KeptSearcher, answers: Sequence[Any], k: int) -> NDArray[np.int64]:
    """Return the rows in answers, -1 where there were fewer than k."""
    ids = np.full((len(answers), k), -1, dtype=np.int64)
    for line, answer in zip(ids, answers, strict=True):
        rows = list(searcher.rows(answer))[:k]
        line[: len(rows)] = rows
    return ids


def best_at(points: Sequence[tuple[str, Answered]], level: float) -> Iterator[tuple[str, Answered]]:
    """Yield of every engine, by name, the quickest that reaches a level of recall."""
    for name in dict.fromkeys(name for name, _ in points):
        reaching = [one for other, one in points if other == name and one.recall >= level]
        if reaching:
            yield name, min(reaching, key=lambda one: one.mean)
