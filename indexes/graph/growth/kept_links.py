"""The links of rows that were in a graph before: taken over, without those to rows that are gone.

What a gone row leaves is mended as in FreshDiskANN (Singh et al., 2021, section 4.2): who was linked to it
may be linked to what it was linked to. Other than there only its nearest links are candidates, and the links
that a row has left stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...protocol import Previous
from ...rows.neighbors import NO_ROW
from ..copies import open_copies
from ..links import NO_LINK, check_links

# Where fewer of the nodes were in one graph, all are linked anew: that costs little more, and links better.
_LEAST_SHARE = 0.5
_BLOCK_ROWS = 1 << 13


@dataclass(frozen=True, slots=True)
class KeptLinks:
    """A graph that most of the nodes were in.

    Parameters
    ----------
    links
        ``(n, degree)`` its links, between rows as they were.
    now
        ``(n,)`` uint32, the node that each of its nodes is now; ``NO_ROW`` for those that are gone, and for
        rows that were none.
    """

    links: NDArray[np.uint32]
    now: NDArray[np.uint32]

    def holds(self, n: int) -> NDArray[np.bool_]:
        """Return which of ``n`` rows it has links of."""
        held = np.zeros(n, np.bool_)
        held[self.now[self.now != NO_ROW]] = True
        return held

    def blocks(
        self, mended_by: int
    ) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint64]]]:
        """Yield nodes, their links, and what they may be linked to beside them, part after part.

        That are pairs, the node in the upper half and the other in the lower, ascending and each once: in the
        place of each row that is gone the first ``mended_by`` of its links.
        """
        for start in range(0, len(self.now), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            was, nodes = self.links[block], self.now[block]
            here = nodes != NO_ROW
            was, nodes = was[here], nodes[here]
            links = self._as_now(was)
            # Those that are left stand before those that are not.
            at, place = np.nonzero((was != NO_LINK) & (self.now[np.where(was == NO_LINK, 0, was)] == NO_ROW))
            mending = self._as_now(self.links[was[at, place]])[:, :mended_by]
            pairs = nodes[at].astype(np.uint64)[:, None] << np.uint64(32) | mending
            wanted = (mending != NO_LINK) & (mending != nodes[at][:, None])
            yield nodes, links, np.unique(pairs[wanted])

    def _as_now(self, was: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return links between rows as they are now, those to rows that are gone left out."""
        links = np.where(was == NO_LINK, np.uint32(NO_LINK), self.now[np.where(was == NO_LINK, 0, was)])
        return np.take_along_axis(links, np.argsort(links == NO_LINK, axis=1, kind="stable"), axis=1)


def kept_links(previous: Sequence[Previous], nodes: NDArray[np.uint32], n: int) -> KeptLinks | None:
    """Return the graph that most ``nodes`` among ``n`` rows were in, None where none had half of them."""
    is_node = np.zeros(n, np.bool_)
    is_node[nodes] = True
    most, found = _LEAST_SHARE * len(nodes), None
    for one in previous:
        if "links" not in one.arrays:
            continue
        check_links(one.arrays["links"], len(one.rows))
        now = _nodes_now(one, is_node)
        count = int((now != NO_ROW).sum())
        if count >= most:
            most, found = count, KeptLinks(one.arrays["links"], now)
    return found


def _nodes_now(one: Previous, is_node: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Return what each node of a graph is now: another of equal rows if it is gone or not their first."""
    now = one.rows
    is_now = now != NO_ROW
    is_now[is_now] = is_node[now[is_now]]
    nodes = np.arange(len(now), dtype=np.uint32)
    copies = open_copies(one.arrays, len(now))
    if copies is not None:
        nodes[copies[copies != NO_ROW]] = np.flatnonzero(copies != NO_ROW)
        while (nodes[nodes] != nodes).any():
            nodes = nodes[nodes]
    found = np.full(len(now), NO_ROW, np.uint32)
    found[nodes[is_now]] = now[is_now]
    return found
