"""What a search took, segment by segment."""

from __future__ import annotations

from msgspec import Struct, field

from ....indexes.rows.neighbors import SearchStats
from ...filters.evaluation.scanning import ScanWork
from ...filters.expression import Filter
from ...results.weighting import Weighting
from ..planner import Plan


class SegmentReport(Struct, eq=False):
    """What searching one segment took."""

    segment: str
    n_rows: int
    n_allowed: int
    plan: Plan
    stats: SearchStats


class SearchReport(Struct, eq=False):
    """What a search took, in seconds and in work, over all its queries.

    Of several searches that make one answer it is the sum, with the segments of each.
    """

    segments: list[SegmentReport] = field(default_factory=list)
    filter_seconds: float = 0.0
    search_seconds: float = 0.0
    merge_seconds: float = 0.0
    grouping_seconds: float = 0.0
    weighting: Weighting | None = None
    first: SearchReport | None = None
    filter: Filter | None = None
    scanning: ScanWork = field(default_factory=ScanWork)
    searches: int = 1

    @property
    def seconds(self) -> float:
        """What it took without checking what was asked."""
        return self.filter_seconds + self.search_seconds + self.merge_seconds

    def add(self, more: SearchReport) -> None:
        """Add what another search took."""
        self.searches += more.searches
        self.segments += more.segments
        self.filter_seconds += more.filter_seconds
        self.search_seconds += more.search_seconds
        self.merge_seconds += more.merge_seconds
        self.scanning.payloads_read += more.scanning.payloads_read
        self.weighting = more.weighting
        if more.first is not None:
            if self.first is None:
                self.first = SearchReport(searches=0)
            self.first.add(more.first)
