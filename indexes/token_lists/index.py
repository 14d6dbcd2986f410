"""Open token lists: their arrays, their ladder of efforts and their search."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..costs import costs
from ..effort.crowds import DEPTH, measure_made_of_rows
from ..effort.ladder import FIRST, KS, MARGIN, Ladder, measure
from ..effort.multi_queries import FEWEST_ASKED, affordable_count, multi_pseudo_queries
from ..effort.parts import in_parts
from ..exact.multi import Early, Find, counted_tokens
from ..exact.read_multi import open_multi_scan
from ..ivf.layout import Layout
from ..ivf.opened import Listed, OpenedLists
from ..ivf.scratch import search_scratch
from ..protocol import EVERYTHING, Arrays, Effort, Scope
from ..rows.addresses import NOWHERE, address
from ..rows.multi import MultiRows
from ..rows.neighbors import NO_ROW, Neighbors, SearchStats
from .knobs import TokenListsKnobs
from .levels import level_of
from .scratch import sums_scratch
from .vectors import compared

# Candidates of a query, as measured.
RUNGS = (10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 896, 1280, 2560, 5120)
# For a token of a query so many count for each candidate, out of lists that hold so many times as many.
_TOKENS_A_CANDIDATE, _FEWEST_TOKENS, _MOST_TOKENS = 8, 128, 8192
_READ_A_TOKEN, _FEWEST_LISTS = 8, 4
# Tokens of a query that nobody gave.
_USUAL_TOKENS = 32
# Of rows of more, fewer tokens are scanned: what is measured by all promises too much of them.
_FEWEST_OF_MORE = 4
# Of so many numbers of first tokens what is opened is kept.
_BUDGETS_KEPT = 64


class TokenListsIndex:
    """Scores exactly the rows whose tokens lie nearest to the tokens of a query, as their codes say.

    Immutable and thread-safe.

    Parameters
    ----------
    arrays, rows, layout
        What was built, over what and how.
    tokens
        How many tokens of each row are in the lists, its first; None for all.
    """

    def __init__(self, arrays: Arrays, rows: MultiRows, layout: Layout, tokens: int | None = None) -> None:
        self._arrays, self._rows, self._layout, self._tokens = arrays, rows, layout, tokens
        self._shorter: dict[int, TokenListsIndex] = {}
        self._unpromised: TokenListsIndex | None = None
        self._scan = open_multi_scan(rows)
        self._ladder = Ladder.from_arrays(RUNGS, arrays)
        self._first_ladder = Ladder.from_arrays(RUNGS, arrays, prefix=FIRST)
        self._lists: OpenedLists | None = None
        if not arrays:
            return
        from ..kernels.token_lists import find_candidates

        self._kernel = find_candidates
        n_tokens = counted_tokens(rows, tokens)
        listed = Listed(rows.dim, rows.metric, len(rows), n_tokens, n_tokens, repeated=True)
        self._lists = OpenedLists(arrays, listed, layout)
        self._scratch, self._sums = search_scratch(self._lists.sizes), sums_scratch(len(rows))

    @property
    def nbytes(self) -> int:
        """Bytes of the lists, their codes and the ladder."""
        return sum(array.nbytes for array in self._arrays.values())

    def search(
        self, queries: MultiRows, k: int, effort: Effort[TokenListsKnobs], scope: Scope = EVERYTHING
    ) -> Neighbors:
        """Find about the nearest ``min(k, allowed)`` rows of each query.

        Queries whose lists lead to fewer are answered by a scan of the rows in scope.
        """
        return self.prepared(k, effort, scope)(queries)

    def prepared(
        self, k: int, effort: Effort[TokenListsKnobs], scope: Scope = EVERYTHING
    ) -> Callable[[MultiRows], Neighbors]:
        """Return :meth:`search` for all but the queries."""
        n, scan = len(self._rows), self._scan
        scope.check(n)
        knobs = self._fitted(effort.knobs, k)
        if self._lists is None or scope.count(n) <= knobs.candidates:
            return lambda queries: scan.search(queries, k, scope)
        find = self._finding(self._lists, knobs, scope)

        def search(queries: MultiRows) -> Neighbors:
            n_queries = len(queries)
            if not n_queries:
                return scan.search(queries, k, scope)
            found = scan.best_found(queries, k, find)
            # Of one query an array of nothing takes as long as all that is around it.
            if n_queries == 1 and found.rows.item(-1) != NO_ROW:
                return found
            few = np.flatnonzero(found.rows[:, -1] == NO_ROW)
            if len(few):
                more = scan.search(queries[few], k, scope)
                found.rows[few], found.scores[few] = more.rows, more.scores
                found.stats += more.stats + SearchStats(fallbacks=len(few))
            return found

        return search

    def _finding(self, lists: OpenedLists, knobs: TokenListsKnobs, scope: Scope) -> Find:
        """Return what names the likeliest rows of each query, in no order, and what finding them took.

        ``early`` is told, of a query alone, which are the likeliest by the first half of its tokens.
        """
        n, kernel, codec = len(self._rows), self._kernel, lists.codec
        assert codec is not None
        words, held = NOWHERE, None
        if scope.rows is not None and scope.count(n) < n:
            # Held for as long as kernels may read them: two threads that ask first may each make their own.
            held, words = scope.rows.located_words
        width, n_probe, n_tokens = knobs.candidates, knobs.n_probe, knobs.tokens

        def find(
            queries: MultiRows, early: Early | None, held: Any = held
        ) -> tuple[NDArray[np.uint32], SearchStats]:
            tokens = np.ascontiguousarray(compared(queries.tokens, queries.metric))
            offsets, located = queries.located
            if tokens is not queries.tokens:
                located = address(tokens)
            prepared, n_queries = codec.prepare(tokens), len(queries)
            work, sums, scratch = np.zeros(3, np.int64), self._sums.take(), self._scratch.take(n_tokens)
            places = lists.address, scratch.address, sums.address, located, address(prepared)
            asked = n, n_probe, n_tokens, words

            def count(offsets: np.uint64, done: int) -> NDArray[np.uint32]:
                found = np.empty((n_queries, width), np.uint32)
                kernel(*places, offsets, n_queries, *asked, done, found, work)
                return found

            try:
                half = 0 if early is None else len(tokens) // 2
                if early is not None and half:
                    # Four fifths of these are candidates in the end. Of more rows, more would be read in
                    # vain.
                    first_half = np.array([0, half])
                    early(count(address(first_half), 0)[0])
                found = count(offsets, half)
            finally:
                self._scratch.give(scratch)
                self._sums.give(sums)
            return found, SearchStats(*work[:2].tolist())

        return find

    def effort(
        self, k: int, recall: float, knobs: TokenListsKnobs | None, share: float
    ) -> Effort[TokenListsKnobs]:
        """Choose the effort that reaches ``recall``, or take ``knobs`` as given.

        Under a filter as many more lists are read as bring the same tokens in scope.
        """
        ladder, lists = self._ladder, self._lists
        if lists is None or ladder is None:
            known = knobs or TokenListsKnobs(RUNGS[-1])
            return _effort(known, None, self._scan.cost(None, len(self._rows), True))
        chosen = self._fitted(knobs or TokenListsKnobs(ladder.rung_for(k, recall)), k)
        if knobs is None or not knobs.n_probe:
            wider = math.ceil(chosen.n_probe / max(share, 1e-9))
            chosen = TokenListsKnobs(chosen.candidates, min(wider, lists.n_lists), chosen.tokens)
        return _effort(chosen, ladder.recall_at(k, chosen.candidates), self._seconds(chosen))

    def raised(self, rungs: int) -> TokenListsIndex:
        """Return the index whose efforts are so many rungs higher."""
        raised = copy(self)
        raised._ladder = None if self._ladder is None else self._ladder.raised(rungs)
        return raised

    def _fitted(self, knobs: TokenListsKnobs, k: int) -> TokenListsKnobs:
        """Return knobs with what was not said, and no more than there is."""
        if self._lists is None:
            return knobs
        n_lists, n_tokens = self._lists.n_lists, self._lists.entries
        candidates = min(max(knobs.candidates, k), len(self._rows))
        usual = min(max(_TOKENS_A_CANDIDATE * candidates, _FEWEST_TOKENS), _MOST_TOKENS)
        tokens = min(knobs.tokens or usual, n_tokens)
        probed = max(_FEWEST_LISTS, math.ceil(_READ_A_TOKEN * tokens * n_lists / n_tokens))
        return TokenListsKnobs(candidates, min(knobs.n_probe or probed, n_lists), tokens)

    def _seconds(self, knobs: TokenListsKnobs) -> float:
        assert self._lists is not None
        known, lists = costs(), self._lists
        entries = lists.entries * knobs.n_probe / lists.n_lists
        a_token = lists.finding_seconds() + entries * lists.entry_seconds() + knobs.tokens * known.code_row
        return known.call + _USUAL_TOKENS * a_token + self._scan.cost(None, knobs.candidates, False)

    def calibrate(
        self, queries: MultiRows, truth: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Measure the ladder on real queries and return its arrays."""
        return {} if self._lists is None else self._arrays_of_ladders(queries, truth, 1)

    def self_calibrated(self, seed: int, threads: int) -> dict[str, NDArray[Any]]:
        """Measure the ladder on queries made out of the rows and return its arrays."""
        count = affordable_count(self._scan.cost(None, len(self._rows), True), threads)
        queries = multi_pseudo_queries(self._rows, count, seed)
        return self._arrays_of_ladders(queries, None, threads, made_of_rows=True)

    def _arrays_of_ladders(
        self,
        queries: MultiRows,
        truth: NDArray[np.float32] | None,
        threads: int,
        made_of_rows: bool = False,
    ) -> dict[str, NDArray[Any]]:
        """Measure scores by all tokens and, if others are in lists, by those."""
        arrays = self._measured(queries, truth, threads, made_of_rows).to_arrays()
        first = None if self._tokens is None else self.with_tokens(self._tokens)
        if first is not None:
            arrays |= first._measured(queries, None, threads, made_of_rows).to_arrays(FIRST)
        return arrays

    def _measured(
        self,
        queries: MultiRows,
        truth: NDArray[np.float32] | None,
        threads: int,
        made_of_rows: bool,
    ) -> Ladder:
        with in_parts(queries, threads) as every:
            if truth is None:
                depth = DEPTH if made_of_rows else KS[-1]
                truth = Neighbors.concat(every(lambda part: self._scan.search(part, depth))).scores

            def found(k: int, rung: int) -> Neighbors:
                knobs = self._fitted(TokenListsKnobs(rung), k)
                return Neighbors.concat(every(lambda part: self.search(part, k, _effort(knobs))))

            measured = measure_made_of_rows if made_of_rows else measure
            return measured(RUNGS, found, truth, self._rows.metric.higher_is_nearer, MARGIN)

    def with_table(self, arrays: Arrays) -> TokenListsIndex:
        """Return the same index with another ladder."""
        return TokenListsIndex({**self._arrays, **arrays}, self._rows, self._layout, self._tokens)

    def with_budgets(self, asked: int | None, stored: int | None) -> TokenListsIndex | None:
        """Return the index that goes by the first ``stored`` tokens of each row, all for None.

        It promises no recall for queries of few tokens, whose errors by codes do not even out: the planner
        scans then, unless the effort is given.
        """
        found = self if stored is None else self.with_tokens(stored)
        if found is None or asked is None or asked >= FEWEST_ASKED:
            return found
        if found._unpromised is None:
            unpromised = copy(found)
            unpromised._ladder = None
            found._unpromised = unpromised
        return found._unpromised

    def with_tokens(self, count: int) -> TokenListsIndex | None:
        """Return the index that goes by the first ``count`` tokens of each row, of those that are in lists.

        None for so few that what is near their best is found by too few of them, unless the lists hold no
        more; and where the lists do not say which tokens those are.
        """
        shorter = self._shorter.get(count)
        if shorter is None:
            lists, fewest = self._lists, min(_FEWEST_OF_MORE, self._tokens or _FEWEST_OF_MORE)
            if lists is not None and (lists.stops is None or count < fewest):
                return None
            shorter = copy(self)
            shorter._unpromised = None
            shorter._scan = self._scan.with_tokens(count)
            level = level_of(count)
            if lists is not None and level < lists.n_levels:
                shorter._lists = lists.until(level)
            if self._tokens is not None and count <= self._tokens:
                shorter._ladder = self._first_ladder
            if len(self._shorter) >= _BUDGETS_KEPT:
                self._shorter.clear()
            shorter = self._shorter.setdefault(count, shorter)
        return shorter


def _effort(
    knobs: TokenListsKnobs, expected_recall: float | None = None, seconds: float = 0.0
) -> Effort[TokenListsKnobs]:
    words = f"{knobs.candidates} candidates by {knobs.tokens} tokens in {knobs.n_probe} lists"
    return Effort(knobs, expected_recall, seconds, words)
