"""The search of one segment but for its queries: planned and prepared once, kept for those that ask again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...indexes.protocol import Index, Queries, Scope, prepared_search
from ...indexes.rows.neighbors import Neighbors
from ..input.options import SearchOptions
from ..segments.allowed import Allowed
from ..segments.view import SegmentView
from .calls.searched_field import SearchedField
from .planner import ExactScan, IndexSearch, Plan, plan_segment

KEPT = 256
"""Searches kept of a set of rows: a caller may come with ever new targets of recall."""


@dataclass(slots=True)
class SegmentSearch:
    """How the vectors of a field in one segment are searched for those in one scope.

    Attributes
    ----------
    index : Index or None
        What the plan is by; another that the segment has by now makes it out of date.
    count : int
        How many vectors are in scope, at least one.
    plan : IndexSearch or ExactScan
    k : int
        How many are found of a query.
    search : callable
        Returns the nearest of a batch of queries.
    shares : bool
        Whether no more is looked for than its share of what is wanted of several segments.
    """

    index: Index[Any, Any] | None
    count: int
    plan: Plan
    k: int
    search: Callable[[Any], Neighbors]
    shares: bool


def segment_search(
    view: SegmentView,
    field: SearchedField,
    said: SearchOptions,
    raised: int | None,
    allowed: Allowed,
    n_vectors: int,
    wanted: int | None,
) -> SegmentSearch:
    """Return how ``allowed`` of the ``n_vectors`` of a field, at least one, are searched.

    So many are ``wanted`` of the segment where others are searched beside it, as :func:`plan_segment` takes
    it; no fewer are found. None where it is the only one, or all that are asked for are wanted of it.
    An index that chooses its effort tries ``raised`` rungs harder than was measured; None for none.
    """
    index = view.index_by(field.name, said.tokens)
    key = (field.name, said.k, said.recall, said.effort, said.exact, said.tokens, wanted, raised)
    kept: SegmentSearch | None = allowed.searches.get(key)
    if kept is not None and kept.index is index:
        return kept
    plan = _plan(view, index, key, said, field.knobs, allowed, n_vectors)
    shared = plan.wanted if isinstance(plan, IndexSearch) else None
    k = max(said.k, wanted or 0) if shared is None else shared
    search = _prepared(view, field.name, index, said, k, plan, allowed.scope)
    kept = SegmentSearch(index, allowed.scope.count(n_vectors), plan, k, search, shared is not None)
    if len(allowed.searches) >= KEPT:
        allowed.searches.clear()
    allowed.searches[key] = kept
    return kept


def _plan(
    view: SegmentView,
    index: Index[Any, Any] | None,
    key: tuple[Any, ...],
    options: SearchOptions,
    knobs: Any,
    allowed: Allowed,
    n_vectors: int,
) -> Plan:
    """Return a plan that was made for these rows, or for nearly these, or make one."""
    kept: tuple[Any, Plan] | None = allowed.plans.get(key)
    few = allowed.scope.count(n_vectors) <= options.k
    if kept is not None and kept[0] is index and (not few or isinstance(kept[1], ExactScan)):
        return kept[1]
    scan = view.scan(key[0], scanned_tokens(options))
    plan: Plan = plan_segment(
        index,
        scan,
        n_vectors,
        allowed.scope,
        options,
        knobs,
        wanted=key[-2],
        raised=key[-1] or 0,
        chosen=allowed.chosen,
    )
    if len(allowed.plans) >= KEPT:
        allowed.plans.clear()
    allowed.plans[key] = (index, plan)
    return plan


def _prepared(
    view: SegmentView,
    field: str,
    index: Index[Any, Any] | None,
    options: SearchOptions,
    k: int,
    plan: Plan,
    scope: Scope,
) -> Callable[[Queries], Neighbors]:
    # The view keeps what is returned, so that must not keep the view.
    if not isinstance(plan, IndexSearch):
        scan = view.scan(field, scanned_tokens(options))
        return lambda queries: scan.search(queries, k, scope)
    assert index is not None
    return prepared_search(index, k, plan.effort, scope)


def scanned_tokens(options: SearchOptions) -> int | None:
    """Return how many first tokens of a row count; None for all, and of vectors that have none."""
    return None if options.tokens is None else options.tokens[1]
