"""What is recorded of each cell of the matrix of filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...filtered.cells import Passing, Question, measured_correlation, part_of
from ...filtered.contest import Contest, Entry, regret
from ...filtered.groups import QueryGroups
from ...filtered.own import plan_name, planned
from ...filtered.searcher import FilteredSearcher, ask
from ...harness.loaded import FIELD, found_ids
from ...harness.spelling import spelled
from ...harness.timing import percentiles, timed
from ...harness.truth import Truth, recall_by_query
from ..measurement import Prepared, Record

if TYPE_CHECKING:
    from ....engine.collection import Collection

# The share of the queries that are answered worst.
_WORST = 10


class MeasuredCells:
    """Measures what passes, by shape and k: this engine as it plans itself, and beside others.

    Parameters
    ----------
    ready : Prepared
    groups : QueryGroups
    collection : Collection
    rivals : sequence of FilteredSearcher
    target : float
        Recall asked for.
    passes : int
        Timings of each query.
    """

    def __init__(
        self,
        ready: Prepared,
        groups: QueryGroups,
        collection: Collection,
        rivals: Sequence[FilteredSearcher],
        target: float,
        passes: int,
    ) -> None:
        self._ready, self._groups = ready, groups
        self._collection, self._target, self._passes = collection, target, passes
        self._ours = planned(collection, groups.data, target)
        self._rivals = rivals
        self._built = spelled(collection.schema.vectors[FIELD].index)

    def records(
        self, passing: Passing, shapes: Sequence[str], ks: Sequence[int], truth: Truth
    ) -> Iterator[Record]:
        """Yield a record of each shape and k."""
        for k in ks:
            exact = part_of(truth, k)
            known: dict[str, Entry] = {}
            for shape in shapes:
                questions = passing.questions(self._groups, shape)
                yield {
                    "shape": shape,
                    "selectivity": passing.selectivity,
                    "correlation": passing.correlation,
                    "k": k,
                    "filter": passing.text,
                    "matches": passing.matches,
                    "share": round(passing.matches / self._groups.data.rows, 6),
                    **_local(passing, self._groups.data.rows),
                    "index": self._built,
                    "target": self._target,
                    "passes": self._passes,
                    **self._ours_at(questions, k, exact),
                    **self._against(questions, k, exact, known),
                }

    def _ours_at(self, questions: Sequence[Question], k: int, truth: Truth) -> Record:
        """Recall, wrong answers, work and time of the engine as it plans itself."""
        ours, collection, data = self._ours, self._collection, self._groups.data
        effort, times, spent = ours.efforts(k, 0)[0], [], []
        answering = [(one, ours.under(one)) for one in questions]
        options: dict[str, Any] = {"k": k, **effort.parameters}
        explained = [
            collection.explain(data.queries[one.queries], filter=one.filter, **options) for one in questions
        ]
        for _ in range(self._passes):
            with self._ready.timing():
                ids, seconds = ask(ours, answering, k, effort)
                times.append(seconds)
                spent.append(
                    sum(
                        timed(
                            partial(
                                found_ids,
                                collection,
                                data.queries[one.queries],
                                filter=one.filter,
                                **options,
                            )
                        )
                        for one in questions
                    )
                )
        shares = np.sort(recall_by_query(data, truth, ids[:, : truth.k]))
        asked = len(shares)
        return {
            "queries": asked,
            "recall": round(float(shares.mean()), 5),
            "worst_tenth_recall": round(float(shares[: -(-asked // _WORST)].mean()), 5),
            **percentiles(np.median(np.stack(times), axis=0)),
            "us_per_query": round(float(np.median(spent)) / asked * 1e6, 2),
            "plan": "/".join(dict.fromkeys(plan_name(plan) for one in explained for plan in one.segments)),
            "compared_per_query": round(sum(one.distances for one in explained) / asked, 1),
            "rescored_per_query": round(sum(one.rescored for one in explained) / asked, 1),
            "fallbacks": sum(one.fallbacks for one in explained),
            "payloads_read": sum(one.payloads_read for one in explained),
            **_wrong(collection, questions, ids, truth.k),
        }

    def _against(
        self, questions: Sequence[Question], k: int, truth: Truth, known: dict[str, Entry]
    ) -> Record:
        """What else there is to search with, each tuned, and how much longer ours takes than the best."""
        if not self._rivals:
            return {}
        contest = Contest(self._groups.data, questions, truth, k, self._target, self._passes)
        with self._ready.timing():
            entries = contest.entries(self._ours, self._rivals, known)
        return {
            "entries": [one.record() for one in entries],
            "best": _best(entries).name,
            "regret": round(regret(entries), 3),
        }


def _best(entries: Sequence[Entry]) -> Entry:
    return min((one for one in entries if one.reached or one is entries[0]), key=lambda one: one.p50_us)


def _wrong(
    collection: Collection, questions: Sequence[Question], ids: np.ndarray[Any, Any], wanted: int
) -> Record:
    """What no recall excuses: rows that do not pass, too few of them, or a wrong count."""
    failing = sum(
        int((~np.isin(ids[one.queries][ids[one.queries] >= 0], one.rows)).sum()) for one in questions
    )
    few = sum(int(((ids[one.queries] >= 0).sum(axis=1) < wanted).sum()) for one in questions)
    miscounted = sum(collection.count(filter=one.filter) != len(one.rows) for one in questions)
    return {
        "rows_failing_filter": failing,
        "queries_with_too_few_rows": few,
        "filters_counted_wrong": miscounted,
    }


def _local(passing: Passing, rows: int) -> Record:
    share = passing.matches / rows
    return {
        "local_selectivity": round(passing.local, 6),
        "measured_correlation": round(measured_correlation(passing.local, share), 4),
    }
