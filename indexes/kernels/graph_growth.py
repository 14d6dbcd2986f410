"""Growing a graph: rows are linked to some of the nearest that a walk finds, and those back to them."""

from __future__ import annotations

import numpy as np

from .codes import BITS, KEY_OFFSET, view_codes
from .graph import STATS, view_graph, view_walk
from .kernel import entry_point, inner
from .memory import view_f32, view_i64, view_u8, view_u32, view_u64
from .pool import row_of
from .rows import view_rows
from .varied_links import (
    NO_LINK,
    as_query,
    choose_links,
    four_distances,
    rank_candidates,
    view_growth,
)
from .walk import next_epoch, walk_graph

# A walk that never goes on asks nothing of its pool, nor where the query lies.
_ONE, _NOTHING, _NOT_ASKED = np.float32(1.0), np.uint64(0), (0.0, 0.0, 0.0, 0.0)


@inner
def links_of(graph, row):
    return view_u32(graph.links + np.uint64(row) * np.uint64(graph.degree * 4), graph.degree)


@inner
def is_listed(candidates, count, row):
    listed = False
    for i in range(count):
        listed |= candidates[i] == row
    return listed


@inner
def add_candidates(codes, walk, growth, row, first, count):
    """Compare the candidates from place ``first`` on with the row, and rank all."""
    candidates, distances = view_u32(growth.candidates, count), view_f32(growth.distances, count)
    near = view_f32(walk.keys, 4)
    shift = as_query(codes, row, growth.steps, walk.query_codes)
    for i in range(first, count, 4):
        four_distances(codes, candidates, i, count, growth.steps, shift, walk, near)
        for j in range(min(4, count - i)):
            distances[i + j] = near[j]
    rank_candidates(growth, count)


@entry_point("graph growth")
def choose_neighbours(growth_address, listed_address, first, last, ef, chosen_address):
    """Choose the links of the listed rows from ``first`` to ``last`` among what a walk finds and they have.

    Nothing but ``chosen``, a row of links for each of the listed, is written: all see the graph as it was.
    """
    growth = view_growth(growth_address)
    graph, walk = view_graph(growth.graph), view_walk(growth.walk)
    rows, codes = view_rows(graph.rows), view_codes(graph.codes)
    listed, degree = view_u32(listed_address, last), graph.degree
    visited, epochs = view_u8(walk.visited, rows.n + 1), view_i64(walk.epoch, 1)
    pool, stats = view_u64(walk.pool, ef), view_i64(walk.stats, STATS)
    candidates = view_u32(growth.candidates, ef + degree)
    distances = view_f32(growth.distances, ef + degree)
    scale = np.float32(growth.steps), np.float32(1.0), np.float32(0.0), np.float32(1.0)
    stats[:] = 0
    for place in range(first, last):
        row = listed[place]
        epoch = next_epoch(visited, epochs)
        shift = as_query(codes, row, growth.steps, walk.query_codes)
        size, _width, _narrow, _lost = walk_graph(
            graph,
            codes,
            rows,
            walk,
            scale,
            _ONE,
            _NOTHING,
            _NOTHING,
            1,
            ef,
            0,
            _NOT_ASKED,
            visited,
            epoch,
            stats,
        )
        found = 0
        for i in range(size):
            if row_of(pool[i]) != row:
                near = np.float64(pool[i] >> np.uint64(32))
                candidates[found] = row_of(pool[i])
                distances[found] = np.float32(near if codes.form == BITS else near - KEY_OFFSET + shift)
                found += 1
        links, count = links_of(graph, row), found
        for i in range(degree):
            if links[i] != NO_LINK and not is_listed(candidates, found, links[i]):
                candidates[count] = links[i]
                count += 1
        if count > found:
            add_candidates(codes, walk, growth, row, found, count)
        chosen = view_u32(chosen_address + np.uint64(place) * np.uint64(degree * 4), degree)
        choose_links(codes, walk, growth, count, chosen, 0)


@entry_point("graph links")
def link_back(growth_address, targets_address, offsets_address, sources_address, first, last, stay):
    """Link each target to its sources, where it is not yet, and choose anew where those are too many.

    Where the links that it has ``stay``, it is linked to those sources that none of its links leads to.
    """
    growth = view_growth(growth_address)
    graph, walk = view_graph(growth.graph), view_walk(growth.walk)
    codes = view_codes(graph.codes)
    targets, offsets = view_u32(targets_address, last), view_i64(offsets_address, last + 1)
    sources = view_u32(sources_address, offsets[last])
    for place in range(first, last):
        links = links_of(graph, targets[place])
        candidates = view_u32(growth.candidates, graph.degree + offsets[place + 1] - offsets[place])
        used, count = 0, 0
        while used < growth.most and links[used] != NO_LINK:
            if not stay:
                candidates[count] = links[used]
                count += 1
            used += 1
        for i in range(offsets[place], offsets[place + 1]):
            if not is_listed(links, used, sources[i]):
                candidates[count] = sources[i]
                count += 1
        if not stay and count <= growth.most:
            for i in range(used, count):
                links[i] = candidates[i]
        else:
            add_candidates(codes, walk, growth, targets[place], 0, count)
            choose_links(codes, walk, growth, count, links, used if stay else 0)


@entry_point("graph reach")
def mark_reached(graph_address, starts_address, n_starts, stack_address, reached_address):
    """Mark the rows to which links lead from the starts."""
    graph = view_graph(graph_address)
    n = view_rows(graph.rows).n
    starts, stack, reached = (
        view_u32(starts_address, n_starts),
        view_u32(stack_address, n),
        view_u8(reached_address, n),
    )
    size = 0
    for i in range(n_starts):
        if not reached[starts[i]]:
            reached[starts[i]] = 1
            stack[size] = starts[i]
            size += 1
    while size:
        size -= 1
        links = links_of(graph, stack[size])
        for i in range(graph.degree):
            if links[i] != NO_LINK and not reached[links[i]]:
                reached[links[i]] = 1
                stack[size] = links[i]
                size += 1
