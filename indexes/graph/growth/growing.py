"""Grows a graph over rows: each is linked to near ones that lie in different directions, and they back to it.

Rows are inserted in a random order as in Vamana (Subramanya et al., NeurIPS 2019, algorithms 1 to 3), in
batches that see the graph as it was before them, so that what comes out depends on no thread (ParlayANN,
Manohar et al., PPoPP 2024, section 3). Other than there a row chooses among the links that it has as well in
the second pass, walks begin at the nearest of many rows, and all distances are of 8-bit codes. Where most of
the rows were in one graph before, they keep their links, and only the others and some of them are inserted.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...exact.dense import row_record
from ...protocol import BuildJob
from ...rows.addresses import address
from ...rows.dense import DenseRows, aligned
from ...rows.metric import Metric
from ...scratch_pool import record_of
from ..links import LINKS_PER_LINE, NO_LINK, count_entries
from ..scratch import WalkScratch
from .codes import growth_codes
from .connecting import connect
from .kept_links import kept_links

# The share of the rows that are there that a batch of the first pass adds, and of all rows the most.
_BATCH_SHARE, _LARGEST_BATCH_SHARE = 1 / 16, 0.02
_WIDTH_SHARE = 1 / 2
# By how much nearer, as a factor of squared distances, a candidate must be to a chosen link to be left out:
# in the second pass a little, so that rows keep more links than the shortest ways need.
_SPREAD = 1.03
_CODES_SHARE, _FIRST_SHARE = 0.02, 0.45
# So many links of a row that is gone are candidates of those that were linked to it. Under dot products all
# are: what only long rows lead to may be any of their links.
_MENDED_BY = 8
# Of the rows that keep their links, those that choose anew: so no graph grows worse from one to the next.
_RENEWED_SHARE = 0.2


def grow(
    rows: DenseRows, nodes: NDArray[np.uint32], m: int, ef_construction: int, job: BuildJob
) -> dict[str, NDArray[np.uint32]]:
    """Return ``links``, the neighbours of every row, and ``entries``, from which every node is reached.

    Links are ``(n, degree)``, unused places ``NO_LINK`` behind the used ones.

    Parameters
    ----------
    rows
        What is linked.
    nodes
        The rows that are part of the graph; others have no links, and none lead to them.
    m
        Half as many links as a row may have.
    ef_construction
        Twice the width of the walks that find a row's neighbours.
    job
        With equal seeds and equal graphs before, the graphs are equal, whatever the threads.
    """
    order = np.random.default_rng(job.seed).permutation(nodes)
    n, entries, renewed = len(order), order[: count_entries(len(order))], order[:0]
    step = max(1, math.ceil(n * _LARGEST_BATCH_SHARE))
    kept = kept_links(job.previous, nodes, len(rows))
    first = _batches(order, step)
    if kept is not None:
        held = kept.holds(len(rows))
        # Walks begin where there are links already.
        entries = entries[np.argsort(~held[entries], kind="stable")]
        known, order = order[held[order]], order[~held[order]]
        renewed = known[: math.ceil(len(known) * _RENEWED_SHARE)]
        first = _equal_batches(order, step, int(held[entries].sum()))
    with _Growth(rows, entries, 2 * m, ef_construction, job) as growth:
        if kept is not None:
            growth.spread()
            for nodes_held, links, pairs in kept.blocks(growth.mended_by):
                growth.take_over(nodes_held, links, pairs)
        inserted = 0
        for present, batch in first:
            growth.insert(batch, present)
            inserted += len(batch)
            job.progress(_CODES_SHARE + (_FIRST_SHARE - _CODES_SHARE) * inserted / len(order))
        growth.spread()
        again, inserted = np.concatenate([order, renewed]), 0
        for present, batch in _equal_batches(again, step, n):
            growth.insert(batch, present)
            inserted += len(batch)
            job.progress(_FIRST_SHARE + (1 - _FIRST_SHARE) * inserted / len(again))
        return {"links": growth.links, "entries": growth.connected(nodes)}


Batches = Iterator[tuple[int, NDArray[np.uint32]]]
"""How many rows are there already, from the first entries on, and the rows that are inserted next."""


def _batches(order: NDArray[np.uint32], most: int) -> Batches:
    """Yield batches that grow with the graph, up to ``most`` rows."""
    done, n = 0, len(order)
    while done < n:
        size = max(1, min(int(done * _BATCH_SHARE), most))
        yield done, order[done : done + size]
        done += size


def _equal_batches(order: NDArray[np.uint32], size: int, present: int) -> Batches:
    """Yield batches of one size into a graph whose first ``present`` entries are there."""
    for start in range(0, len(order), size):
        yield present, order[start : start + size]


class _Growth:
    """A graph as it grows, and what its threads write to."""

    def __init__(
        self, rows: DenseRows, entries: NDArray[np.uint32], most: int, ef_construction: int, job: BuildJob
    ) -> None:
        from ...kernels.graph import GRAPH

        n, self._entries = len(rows), entries
        self._most, self._threads = most, job.threads or os.cpu_count() or 1
        self.links = aligned((n, -(-most // LINKS_PER_LINE) * LINKS_PER_LINE), np.uint32)
        self.links[:] = NO_LINK
        self._codes = growth_codes(rows, self._threads)
        job.progress(_CODES_SHARE)
        coded = self._codes.coded.codes
        self._entry_codes = aligned((len(entries), coded.shape[1]), np.uint8)
        self._entry_codes[:] = coded[entries]
        self._row_record = row_record(rows)
        self._graph = record_of(
            GRAPH,
            {
                "rows": self._row_record,
                "codes": self._codes.record,
                "links": self.links,
                "entries": entries,
                "entry_codes": self._entry_codes,
            },
        )
        self._graph["n_nodes"], self._graph["degree"] = n, self.links.shape[1]
        self._spread = 1.0
        self._width = max(most, int(ef_construction * _WIDTH_SHARE))
        # Distances of dot products are below zero: no factor makes them farther.
        self._last_spread = 1.0 if rows.metric is Metric.DOT else _SPREAD
        self.mended_by = most if rows.metric is Metric.DOT else _MENDED_BY
        self._scratch = [
            WalkScratch(
                n, int(self._row_record["padded_bytes"][0]), coded.shape[1], self.links.shape[1], self._width
            )
            for _ in range(self._threads)
        ]
        self._pool = ThreadPoolExecutor(self._threads)

    def __enter__(self) -> _Growth:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def spread(self) -> None:
        """Go on with the spread of the second pass."""
        self._spread = self._last_spread

    def take_over(
        self, nodes: NDArray[np.uint32], links: NDArray[np.uint32], pairs: NDArray[np.uint64]
    ) -> None:
        """Give nodes links, and further ones to the latter of each pair where none of them leads there."""
        self.links[nodes] = links
        self._link((pairs >> np.uint64(32)).astype(np.uint32), pairs.astype(np.uint32), stay=True)

    def insert(self, batch: NDArray[np.uint32], n_present: int) -> None:
        """Choose the links of a batch of rows in a graph of so many, and link back."""
        self._graph["n_entries"] = min(n_present, len(self._entries))
        if not n_present:
            return
        # In the order of the rows, which is that of their cells: neighbours are walked to one after another.
        batch = np.sort(batch)
        chosen = self._neighbours(batch)
        self.links[batch] = chosen
        is_link = chosen != NO_LINK
        sources = np.repeat(batch, is_link.sum(axis=1))
        by_target = np.argsort(chosen[is_link], kind="stable")
        self._link(chosen[is_link][by_target], sources[by_target], stay=False)

    def _link(self, found: NDArray[np.uint32], sources: NDArray[np.uint32], *, stay: bool) -> None:
        """Link each row found, ascending, to the sources beside it, as the kernel does."""
        from ...kernels.graph_growth import link_back

        targets, starts = np.unique(found, return_index=True)
        offsets = np.append(starts, len(found)).astype(np.int64)

        def link(growth: NDArray[Any], first: int, last: int) -> None:
            link_back(
                address(growth), address(targets), address(offsets), address(sources), first, last, stay
            )

        self._each_thread(link, len(targets), self.links.shape[1] + int(np.diff(offsets).max(initial=0)))

    def connected(self, nodes: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Make every node reachable and return the entries from which it is."""
        return connect(self._graph, self.links, self._most, nodes, self._entries, self._neighbours)

    def _neighbours(self, listed: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return the rows that each of the listed should be linked to, nearest first."""
        from ...kernels.graph_growth import choose_neighbours

        chosen = np.empty((len(listed), self.links.shape[1]), np.uint32)

        def choose(growth: NDArray[Any], first: int, last: int) -> None:
            choose_neighbours(address(growth), address(listed), first, last, self._width, address(chosen))

        self._each_thread(choose, len(listed), self._width + self.links.shape[1])
        return chosen

    def _each_thread(self, work: Callable[[NDArray[Any], int, int], None], count: int, room: int) -> None:
        """Do the work on equal parts of ``count`` things, with room for so many candidates."""
        from ...kernels.varied_links import GROWTH

        def part(thread: int) -> None:
            buffers: dict[str, NDArray[Any]] = {
                "candidates": np.empty(room, np.uint32),
                "distances": np.empty(room + 3, np.float32),
                "ranked": np.empty(room, np.uint64),
            }
            growth = record_of(GROWTH, buffers)
            growth["graph"], growth["walk"] = address(self._graph), self._scratch[thread].address
            growth["steps"], growth["most"], growth["spread"] = self._codes.steps, self._most, self._spread
            work(growth, count * thread // self._threads, count * (thread + 1) // self._threads)

        list(self._pool.map(part, range(self._threads)))
