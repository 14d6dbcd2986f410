"""Links that are taken over from a graph that rows were in before, against plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vicinal.indexes.graph.growth.kept_links import kept_links
from vicinal.indexes.graph.links import NO_LINK
from vicinal.indexes.protocol import Previous
from vicinal.indexes.rows.neighbors import NO_ROW

DEGREE, MENDED_BY = 16, 8


def random_links(rng: np.random.Generator, nodes: NDArray[np.int64], n: int) -> NDArray[np.uint32]:
    """Return links among some of ``n`` rows, unused places behind the used ones."""
    links = np.full((n, DEGREE), NO_LINK, np.uint32)
    for row in nodes.tolist():
        others = rng.permutation(nodes[nodes != row])[: rng.integers(0, DEGREE + 1)]
        links[row, : len(others)] = others
    return links


def used(row: NDArray[np.uint32]) -> list[int]:
    return row[row != NO_LINK].tolist()


@pytest.mark.parametrize("n", [60, 9000])
@pytest.mark.parametrize("equal", [False, True])
def test_links_lead_where_they_led_and_gaps_are_mended(n: int, equal: bool) -> None:
    rng = np.random.default_rng(n)
    # Which of the things that rows are copies of each row is; its first row is the node.
    things = np.sort(rng.integers(0, n // 2, n)) if equal else np.arange(n)
    things = rng.permutation(things)
    first_of = {thing: row for row, thing in reversed(list(enumerate(things.tolist())))}
    nodes = np.unique(list(first_of.values()))
    links = random_links(rng, nodes, n)
    copies, last = np.full(n, NO_ROW, np.uint32), {}
    for row, thing in enumerate(things.tolist()):
        if thing in last:
            copies[last[thing]] = row
        last[thing] = row
    # A fifth is gone, and the others stand among new rows of things that there were not.
    here = rng.random(n) > 0.2
    n_now = n
    now = np.full(n, NO_ROW, np.uint32)
    now[here] = rng.permutation(n_now)[: here.sum()]
    thing_now = dict(zip(now[here].tolist(), things[here].tolist(), strict=True))
    node_of: dict[int, int] = {}
    for row in range(n_now):
        node_of.setdefault(thing_now.get(row, -1 - row), row)
    found = kept_links(
        [Previous({"links": links} | ({"copies": copies} if equal else {}), now)],
        np.array(sorted(node_of.values()), np.uint32),
        n_now,
    )
    assert found is not None
    seen: dict[int, list[int]] = {}
    mended: dict[int, set[int]] = {}
    for held, kept, pairs in found.blocks(MENDED_BY):
        assert (np.diff(pairs.astype(object)) > 0).all()
        seen |= {row: used(one) for row, one in zip(held.tolist(), kept, strict=True)}
        for pair in pairs.tolist():
            mended.setdefault(pair >> 32, set()).add(pair & 0xFFFFFFFF)

    def as_now(row: int) -> int | None:
        return node_of.get(int(things[row]))

    def linked(row: int) -> list[int]:
        return [place for place in map(as_now, used(links[row])) if place is not None]

    checked = nodes if n < 1000 else rng.permutation(nodes)[:500]
    for row in checked.tolist():
        place = as_now(row)
        if place is None:
            continue
        assert seen[place] == linked(row)
        gone = [other for other in used(links[row]) if as_now(other) is None]
        expected = {one for other in gone for one in linked(other)[:MENDED_BY]} - {place}
        assert mended.get(place, set()) == expected
    assert set(np.flatnonzero(found.holds(n_now)).tolist()) == seen.keys()


def test_the_graph_of_most_rows_is_kept_and_none_of_fewer_than_half() -> None:
    rng = np.random.default_rng(0)
    nodes = np.arange(100, dtype=np.uint32)

    def graph_of(rows: NDArray[np.int64]) -> Previous:
        return Previous({"links": random_links(rng, np.arange(len(rows)), len(rows))}, rows.astype(np.uint32))

    few, many, most = (graph_of(np.arange(start, stop)) for start, stop in ((0, 40), (0, 60), (30, 100)))
    assert kept_links([few], nodes, 100) is None
    assert kept_links([Previous({}, np.arange(100, dtype=np.uint32))], nodes, 100) is None
    for previous in ([few, many, most], [most, few, many]):
        found = kept_links(previous, nodes, 100)
        assert found is not None
        assert found.links is most.arrays["links"]


def test_links_to_rows_that_do_not_exist_are_refused() -> None:
    links = np.full((100, DEGREE), NO_LINK, np.uint32)
    links[3, 0] = 100
    nodes = np.arange(100, dtype=np.uint32)
    with pytest.raises(ValueError, match="links lead to rows beyond the last of 100"):
        kept_links([Previous({"links": links}, nodes)], nodes, 100)
