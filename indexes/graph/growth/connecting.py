"""Makes all nodes of a graph reachable from where walks begin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rows.addresses import address
from ..links import NO_LINK

_ROUNDS = 8

Neighbours = Callable[[NDArray[np.uint32]], NDArray[np.uint32]]
"""``neighbours(rows)``: ``(len(rows), degree)`` rows that a walk to each finds, nearest first."""


def connect(
    graph: NDArray[Any],
    links: NDArray[np.uint32],
    most: int,
    nodes: NDArray[np.uint32],
    entries: NDArray[np.uint32],
    neighbours: Neighbours,
) -> NDArray[np.uint32]:
    """Link nodes that no way leads to from near ones to which one does; return the entries of the graph.

    A node that has all its links gives up the last of them, which may cut off another: after some rounds
    what is still apart becomes an entry itself.

    Parameters
    ----------
    graph
        The graph as kernels see it.
    links
        Its links, which are changed.
    most
        Links of a row.
    nodes
        The rows that are to be reached.
    entries
        Where walks begin.
    neighbours
        What finds near rows that walks come by.
    """
    for _ in range(_ROUNDS):
        reached = _Reached(graph, len(links))
        reached.mark(entries)
        apart = nodes[reached.marks[nodes] == 0]
        if not len(apart):
            return entries
        for row, near in zip(apart.tolist(), neighbours(apart), strict=True):
            if reached.marks[row]:
                continue
            known = near[near != NO_LINK]
            known = known[reached.marks[known] == 1]
            if len(known):
                free = known[links[known, most - 1] == NO_LINK]
                target = int(free[0] if len(free) else known[0])
                used = int((links[target] != NO_LINK).sum())
                links[target, min(used, most - 1)] = row
                reached.mark(np.array([row], np.uint32))
    reached = _Reached(graph, len(links))
    reached.mark(entries)
    more = []
    for row in nodes[reached.marks[nodes] == 0].tolist():
        if not reached.marks[row]:
            more.append(row)
            reached.mark(np.array([row], np.uint32))
    return np.sort(np.append(entries, np.array(more, np.uint32)))


class _Reached:
    """Which rows links lead to."""

    def __init__(self, graph: NDArray[Any], n: int) -> None:
        self._graph, self._stack, self.marks = graph, np.empty(n, np.uint32), np.zeros(n, np.uint8)

    def mark(self, starts: NDArray[np.uint32]) -> None:
        """Mark the starts and all that links lead to from them."""
        from ...kernels.graph_growth import mark_reached

        mark_reached(
            address(self._graph), address(starts), len(starts), address(self._stack), address(self.marks)
        )
