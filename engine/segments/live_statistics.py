"""What the live vectors of a field come to, in one snapshot and of one tenant."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from ...indexes.protocol import CountsTerms, Queries
from ...storage.columns.partial import Present
from ..results.weighting import Weighting
from ..vector_kinds.registry import kind_of
from ..vector_kinds.term_counts import RowCounts, Terms, inverse_frequencies, value_total
from ..vocabulary.bounded_cache import BoundedCache
from .bitmaps import rows_of
from .snapshot import Snapshot
from .view import SegmentView

# Tenants whose counts are kept of one view or segment, by field; beyond so many all are counted anew.
_MOST_KEPT = 1024
# Weights of so many terms are kept of a snapshot, those of queries that ask for no more than a few at once;
# of each tenant, of which there may be many, of fewer.
_TERMS_KEPT, _TERMS_OF_TENANT = 1 << 13, 1 << 9
_FEW_TERMS = 64
_NOTHING = RowCounts()


class LiveStatistics:
    """Counts over the live points of a snapshot, of one tenant or of all; kept by the snapshot.

    A search asks each view for a few terms: their postings are as long as the term is frequent, and the rows
    that are dead were counted when they died, so nothing is read but what changed since the search before.
    """

    def __init__(self, snapshot: Snapshot, field: str, tenant: int | None) -> None:
        # Not the snapshot, which would then go only when cycles are looked for, and its files with it.
        self._views, self._field, self._tenant = snapshot.views, field, tenant
        kept = _TERMS_KEPT if tenant is None else _TERMS_OF_TENANT
        self._weights: BoundedCache[int, float] = BoundedCache(kept)

    @cached_property
    def _parts(self) -> list[_LiveCounts]:
        return [_live_counts(view, self._field, self._tenant) for view in self._views]

    @cached_property
    def n_vectors(self) -> int:
        """How many live points have a vector in the field."""
        return sum(part.n for part in self._parts)

    @cached_property
    def total(self) -> float:
        """The sum of all values of those vectors."""
        return sum(part.total() for part in self._parts)

    def frequencies(self, terms: Terms) -> NDArray[np.int64]:
        """Return in how many of those vectors each term has a value that is not zero."""
        found = np.zeros(len(terms), np.int64)
        for part in self._parts:
            found += part.frequencies(terms)
        return found

    def inverse_frequencies(self, terms: Terms) -> NDArray[np.float64]:
        """Return the weight of each term: above 0, the higher the fewer of those vectors have it."""
        few = len(terms) <= _FEW_TERMS
        asked = terms.tolist() if few else []
        kept = self._weights.get(asked)
        if few and None not in kept:
            return np.array(kept, np.float64)
        weights = inverse_frequencies(self.n_vectors, self.frequencies(terms))
        if few:
            self._weights.update(dict(zip(asked, weights.tolist(), strict=True)))
        return weights


def prepared(
    snapshot: Snapshot, field: str, tenant: int | None, queries: Queries
) -> tuple[Queries, Weighting | None]:
    """Return queries as every segment of a snapshot takes them, and what weighted their terms, or None."""
    spec, key = snapshot.schema.vectors[field], (field, tenant)
    kind = kind_of(spec)
    if not kind.prepares(spec):
        return queries, None
    statistics = snapshot.statistics.get(key)
    if statistics is None:
        statistics = LiveStatistics(snapshot, field, tenant)
        keep(snapshot.statistics, key, statistics)
    return kind.prepare(spec, queries, statistics)


@dataclass(frozen=True, slots=True)
class _LiveCounts:
    """The same of one view: what is there less what is dead, and what was granted, which lives."""

    n: int
    total: Callable[[], float]
    there: Callable[[Terms], NDArray[np.int64]]
    dead: Callable[[Terms], NDArray[np.int64]] | None
    granted: Callable[[Terms], NDArray[np.int64]] | None

    def frequencies(self, terms: Terms) -> NDArray[np.int64]:
        there = self.there(terms)
        if self.granted is not None:
            there = there + self.granted(terms)
        return there if self.dead is None else there - self.dead(terms)


def _live_counts(view: SegmentView, field: str, tenant: int | None) -> _LiveCounts:
    key = (field, tenant)
    found: _LiveCounts | None = view.live_counts.get(key)
    if found is None:
        found = _counted(view, field, tenant)
        keep(view.live_counts, key, found)
    return found


def _counted(view: SegmentView, field: str, tenant: int | None) -> _LiveCounts:
    kept, present, index = view.counted(field), view.present(field), view.index(field)
    owned = BitMap(range(view.n_rows)) if tenant is None else view.owned(tenant)
    gone = owned & view.dead
    dead = _row_counts(view, field, kept, ("dead", tenant), gone, present) if gone else _NOTHING
    more, granted = view.granted or BitMap(), _NOTHING
    if more:
        granted = _row_counts(view, field, kept, ("granted", tenant), more, present)
    bounds = _bounds(owned, present)
    known = None
    if isinstance(index, CountsTerms) and bounds is not None:
        known = index.document_frequencies(np.empty(0, np.uint32), *bounds)
    if isinstance(index, CountsTerms) and bounds is not None and known is not None:
        lo, hi = bounds
        n, there = hi - lo, partial(index.document_frequencies, lo=lo, hi=hi)

        def total() -> float:
            # Not every search asks for it, and adding it up reads all values.
            found: float | None = kept.get(bounds)
            if found is None:
                found = value_total(view.rows(field), lo, hi)
                keep(kept, bounds, found)
            return found - dead.total + granted.total
    else:
        counts = _row_counts(view, field, kept, ("there", tenant), owned, present)
        n, there = counts.n, counts.terms.of

        def total() -> float:
            return counts.total - dead.total + granted.total

    of_dead, of_granted = dead.terms.of if gone else None, granted.terms.of if more else None
    return _LiveCounts(n - dead.n + granted.n, total, there, of_dead, of_granted)


def _row_counts(
    view: SegmentView,
    field: str,
    kept: MutableMapping[Any, Any],
    key: Any,
    rows: BitMap,
    present: Present | None,
) -> RowCounts:
    """Return what the rows of a set come to, from what was kept of a smaller one."""
    known: BitMap
    counts: RowCounts
    known, counts = kept.get(key, (BitMap(), _NOTHING))
    more = rows - known
    # A snapshot that is older than what was kept has fewer rows.
    older = len(known) + len(more) != len(rows)
    if older:
        more, counts = rows, _NOTHING
    if more:
        stored: Any = view.rows(field)
        counts = counts.plus(stored, _places(rows_of(more), present))
    if not older or len(rows) > len(known):
        keep(kept, key, (rows, counts))
    return counts


def _places(rows: NDArray[np.int64], present: Present | None) -> Any:
    """Return where the vectors of rows stand among those that are there."""
    if present is not None:
        rows = np.flatnonzero(np.isin(present, rows, assume_unique=True))
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def _bounds(owned: BitMap, present: Present | None) -> tuple[int, int] | None:
    """Return the first and the end of rows that follow one another, among the vectors that are there."""
    if not owned:
        return 0, 0
    lo, hi = owned.min(), owned.max() + 1
    if hi - lo != len(owned):
        return None
    if present is None:
        return lo, hi
    lo, hi = np.searchsorted(present, [lo, hi]).tolist()
    return lo, hi


def keep(kept: MutableMapping[Any, Any], key: Any, value: Any) -> None:
    """Keep what was counted for a tenant; what there is of others goes where that is of many."""
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[key] = value
