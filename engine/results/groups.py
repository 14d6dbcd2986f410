"""What a search by groups returns: the hits of each group, read as those of a batch are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import overload

from ..error_translation import public
from .facet import FieldValue
from .hits import BatchHits, Hits


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The nearest points that have one value in a payload field.

    Attributes
    ----------
    value : str, bool, int or float
        As it is stored.
    hits : Hits
        Nearest first.
    """

    value: FieldValue
    hits: Hits


@public
class Groups(Sequence[Group]):
    """The answer to one query: groups, that with the nearest hit first. Immutable.

    Attributes
    ----------
    values : list of str, bool, int or float
        Those of the groups.
    hits : BatchHits
        The hits of the groups, each in the place of a query.
    """

    __slots__ = ("hits", "values")

    def __init__(self, values: list[FieldValue], hits: BatchHits) -> None:
        self.values = values
        self.hits = hits

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, index: int) -> Group: ...
    @overload
    def __getitem__(self, index: slice) -> list[Group]: ...
    def __getitem__(self, index: int | slice) -> Group | list[Group]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return Group(self.values[index], self.hits[index])

    def __repr__(self) -> str:
        return f"Groups({list(self)!r})"


@public
class BatchGroups(Sequence[Groups]):
    """The answers to a batch of queries, in the order of the queries. Immutable.

    Attributes
    ----------
    groups : Groups
        Those of the first query, then those of the next.
    counts : list of int
        How many groups each query has.
    """

    __slots__ = ("_starts", "counts", "groups")

    def __init__(self, groups: Groups, counts: Sequence[int]) -> None:
        self.groups = groups
        self.counts = list(counts)
        self._starts = [0, *accumulate(self.counts)]

    def __len__(self) -> int:
        return len(self.counts)

    @overload
    def __getitem__(self, index: int) -> Groups: ...
    @overload
    def __getitem__(self, index: slice) -> list[Groups]: ...
    def __getitem__(self, index: int | slice) -> Groups | list[Groups]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        first, stop = self._starts[number], self._starts[number + 1]
        return Groups(self.groups.values[first:stop], self.groups.hits.part(first, stop))


def hits_of(groups: Groups | BatchGroups) -> BatchHits:
    """Return the hits of all groups, a group in the place of a query."""
    return groups.hits if isinstance(groups, Groups) else groups.groups.hits
