"""Which searches are alike: what audits show of one is believed of the others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from ....indexes.effort.ladder import KS
from ...input.options import Budgets, SearchOptions

# Between the targets that callers name: 0.8, 0.9, 0.95, 0.98 and 0.99, all but 1.
_TARGETS = (0.85, 0.925, 0.97, 0.985, 0.995)


class SearchKind(NamedTuple):
    """Searches of a field that ask for about as much.

    Attributes
    ----------
    field : str
    results : int
        The place of the next measured ``k`` that is as large.
    target : int
        The place of the recall asked for among a few bands.
    filtered : bool
        Whether rows are left out by a filter, or are those of a tenant.
    tokens : (int or None, int or None) or None
        How many first tokens of each query and of each row count.
    """

    field: str
    results: int
    target: int
    filtered: bool
    tokens: Budgets | None


def kind_of_search(field: str, options: SearchOptions, filtered: bool) -> SearchKind:
    """Return which searches one is like."""
    results, target = bisect_left(KS, options.k), bisect_right(_TARGETS, options.recall)
    return SearchKind(field, results, target, filtered, options.tokens)
