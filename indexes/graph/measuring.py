"""Measures what walks of a graph bring, on queries made out of the rows or on real ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cells.build import PREFIX
from ..cells.measuring import measure_cells
from ..effort.ladder import KS, MARGIN, Ladder, measure
from ..effort.parts import in_parts
from ..effort.pseudo_queries import COUNT, NEIGHBOURS, SHORTFALL, pseudo_queries
from ..rows.addresses import address
from ..rows.dense import longest_row
from ..rows.metric import Metric
from ..rows.neighbors import Neighbors
from .efforts import FEWEST_RANKED, LEAST_RESCORED, rescore_width
from .knobs import HnswKnobs
from .opened import WIDTHS, Graph
from .spreads import Spreads, narrowest, spreads_of

_NEIGHBOUR_EF = 2 * NEIGHBOURS
# How far the worst tenth of the queries may stay behind what is promised: walks go on for them.
_WORST_BEHIND = 0.09
# As many of a pool are scored exactly as bring this share of what scoring all of such a pool brings.
_RESCORED_ENOUGH, _RESCORED_EF, _RESCORED_K = 0.995, 112, 10


def calibrated(
    graph: Graph, queries: NDArray[Any], truth: NDArray[np.float32] | None
) -> dict[str, NDArray[Any]]:
    """Return the arrays of what real queries are measured to need."""
    spreads = _spreads(graph, queries)
    ladder = _ladder(graph.with_table(spreads), queries, truth, 1)
    return spreads | ladder.to_arrays() | _cells(graph, queries, 0)


def self_calibrated(graph: Graph, seed: int, threads: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of what queries made out of the rows are measured to need."""

    def nearest(queries: NDArray[Any], k: int) -> NDArray[np.uint32]:
        return graph.search(queries, k, HnswKnobs(_NEIGHBOUR_EF, _NEIGHBOUR_EF)).rows

    queries, groups = pseudo_queries(graph.rows, nearest, seed)
    # What is usual does not change where few rows are unlike the others.
    usual = queries[:COUNT]
    known: dict[str, NDArray[Any]] = {"rescored": np.array([_share_to_rescore(graph, usual)], np.float32)}
    known |= _spreads(graph, usual)
    ladder = _ladder(
        graph.with_table(known), queries, None, threads, given=1, groups=groups, shortfall=_WORST_BEHIND
    )
    measured = known | ladder.as_hard_as_ten().to_arrays()
    return measured | _cells(graph, queries, seed, groups=groups, shortfall=SHORTFALL)


def _cells(graph: Graph, queries: NDArray[Any], seed: int, **counting: Any) -> dict[str, NDArray[Any]]:
    if graph.cells is None:
        return {}
    table = measure_cells(
        graph.cells,
        graph.rows,
        graph.scan,
        queries,
        lambda k: graph.efforts.all_codes(k, 0).rescore,
        seed=seed,
        **counting,
    )
    return {PREFIX + name: array for name, array in table.to_arrays().items()}


def _spreads(graph: Graph, queries: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return what is asked of the spread of pools, as those of these queries have it."""
    n, reached = len(graph.rows), dict[tuple[int, int], NDArray[np.float32]]()
    longest = longest_row(graph.rows) if graph.rows.metric is Metric.DOT else 0.0
    measuring = graph.with_table(Spreads.unmeasured(WIDTHS, longest).to_arrays())
    ranks = [k for k in KS if k >= FEWEST_RANKED]
    k, listed = ranks[0], np.array(ranks)
    for width in WIDTHS if graph.knows_spreads else ():
        if narrowest(k) <= width <= n:
            spreads = np.zeros((len(queries), len(ranks)), np.float32)
            asked = address(listed), len(ranks), address(spreads)
            measuring.prepared(k, HnswKnobs(width, k))(queries, asked)
            reached |= {(r, width): spreads[:, i] for i, r in enumerate(ranks) if narrowest(r) <= width}
    return spreads_of(WIDTHS, reached, longest).to_arrays()


def _share_to_rescore(graph: Graph, queries: NDArray[Any]) -> float:
    """Return the least share of a pool that, scored exactly, loses next to nothing of what all has."""
    k, ef, share = _RESCORED_K, min(_RESCORED_EF, len(graph.rows)), LEAST_RESCORED
    last = graph.search(queries, k, HnswKnobs(ef, ef)).scores[:, -1:]
    while share < 1:
        found = graph.search(queries, k, HnswKnobs(ef, rescore_width(k, ef, share))).scores
        kept = found >= last if graph.rows.metric.higher_is_nearer else found <= last
        if kept.mean() >= _RESCORED_ENOUGH:
            break
        share *= 2
    return share


def _ladder(
    graph: Graph,
    queries: NDArray[Any],
    truth: NDArray[np.float32] | None,
    threads: int,
    **counting: Any,
) -> Ladder:
    efforts = graph.efforts
    with in_parts(queries, threads) as every:

        def each(search: Callable[[NDArray[Any]], Neighbors]) -> Neighbors:
            return Neighbors.concat(every(search))

        def search(k: int, ef: int) -> Neighbors:
            knobs = efforts.watching(HnswKnobs(ef, efforts.rescore(k, ef)), k, ef)
            return each(lambda part: graph.search(part, k, knobs))

        if truth is None:
            truth = each(lambda part: graph.scan.search(part, KS[-1])).scores
        ladder = measure(WIDTHS, search, truth, graph.rows.metric.higher_is_nearer, MARGIN, **counting)
        # Narrow walks may go on more than wider ones; more recall is not to be predicted to cost less.
        return replace(ladder, work=np.maximum.accumulate(ladder.work))
