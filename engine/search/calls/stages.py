"""The stages of one search under one filter, or under one for each query."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from ...filters.expression import Filter, Or
from ...segments.snapshot import NO_PLACE, Snapshot
from ..executor import Found, SearchRequest, execute
from ..ownership import check_owned
from ..paging import near_enough, page
from .report import SearchReport

Filters = Filter | Sequence[Filter | None] | None
"""One for all queries, or one for each, bound; None for none."""


class Stages(Struct, eq=False):
    """A search without its filter.

    Attributes
    ----------
    request : SearchRequest
    before : SearchRequest or None
        The first stage, which finds what is scored; None where there is none.
    own : (q,) int64 or None
        Places of the points that are searched by, each left out of its own answer; None where there is none.
    """

    request: SearchRequest
    before: SearchRequest | None = None
    own: NDArray[np.int64] | None = None

    def part(self, chosen: NDArray[np.int64]) -> Stages:
        """Return the search for some of the queries, chosen by number."""
        before, own = self.before, self.own
        return Stages(
            replace(self.request, queries=self.request.queries[chosen]),
            None if before is None else replace(before, queries=before.queries[chosen]),
            None if own is None else own[chosen],
        )

    def deep(self, k: int) -> Stages:
        """Return the search for so many hits."""
        options = dataclasses.replace(self.request.options, k=k)
        return replace(self, request=replace(self.request, options=options))


def nearest(snapshot: Snapshot, stages: Stages, filters: Filters) -> Found:
    """Return the hits of each query, padding last."""
    if filters is None or isinstance(filters, Filter):
        return _under_one(snapshot, stages, filters)
    of_filter: dict[Filter | None, list[int]] = {}
    for number, expression in enumerate(filters):
        of_filter.setdefault(expression, []).append(number)
    if len(of_filter) <= 1:
        return _under_one(snapshot, stages, next(iter(of_filter), None))
    request = stages.request
    shape = len(request.queries), request.options.k
    places, scores = np.full(shape, NO_PLACE, np.int64), np.full(shape, request.worst_score, np.float32)
    found = Found(places, scores, SearchReport(searches=0))
    for expression, numbers in of_filter.items():
        chosen = np.array(numbers, np.int64)
        part = _under_one(snapshot, stages.part(chosen), expression)
        found.places[chosen], found.scores[chosen] = part.places, part.scores
        found.report.add(part.report)
    found.report.filter = Or(tuple(expression for expression in of_filter if expression is not None))
    return found


def _under_one(snapshot: Snapshot, stages: Stages, expression: Filter | None) -> Found:
    request, before, first = stages.request, stages.before, None
    if expression is not None:
        request = replace(request, expression=expression)
        before = None if before is None else replace(before, expression=expression)
    if before is not None:
        first = execute(snapshot, before)
        request = replace(request, candidates=first.places)
    found = page(snapshot, request, stages.own)
    if request.options.score_threshold is not None:
        found = near_enough(found, request, request.options.score_threshold)
    if request.tenant is not None:
        check_owned(snapshot, request.tenant, found.places)
    found.report.first = None if first is None else first.report
    return found
