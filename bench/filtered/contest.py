"""The quickest of several ways to search under a filter, each tuned to the recall asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets import Dataset
from ..harness.truth import Truth, recall_by_query
from ..peers import Effort
from .cells import Question
from .searcher import Answering, FilteredSearcher, ask

# Which so many times slower than ours on the way to the recall cannot be the best.
GIVE_UP = 10.0


@dataclass(frozen=True)
class Entry:
    """What one way to search came to, on the queries that it was not tuned on.

    Attributes
    ----------
    name : str
    effort : str
    recall : float
        Mean.
    p50_us : float
    reached : bool
        Whether it reached the recall on the queries that tuned it; where not, what it did at last is told.
    """

    name: str
    effort: str
    recall: float
    p50_us: float
    reached: bool

    def record(self) -> dict[str, Any]:
        """The entry as it stands in a result record."""
        return {**vars(self), "recall": round(self.recall, 5), "p50_us": round(self.p50_us, 2)}


@dataclass(frozen=True, eq=False)
class Contest:
    """A cell in which ways to search compete.

    Attributes
    ----------
    data : Dataset
    questions : sequence of Question
    truth : Truth
    k : int
    target : float
        The mean recall to reach.
    passes : int
        Timings of each query; the median counts.
    """

    data: Dataset
    questions: Sequence[Question]
    truth: Truth
    k: int
    target: float
    passes: int

    def entries(
        self,
        ours: FilteredSearcher,
        rivals: Sequence[FilteredSearcher],
        known: dict[str, Entry] | None = None,
    ) -> list[Entry]:
        """Tune on every other query, and time the queries between them in turns.

        Parameters
        ----------
        ours : FilteredSearcher
        rivals : sequence of FilteredSearcher
            Those without such a filter are left out.
        known : dict, optional
            By name what is known of those rivals that are given rows, for the same rows and k; they are not
            measured again, and others of their kind become known.

        Returns
        -------
        list of Entry
            First that of ours.
        """
        contenders = []
        limit = np.inf
        known = {} if known is None else known
        for searcher in (ours, *(one for one in rivals if one.name not in known)):
            answering = self._answering(searcher)
            if answering is None:
                continue
            effort, reached, spent = self._tuned(searcher, answering, limit)
            limit = GIVE_UP * spent if searcher is ours else limit
            contenders.append((searcher, answering, effort, reached))
        times: list[list[NDArray[np.float64]]] = [[] for _ in contenders]
        found = [np.empty((0, 0), np.int64) for _ in contenders]
        for _ in range(self.passes):
            for place, (searcher, answering, effort, _) in enumerate(contenders):
                found[place], seconds = ask(searcher, answering, self.k, effort, first=1, step=2)
                times[place].append(seconds)
        entries = [
            Entry(searcher.name, effort.label, self._recall(ids), _median(passes), reached)
            for (searcher, _, effort, reached), ids, passes in zip(contenders, found, times, strict=True)
        ]
        before = list(known.values())
        rows = {searcher.name for searcher, *_ in contenders if searcher.by_rows}
        known |= {entry.name: entry for entry in entries if entry.name in rows}
        return entries + before

    def _answering(self, searcher: FilteredSearcher) -> list[tuple[Question, Answering]] | None:
        answering = []
        for question in self.questions:
            answer = searcher.under(question)
            if answer is None:
                return None
            answering.append((question, answer))
        return answering

    def _tuned(
        self, searcher: FilteredSearcher, answering: list[tuple[Question, Answering]], limit: float
    ) -> tuple[Effort, bool, float]:
        """Return the least effort that reaches the recall, whether one does, and what it takes.

        More effort is taken to find more and to take longer, so that few are tried. Where none reaches it,
        that is said of the most that is not too slow.
        """
        efforts = searcher.efforts(self.k, len(self.questions[0].rows))
        tried: dict[int, tuple[bool, float]] = {}
        low, high = 0, len(efforts)
        while low < high:
            middle = (low + high) // 2
            ids, seconds = ask(searcher, answering, self.k, efforts[middle], step=2)
            reached, spent = self._recall(ids, first=0) >= self.target, _median([seconds])
            tried[middle] = reached, spent
            low, high = (low, middle) if reached or spent > limit else (middle + 1, high)
        reaching = [place for place, (reached, _) in tried.items() if reached]
        place = min(reaching) if reaching else max(0, low - 1)
        return efforts[place], *tried[place]

    def _recall(self, ids: NDArray[np.int64], first: int = 1) -> float:
        shares = recall_by_query(self.data, self.truth, ids[:, : self.truth.k])
        asked = np.zeros(len(ids), bool)
        for question in self.questions:
            asked[question.queries.start + first : question.queries.stop : 2] = True
        return float(shares[asked].mean())


def _median(passes: Sequence[NDArray[np.float64]]) -> float:
    """Microseconds: the median over the queries of the medians of their passes."""
    seconds = np.median(np.stack(passes), axis=0)
    return float(np.median(seconds[~np.isnan(seconds)])) * 1e6


def regret(entries: Sequence[Entry]) -> float:
    """Return the time of ours, the first, over that of the best which reached the recall, ours included."""
    ours, *rivals = entries
    return ours.p50_us / min([ours.p50_us, *(one.p50_us for one in rivals if one.reached)])
