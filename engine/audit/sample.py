"""One query with the answer that a caller got, and what repeating it shows."""

from __future__ import annotations

import dataclasses
import math
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ...indexes.protocol import is_exact
from ..filters.expression import Filter
from ..search.calls.search_kind import SearchKind
from ..search.calls.stages import Filters, Stages, nearest
from ..search.executor import Found
from ..search.planner import IndexSearch, Plan
from ..segments.snapshot import Snapshot
from .audited_searches import AuditedSearches
from .tries import MOST_RAISED, Try

# The same pair of vectors is scored by different kernels, which add in different orders.
_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Sample:
    """One query, what was searched for it, and the scores that were found.

    Attributes
    ----------
    name : str
        Of the collection.
    audited : AuditedSearches
        Its audits.
    measured : int
        What ``audited.measured`` was when it was searched.
    kind : SearchKind
    served : int
        By how many rungs the effort was raised.
    """

    name: str
    audited: AuditedSearches
    measured: int
    kind: SearchKind
    served: int
    snapshot: Snapshot
    stages: Stages
    expression: Filter | None
    scores: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        name: str,
        audited: AuditedSearches,
        snapshot: Snapshot,
        stages: Stages,
        filters: Filters,
        found: Found,
    ) -> Sample | None:
        """Return one of the queries of a search, any, that no caller can change; None where all is exact.

        Searches that say how hard to try, or what to score, ask for no recall. Points that are searched by
        are found more easily than what is asked about elsewhere, and would hide that.
        """
        request, options = stages.request, stages.request.options
        if request.field.knobs is not None or options.exact or options.offset or not request.n_queries:
            return None
        if stages.before is not None or stages.own is not None or is_exact(request.field.spec.index):
            return None
        if not any(_in_question(part.plan) for part in found.report.segments):
            return None
        chosen = random.randrange(request.n_queries)
        expression = filters if filters is None or isinstance(filters, Filter) else filters[chosen]
        one = stages.part(np.array([chosen]))
        options = dataclasses.replace(options, threads=1)
        one = replace(one, request=replace(one.request, options=options, expression=expression))
        measured, kind = audited.measured, one.request.kind
        served = audited.raised.get(kind, 0)
        scores = found.scores[chosen][found.places[chosen] >= 0]
        return cls(name, audited, measured, kind, served, snapshot, one, expression, scores)

    def repeat(self) -> Try | None:
        """Return what recall was found, and would have been with other efforts; None where there is nothing.

        A search that falls short is tried with ever higher rungs until it does not, or does as well as with
        the highest. One that tries harder than was measured is tried a rung lower.
        """
        exact = self._scores(0, exact=True)[0]
        if not len(exact):
            return None
        target, served = self.stages.request.options.recall, self.served
        recall = {served: self._recall(self.scores, exact)}
        if served:
            recall[served - 1] = self._recall(self._scores(served - 1)[0], exact)
        if recall[served] < target and served < MOST_RAISED:
            highest, most = self._scores(MOST_RAISED)
            best, rungs, told = self._recall(highest, exact), served, None
            while recall[rungs] < min(best, target) and told != most:
                rungs += 1
                scores, told = self._scores(rungs)
                recall[rungs] = self._recall(scores, exact)
        return Try(len(exact), target, served, recall)

    def _scores(self, raised: int, exact: bool = False) -> tuple[NDArray[np.float32], list[Any]]:
        """Return the scores of a search with other efforts, nearest first, and what indexes were told."""
        request = self.stages.request
        request = replace(request, options=dataclasses.replace(request.options, exact=exact), raised=raised)
        found = nearest(self.snapshot, replace(self.stages, request=request), self.expression)
        plans = [part.plan for part in found.report.segments]
        told = [plan.effort.knobs if isinstance(plan, IndexSearch) else plan.kind for plan in plans]
        return found.scores[0][found.places[0] >= 0], told

    def _recall(self, scores: NDArray[np.float32], exact: NDArray[np.float32]) -> float:
        sign = 1.0 if self.stages.request.higher_is_nearer else -1.0
        worst = sign * float(exact[-1])
        # A row as near as the last of the true ones is one of them.
        enough = worst - _TOLERANCE * max(1.0, math.fabs(worst))
        reached = int(np.count_nonzero(sign * scores.astype(np.float64) >= enough))
        return min(1.0, reached / len(exact))


def _in_question(plan: Plan) -> bool:
    return plan.raised > 0 or (isinstance(plan, IndexSearch) and plan.expected_recall != 1.0)
