"""Searches whose hits are grouped by the values of a payload field."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import deadline
from ...filters.canonical import canonical
from ...filters.conditions.scanned import EqualsOne, OtherThan, values_of
from ...filters.expression import And, Except, Filter, Match, Or
from ...filters.paths import reader
from ...input.options import MAX_K, SearchOptions, check_results
from ...input.payload_paths import read_path, value_kind
from ...input.queries import bound, bound_filters
from ...results.carried import fields_of
from ...results.facet import FieldValue
from ...results.groups import BatchGroups, Groups
from ...results.hits import BatchHits
from ...schema.collection_schema import CollectionSchema
from ...schema.payload_field import FieldType
from ...segments.snapshot import NO_PLACE, Snapshot
from ...tenants.tenant import Tenant
from .call import search_stages
from .report import SearchReport
from .stages import Stages, nearest

# Hits of the first look: few cost little more than one, and two groups seldom share so many.
_LEAST_DEPTH = 16
_PLAIN = (str, bool, int, float)

_Key = tuple[int, Any]


@dataclass(slots=True)
class _Group:
    """A group that was found: its value, as stored, and its nearest hits as far as they were seen."""

    value: FieldValue
    places: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _GroupedField:
    """The payload field by which hits are grouped."""

    path: str
    kind: FieldType | None

    def key(self, value: Any) -> _Key | None:
        """Return what equal values have in common, None of what is no value of the field."""
        if type(value) not in _PLAIN:
            return None
        if self.kind is None:
            # True is not 1, and 1 is 1.0.
            return (2 if type(value) is str else 0 if type(value) is bool else 1), value
        try:
            return 0, canonical(value, self.kind)
        except ValueError:
            return None

    def having(self, value: FieldValue, schema: CollectionSchema) -> Filter:
        """Return the filter for points of one group."""
        if self.kind is None:
            return EqualsOne.of(self.path, [value])
        found = bound(Match(self.path, value), schema)
        assert found is not None
        return found

    def beyond(self, values: Sequence[FieldValue], schema: CollectionSchema) -> Filter:
        """Return the filter for points that belong to another group than these, or to one more."""
        if self.kind is None:
            return OtherThan(self.path, EqualsOne.of(self.path, values), plain=True)
        found = bound(Except(self.path, tuple(values)), schema)
        assert found is not None
        return found


def grouped(
    snapshot: Snapshot, owner: Tenant | None, query: Any, options: SearchOptions
) -> tuple[Groups | BatchGroups, int, SearchReport, float]:
    """Return the ``k`` groups whose nearest hit is nearest, each with its ``group_size`` nearest hits.

    Beside them how many queries there were, what all searches took together, and the seconds of checking.

    A look finds the nearest points of any group. As long as there are fewer groups than are wanted, another
    one finds points that have a value which no group so far has; what a look leaves is less near than what it
    found. Groups of which too few hits were seen are searched for more.
    """
    start, schema = time.perf_counter(), snapshot.schema
    path = read_path(schema, options.group_by, "group_by")
    by = _GroupedField(path, value_kind(schema, path))
    stages, single = search_stages(snapshot, owner, query, options)
    n, size = len(stages.request.queries), options.group_size
    if not single:
        check_results(n, options.k * size)
    filters = bound_filters(options.filter, schema, single, n)
    of_query = list(filters) if isinstance(filters, list) else [filters] * n
    checked = time.perf_counter()
    found, report = _found_groups(snapshot, stages, by, of_query)
    places = np.full((sum(map(len, found)), size), NO_PLACE, np.int64)
    scores = np.full(places.shape, stages.request.worst_score, np.float32)
    lacking: list[tuple[int, int, Filter]] = []
    row = 0
    for number, groups in enumerate(found):
        for group in groups:
            seen = min(len(group.places), size)
            places[row, :seen], scores[row, :seen] = group.places[:seen], group.scores[:seen]
            if seen < size:
                lacking.append((row, number, _both(of_query[number], by.having(group.value, schema))))
            row += 1
    if lacking:
        rows, numbers, wanted = zip(*lacking, strict=True)
        more = nearest(snapshot, stages.part(np.array(numbers, np.int64)).deep(size), wanted)
        places[list(rows)], scores[list(rows)] = more.places, more.scores
        report.add(more.report)
    _order(found, places, scores, higher_is_nearer=stages.request.higher_is_nearer)
    source = snapshot
    if options.with_vectors:
        # Hits are readable after the database was closed.
        source = snapshot.remembering(places[places >= 0], fields_of(options.with_vectors))
    counts = np.count_nonzero(places >= 0, axis=1)
    hits = BatchHits(source, places, scores, counts, options.with_payload, options.with_vectors)
    every = Groups([group.value for groups in found for group in groups], hits)
    # Of a field without an index its values say what type would suit it.
    read = None if by.kind is not None else EqualsOne.of(by.path, every.values)
    named = tuple(one for one in (*of_query, read) if one is not None)
    report.filter = Or(named) if named else None
    report.grouping_seconds = time.perf_counter() - checked - report.seconds
    return every if single else BatchGroups(every, list(map(len, found))), n, report, checked - start


def _found_groups(
    snapshot: Snapshot, stages: Stages, by: _GroupedField, filters: Sequence[Filter | None]
) -> tuple[list[list[_Group]], SearchReport]:
    """Return the groups of each query, that with the nearest hit first, and what the looks took."""
    schema, options = snapshot.schema, stages.request.options
    deepest = MAX_K if stages.own is None else MAX_K - 1
    depth = min(max(options.k * options.group_size, _LEAST_DEPTH), deepest)
    any_group = by.beyond((), schema)
    looks = nearest(snapshot, stages.deep(depth), [_both(each, any_group) for each in filters])
    every: list[list[_Group]] = []
    for number, expression in enumerate(filters):
        groups: dict[_Key, _Group] = {}
        places, scores, reached = looks.places[number], looks.scores[number], depth
        while True:
            before = len(groups)
            _take(snapshot, by, groups, places, scores, options.k)
            # Where a look found fewer than it might, nothing is left; values that do not fit the type of
            # their field make no group.
            if len(groups) >= options.k or places[-1] == NO_PLACE or len(groups) == before:
                break
            deadline.check()
            reached = min(2 * reached, deepest)
            one = stages.part(np.array([number], np.int64)).deep(reached)
            others = by.beyond([group.value for group in groups.values()], schema)
            look = nearest(snapshot, one, _both(expression, others))
            looks.report.add(look.report)
            places, scores = look.places[0], look.scores[0]
        every.append(list(groups.values())[: options.k])
    return every, looks.report


def _order(
    found: list[list[_Group]],
    places: NDArray[np.int64],
    scores: NDArray[np.float32],
    *,
    higher_is_nearer: bool,
) -> None:
    """Bring the groups of each query, and their rows, in the order of their nearest hits.

    An index may find nearer ones when it looks at one group alone, or with those of others left out.
    """
    start = 0
    for groups in found:
        rows = slice(start, start + len(groups))
        nearest_scores = -scores[rows, 0] if higher_is_nearer else scores[rows, 0]
        order = np.argsort(nearest_scores, kind="stable")
        places[rows], scores[rows] = places[rows][order], scores[rows][order]
        groups[:] = [groups[at] for at in order.tolist()]
        start += len(groups)


def _take(
    snapshot: Snapshot,
    by: _GroupedField,
    groups: dict[_Key, _Group],
    places: NDArray[np.int64],
    scores: NDArray[np.float32],
    most: int,
) -> None:
    """Add the groups of a look, with the hits that it saw of each."""
    values_in = reader(by.path)
    added: dict[_Key, _Group] = {}
    for place, score in zip(places.tolist(), scores.tolist(), strict=True):
        if place == NO_PLACE:
            break
        stored: dict[_Key, FieldValue] = {}
        for value in values_of(values_in(snapshot.payload(place))):
            key = by.key(value)
            if key is not None:
                stored.setdefault(key, value)
        for key, value in stored.items():
            # What an earlier look saw of a group, this one sees again in part.
            if key in groups:
                continue
            if key not in added:
                if len(groups) + len(added) >= most:
                    continue
                added[key] = _Group(value)
            added[key].places.append(place)
            added[key].scores.append(score)
    groups.update(added)


def _both(one: Filter | None, other: Filter) -> Filter:
    return other if one is None else And((one, other))
