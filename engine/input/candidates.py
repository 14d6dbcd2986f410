"""What finds the points that a search scores, where that is not the index of the searched field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidArgument


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The first stage of a search: another query, whose nearest points are all that is scored.

    What is wrong with it is told by the search that it is given to.

    Parameters
    ----------
    query : array, optional
        As the field takes it; a batch of as many where the search is one. The search's own query unless
        given, for a field that takes it too.
    field : str, optional
        Vector field, of any kind; needed when the schema has several. The one that is searched is allowed,
        with fewer ``tokens`` or another ``effort``.
    count : int
        How many points are found and scored, at least the ``k + offset`` of the search and at most 10,000.
    recall : float, optional
        Target recall@count of the first stage; that of the search unless given.
    effort : mapping of str to number, optional
        Knobs of the index of ``field``, instead of ``recall``.
    exact : bool
        Whether the first stage compares every point that may be found.
    tokens : (int or None, int or None), optional
        Of a multi-vector field: how many first tokens of query and points the first stage goes by.
    """

    query: Any = None
    field: str | None = None
    count: int = 100
    recall: float | None = None
    effort: Mapping[str, float] | None = None
    exact: bool = False
    tokens: Sequence[int | None] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class StagedQuery:
    """The query of a search and that of its first stage.

    Attributes
    ----------
    query
        As one without a first stage.
    first
        The other one; None where it is the same.
    """

    query: Any
    first: Any

    def __len__(self) -> int:
        return len(self.query)


def check_alike(single: bool, queries: int, first_single: bool, first_queries: int) -> None:
    """Raise InvalidArgument unless there is a query of the first stage for each one of the search."""
    if (single, queries) != (first_single, first_queries):
        asked, found = (
            "one query" if alone else f"a batch of {count:,} queries"
            for alone, count in ((single, queries), (first_single, first_queries))
        )
        raise InvalidArgument(
            f"candidates hold {found} and the search has {asked}; give Candidates one for each",
            field="candidates",
        )
