"""Open token lists: their arrays, their ladder of efforts and their search."""

from __future__ import annotations

import math
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..costs import costs
from ..effort.ladder import FIRST, KS, MARGIN, Ladder, measure
from ..effort.multi_queries import FEWEST_ASKED, affordable_count, multi_pseudo_queries
from ..effort.parts import in_parts
from ..exact.multi import Early, counted_tokens
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
        self._last: tuple[TokenListsKnobs, int, TokenListsKnobs] | None = None
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
        n = len(self._rows)
        scope.check(n)
        knobs = self._searched(effort.knobs, k)
        if self._lists is None or scope.count(n) <= knobs.candidates or not len(queries):
            return self._scan.search(queries, k, scope)
        found = self._scan.best_found(
            queries, k, lambda part, early: self._candidates(part, knobs, scope, early)
        )
        # Of one query an array of nothing takes as long as all that is around it.
        if len(queries) == 1 and found.rows.item(-1) != NO_ROW:
            return found
        few = np.flatnonzero(found.rows[:, -1] == NO_ROW)
        if len(few):
            more = self._scan.search(queries[few], k, scope)
            found.rows[few], found.scores[few] = more.rows, more.scores
            found.stats += more.stats + SearchStats(fallbacks=len(few))
        return found

    def _candidates(
        self, queries: MultiRows, knobs: TokenListsKnobs, scope: Scope, early: Early | None = None
    ) -> tuple[NDArray[np.uint32], SearchStats]:
        """Return the likeliest rows of each query, in no order, and what finding them took.

        ``early`` is told, of a query alone, which are the likeliest by the first half of its tokens.
        """
        lists, n = self._lists, len(self._rows)
        assert lists is not None
        assert lists.codec is not None
        words, held = NOWHERE, None
        if scope.rows is not None and scope.count(n) < n:
            # Held here while the kernel reads them: two threads that ask first may each make their own.
            held, words = scope.rows.located_words
        tokens = np.ascontiguousarray(compared(queries.tokens, queries.metric))
        offsets, located = queries.located
        prepared = lists.codec.prepare(tokens)
        work, sums, scratch = np.zeros(3, np.int64), self._sums.take(), self._scratch.take(knobs.tokens)

        def count(offsets: np.uint64, done: int) -> NDArray[np.uint32]:
            found = np.empty((len(queries), knobs.candidates), np.uint32)
            self._kernel(
                lists.address,
                scratch.address,
                sums.address,
                located if tokens is queries.tokens else address(tokens),
                address(prepared),
                offsets,
                len(queries),
                n,
                knobs.n_probe,
                knobs.tokens,
                words,
                done,
                found,
                work,
            )
            return found

        try:
            half = 0 if early is None else len(tokens) // 2
            if early is not None and half:
                # Four fifths of these are candidates in the end. Of more rows, more would be read in vain.
                first_half = np.array([0, half])
                early(count(address(first_half), 0)[0])
            found = count(offsets, half)
        finally:
            self._scratch.give(scratch)
            self._sums.give(sums)
            del held
        return found, SearchStats(hops=int(work[0]), distances=int(work[1]))

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

    def _searched(self, knobs: TokenListsKnobs, k: int) -> TokenListsKnobs:
        """Return what :meth:`_fitted` does; what was asked for last is mostly asked for again."""
        last = self._last
        if last is None or last[0] is not knobs or last[1] != k:
            self._last = last = knobs, k, self._fitted(knobs, k)
        return last[2]

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
        return self._arrays_of_ladders(queries, None, threads, as_hard_as_ten=True, given=1)

    def _arrays_of_ladders(
        self, queries: MultiRows, truth: NDArray[np.float32] | None, threads: int, **counting: Any
    ) -> dict[str, NDArray[Any]]:
        """Measure scores by all tokens and, if others are in lists, by those."""
        arrays = self._measured(queries, truth, threads, **counting).to_arrays()
        first = None if self._tokens is None else self.with_tokens(self._tokens)
        if first is not None:
            arrays |= first._measured(queries, None, threads, **counting).to_arrays(FIRST)
        return arrays

    def _measured(
        self,
        queries: MultiRows,
        truth: NDArray[np.float32] | None,
        threads: int,
        as_hard_as_ten: bool = False,
        given: int = 0,
    ) -> Ladder:
        with in_parts(queries, threads) as every:
            if truth is None:
                truth = Neighbors.concat(every(lambda part: self._scan.search(part, KS[-1]))).scores

            def found(k: int, rung: int) -> Neighbors:
                knobs = self._fitted(TokenListsKnobs(rung), k)
                return Neighbors.concat(every(lambda part: self.search(part, k, _effort(knobs))))

            ladder = measure(RUNGS, found, truth, self._rows.metric.higher_is_nearer, MARGIN, given=given)
        return ladder.as_hard_as_ten() if as_hard_as_ten else ladder

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
            unpromised._ladder = unpromised._last = None
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
            shorter._last = shorter._unpromised = None
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
