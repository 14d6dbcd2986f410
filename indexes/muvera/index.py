"""An open index of encoded multi-vectors: the index of the encodings, the ladder of efforts, the search."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_array, within
from ..costs import costs
from ..effort.crowds import DEPTH, measure_made_of_rows
from ..effort.ladder import FIRST, KS, MARGIN, Ladder, measure
from ..effort.multi_queries import FEWEST_ASKED, affordable_count, multi_pseudo_queries
from ..effort.parts import in_parts
from ..exact.multi import Early
from ..exact.read_multi import open_multi_scan
from ..protocol import EVERYTHING, Arrays, Effort, Index, IndexSpec, Scope, prepared_search
from ..rows.dense import NO_NORMS, DenseRows
from ..rows.element import Element
from ..rows.metric import Metric
from ..rows.multi import MultiRows
from ..rows.neighbors import Neighbors, SearchStats
from ..rows.row_set import RowSet
from .encoding import Encoder, Encoding
from .knobs import MuveraKnobs
from .scored import ScoredCandidates
from .tokens import TokenSpace

INNER = "inner."
"""What the names of the inner index's arrays begin with."""

# Rows that are scored exactly, as measured.
RUNGS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896, 1280, 1792, 2560)
# The share of the nearest encodings that the inner index is to find, and what the ladder is measured with.
_INNER_RECALL = 0.95
# At least so many more rows are scored exactly under a filter.
_MORE_UNDER_FILTERS = 64
# How far the worst tenth of queries made out of rows may stay behind: half is usual of encodings.
_SHORTFALL = 0.5
# Of so many numbers of first tokens what is opened is kept.
_BUDGETS_KEPT = 64
# Tokens of a query that nobody gave.
_USUAL_TOKENS = 32


def encoded_rows(arrays: Arrays, n: int, width: int) -> DenseRows:
    """Return the stored encodings as rows of the inner index."""
    stride = Element.INT8.stride(width)
    encodings = check_array("encodings", arrays, np.int8, (n, stride))
    return DenseRows(encodings, width, Element.INT8, NO_NORMS, Metric.DOT)


class EncodedIndex:
    """Finds rows by their encodings and scores the best by all of their tokens.

    Immutable and thread-safe.

    Parameters
    ----------
    arrays, rows, encoding, inner
        What was built, over what and how.
    tokens
        How many tokens of each row are encoded, its first; None for all.
    """

    def __init__(
        self,
        arrays: Arrays,
        rows: MultiRows,
        encoding: Encoding,
        inner: IndexSpec,
        tokens: int | None = None,
    ) -> None:
        self._arrays, self._rows, self._encoding, self._spec = arrays, rows, encoding, inner
        self._tokens = tokens
        self._shorter: dict[int, EncodedIndex] = {}
        self._scan = open_multi_scan(rows)
        self._ladder = Ladder.from_arrays(RUNGS, arrays)
        self._first_ladder = Ladder.from_arrays(RUNGS, arrays, prefix=FIRST)
        self._inner: Index[Any, Any] | None = None
        if not arrays:
            return
        self._space = TokenSpace(rows.metric, check_array("mean", arrays, np.float32, (rows.dim,)))
        self._encoder = Encoder(encoding, rows.dim, arrays)
        self._inner = inner.open(within(INNER, arrays), encoded_rows(arrays, len(rows), self._encoder.width))
        lengths = np.diff(rows.offsets)
        # What has no token is never found.
        self._filled = None if lengths.all() else lengths > 0
        longest = int(lengths.max(initial=0))
        self._encoded_tokens = longest if tokens is None else min(tokens, longest)

    @property
    def nbytes(self) -> int:
        """Bytes of the encodings, of their index and of the ladder."""
        return sum(array.nbytes for array in self._arrays.values())

    def search(
        self, queries: MultiRows, k: int, effort: Effort[MuveraKnobs], scope: Scope = EVERYTHING
    ) -> Neighbors:
        """Find about the nearest ``min(k, allowed)`` rows of each query."""
        return self.prepared(k, effort, scope)(queries)

    def prepared(
        self, k: int, effort: Effort[MuveraKnobs], scope: Scope = EVERYTHING
    ) -> Callable[[MultiRows], Neighbors]:
        """Return :meth:`search` for all but the queries."""
        width = max(k, effort.knobs.candidates)
        scope.check(len(self._rows))
        if self._inner is not None and self._filled is not None and scope != EVERYTHING:
            # As large as the filter's own rows, so it is not kept.
            return lambda queries: self._prepared(k, width, effort.knobs, self._filled_of(scope))(queries)
        return self._prepared(k, width, effort.knobs, self._everything if scope == EVERYTHING else scope)

    def _prepared(
        self, k: int, width: int, knobs: MuveraKnobs, scope: Scope
    ) -> Callable[[MultiRows], Neighbors]:
        """Return the search of rows in a scope that all have tokens."""
        scan = self._scan
        if self._inner is None or scope.count(len(self._rows)) <= width:
            return lambda queries: scan.search(queries, k, scope)
        nearest = self._nearest(width, knobs, scope)

        def find(part: MultiRows, _: Early | None) -> tuple[NDArray[np.uint32], SearchStats]:
            found = nearest(part)
            # Rows that the inner index scores again are estimated by their encodings: that is not exact.
            work = found.stats
            return found.rows, SearchStats(
                work.hops, work.distances + work.rescored, fallbacks=work.fallbacks
            )

        return lambda queries: (
            scan.best_found(queries, k, find) if len(queries) else scan.search(queries, k, scope)
        )

    @cached_property
    def _everything(self) -> Scope:
        return EVERYTHING if self._inner is None else self._filled_of(EVERYTHING)

    def _filled_of(self, scope: Scope) -> Scope:
        if self._filled is None:
            return scope
        rows = np.arange(len(self._rows), dtype=np.uint32) if scope.rows is None else scope.rows.rows
        return Scope(RowSet(len(self._rows), bounds=None, rows=rows[self._filled[rows]]), scope.tenant)

    def _nearest(self, width: int, knobs: MuveraKnobs, scope: Scope) -> Callable[[MultiRows], Neighbors]:
        """Return what finds the rows of the nearest encodings."""
        assert self._inner is not None
        share = scope.count(len(self._rows)) / len(self._rows)
        effort = self._inner.effort(width, _INNER_RECALL, knobs.inner, share)
        search = prepared_search(self._inner, width, effort, scope)
        return lambda queries: search(self._encoded(queries))

    def _encoded(self, queries: MultiRows) -> NDArray[np.float32]:
        return self._encoder.of_queries(self._space.tokens(queries))

    def effort(self, k: int, recall: float, knobs: MuveraKnobs | None, share: float) -> Effort[MuveraKnobs]:
        """Choose how many rows to score exactly as ``recall`` takes, or take ``knobs`` as given."""
        count = round(len(self._rows) * share)
        if knobs is not None:
            width = max(k, knobs.candidates)
        elif self._ladder is None:
            width = k
        else:
            width = self._ladder.width_for(k, recall, share, _MORE_UNDER_FILTERS)
        expected = None if self._ladder is None else self._ladder.recall_at(k, width)
        chosen = MuveraKnobs(width, None if knobs is None else knobs.inner)
        if self._inner is None:
            return Effort(chosen, None, self._scan.cost(None, count, True), f"scan of {count:,} rows")
        known, dim = costs(), self._rows.dim
        inner = self._inner.effort(width, _INNER_RECALL, chosen.inner, share)
        seconds = known.call + _USUAL_TOKENS * self._encoder.products * dim * known.product + inner.seconds
        seconds += self._scan.cost(None, min(count, width), contiguous=False)
        return Effort(chosen, expected, seconds, f"{width} candidates by {inner.words}")

    def raised(self, rungs: int) -> EncodedIndex:
        """Return the index whose efforts are so many rungs higher."""
        raised = copy(self)
        raised._ladder = None if self._ladder is None else self._ladder.raised(rungs)
        return raised

    def calibrate(
        self, queries: MultiRows, truth: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Measure the ladder, and that of the inner index, on real queries and return their arrays."""
        if self._inner is None:
            return {}
        return self._measured(queries, truth, 1)

    def self_calibrated(self, seed: int, threads: int) -> dict[str, NDArray[Any]]:
        """Measure the ladders on queries made out of the rows and return their arrays."""
        count = affordable_count(self._scan.cost(None, len(self._rows), True), threads)
        if self._filled is not None and not self._filled.any():
            return {}
        queries = multi_pseudo_queries(self._rows, count, seed)
        return self._measured(queries, None, threads, made_of_rows=True)

    def _measured(
        self,
        queries: MultiRows,
        truth: NDArray[np.float32] | None,
        threads: int,
        made_of_rows: bool = False,
    ) -> dict[str, NDArray[Any]]:
        assert self._inner is not None
        inner = self._inner.calibrate(self._encoded(queries))
        tables = {INNER + name: array for name, array in inner.items()}
        index = self.with_table(tables)
        tables |= index._climbed(queries, truth, threads, made_of_rows).to_arrays()
        first = None if self._tokens is None else index.with_tokens(self._tokens)
        if first is not None:
            tables |= first._climbed(queries, None, threads, made_of_rows).to_arrays(FIRST)
        return tables

    def _climbed(
        self,
        queries: MultiRows,
        truth: NDArray[np.float32] | None,
        threads: int,
        made_of_rows: bool,
    ) -> Ladder:
        """Measure all rungs with each candidate scored once: what a low rung finds a high one mostly has."""
        n, metric = len(self._rows), self._rows.metric
        everything = self._everything
        widest = min(everything.count(n), RUNGS[-1])
        with in_parts(queries, threads) as every:

            def nearest(rung: int) -> NDArray[np.uint32]:
                width = min(rung, widest)
                near = self._nearest(width, MuveraKnobs(width), everything)
                return np.concatenate(every(lambda part: near(part).rows))

            widely = self._nearest(widest, MuveraKnobs(widest), everything)

            def scored(part: MultiRows) -> Neighbors:
                return self._scan.best_of(part, widely(part).rows, widest)

            if truth is None:
                depth = DEPTH if made_of_rows else KS[-1]
                truth = np.concatenate(every(lambda part: self._scan.search(part, depth).scores))
            known = ScoredCandidates(Neighbors.concat(every(scored)), metric)
            pools: dict[int, NDArray[np.float32]] = {}

            def search(k: int, rung: int) -> Neighbors:
                if rung not in pools:
                    pools[rung] = known.scores(nearest(rung))
                scores = pools[rung][:, :k]
                stats = SearchStats(distances=rung * len(queries))
                return Neighbors(np.zeros(scores.shape, np.uint32), scores, stats).padded(k, metric)

            higher = metric.higher_is_nearer
            if made_of_rows:
                return measure_made_of_rows(RUNGS, search, truth, higher, MARGIN, shortfall=_SHORTFALL)
            return measure(RUNGS, search, truth, higher, MARGIN)

    def with_table(self, arrays: Arrays) -> EncodedIndex:
        """Return the same index with other ladders."""
        return EncodedIndex({**self._arrays, **arrays}, self._rows, self._encoding, self._spec, self._tokens)

    def with_budgets(self, asked: int | None, stored: int | None) -> EncodedIndex | None:
        """Return the index that scores rows by their first ``stored`` tokens, by all for None.

        None for queries of few tokens, of whose recall nothing was measured, and as :meth:`with_tokens`.
        """
        if self._inner is not None and asked is not None and asked < FEWEST_ASKED:
            return None
        return self if stored is None else self.with_tokens(stored)

    def with_tokens(self, count: int) -> EncodedIndex | None:
        """Return the index that scores rows by their first ``count`` tokens.

        None where encodings are of more: they say too little of a part of them.
        """
        if self._inner is not None and count < self._encoded_tokens:
            return None
        shorter = self._shorter.get(count)
        if shorter is None:
            shorter = copy(self)
            shorter._scan = self._scan.with_tokens(count)
            if count == self._tokens:
                shorter._ladder = self._first_ladder
            if len(self._shorter) >= _BUDGETS_KEPT:
                self._shorter.clear()
            shorter = self._shorter.setdefault(count, shorter)
        return shorter
