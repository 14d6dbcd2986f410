"""What cells of a map say of an area is what the area says of each point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vicinal.engine.filters import cells
from vicinal.engine.filters.areas import Area, Box, Circle, Polygon
from vicinal.engine.filters.cells import MAX_SQUARES, cell_codes, cover
from vicinal.engine.segments.sealed.postings.places import Places, place_arrays
from vicinal.storage.errors import CorruptionError

# Corners of squares of many levels, and what lies a little beside them.
TURNS = [0, 45, 90, -90, 180, -180, 22.5, 180 / 1024, 5.625]
NEAR = [0, 1e-12, -1e-12, 1e-7, -1e-7, 0.3]


def coordinates(most: float) -> st.SearchStrategy[float]:
    near = st.sampled_from(TURNS).flatmap(lambda turn: st.sampled_from(NEAR).map(lambda off: turn + off))
    return st.floats(-most, most) | near.map(lambda value: float(np.clip(value, -most, most)))


points = st.tuples(coordinates(90), coordinates(180))
rings = st.lists(points, min_size=3, max_size=8).filter(
    # What is said once more at the end is no corner.
    lambda ring: any(corner != ring[0] for corner in ring[2:])
)
areas: st.SearchStrategy[Area] = st.one_of(
    st.builds(Box, points, points),
    st.builds(Circle, points, st.floats(0, 2.1e7) | st.floats(0, 1000)),
    st.builds(Polygon, rings.map(tuple), st.lists(rings.map(tuple), max_size=2).map(tuple)),
)


def places(near: list[tuple[float, float]], seed: int) -> np.ndarray:
    """Return points everywhere, in a crowd, and exactly where an area turns or cells meet."""
    random = np.random.default_rng(seed)
    everywhere = random.uniform((-90, -180), (90, 180), (300, 2))
    crowd = np.clip(random.normal(random.uniform(-80, 80, 2), 10 ** random.uniform(-4, 1), (200, 2)), -90, 90)
    turns = np.array([(lat, lon) for lat in TURNS if abs(lat) <= 90 for lon in TURNS])
    return np.concatenate([everywhere, crowd, turns, np.array(near, np.float64).reshape(-1, 2)])


def corners(area: Area) -> list[tuple[float, float]]:
    match area:
        case Box(one, other):
            return [one, other, (one[0], other[1])]
        case Circle(center, _):
            return [center]
        case Polygon(ring, holes):
            return [*ring, *(corner for hole in holes for corner in hole)]


@settings(max_examples=100, deadline=None)
@given(areas, st.lists(points, max_size=5), st.integers(0, 99), st.sampled_from([0, 64]))
def test_rows_in_an_area_are_those_whose_points_are(
    area: Area, more: list[tuple[float, float]], seed: int, few: int
) -> None:
    found = places([*corners(area), *more], seed)
    rows = np.random.default_rng(seed).permutation(len(found)).astype(np.uint32)
    arrays = place_arrays(found, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "_FEW_POINTS", few)
        answered = Places(*arrays.values()).rows_in(area)
        inside, perhaps = cover(area, arrays["cell"])
    expected = rows[area.contains(found[:, 0], found[:, 1])]
    assert sorted(answered.tolist()) == sorted(expected.tolist())
    assert len(inside) + len(perhaps) <= MAX_SQUARES


def test_most_of_a_large_area_is_not_compared() -> None:
    random = np.random.default_rng(0)
    found = random.uniform((-90, -180), (90, 180), (1_000_000, 2))
    codes = np.sort(cell_codes(found[:, 0], found[:, 1]))
    ring = ((0.0, 0.0), (10.0, 30.0), (50.0, 40.0), (60.0, 0.0))
    for area in Box((60, -20), (-10, 80)), Circle((20, 20), 3e6), Polygon(ring):
        inside, perhaps = cover(area, codes)
        n_inside, n_perhaps = (sum(end - first for first, end in some) for some in (inside, perhaps))
        n_there = int(np.count_nonzero(area.contains(found[:, 0], found[:, 1])))
        assert n_inside <= n_there <= n_inside + n_perhaps
        assert n_perhaps < n_there / 2


def test_codes_go_by_turns_and_the_last_cells_have_the_far_edges() -> None:
    lat, lon = np.array([-90.0, -90, 90, 90, 0]), np.array([-180.0, 180, -180, 180, 0])
    assert cell_codes(lat, lon).tolist() == [0, 0x55555555, 0xAAAAAAAA, 0xFFFFFFFF, 0xC0000000]


def test_no_points_are_in_no_area() -> None:
    none = Places(*place_arrays(np.empty((0, 2)), np.empty(0, np.uint32)).values())
    assert none.rows_in(Circle((0, 0), 1e8)).tolist() == []


def test_arrays_that_do_not_fit_are_corruption() -> None:
    arrays = place_arrays(np.zeros((2, 2)), np.zeros(2, np.uint32))
    for damaged in {"lat": np.zeros(1)}, {"cell": np.zeros(2)}, {"row": np.zeros(2)}:
        with pytest.raises(CorruptionError, match="places have"):
            Places(*(arrays | damaged).values())
