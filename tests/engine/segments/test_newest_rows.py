"""The newest row of each point is known without a write that takes as long as there are rows."""

from __future__ import annotations

import tracemalloc

import numpy as np

from vicinal.engine.segments.growing.newest_rows import NewestRows


def test_no_write_makes_all_anew() -> None:
    newest, most = NewestRows(), []
    for first in range(0, 300_000, 1_000):
        rows = {(0, number): number for number in range(first, first + 1_000)}
        tracemalloc.start()
        newest.set(rows)
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # One dictionary of so many keys takes 10 MB.
    assert max(most) < 5_000_000
    assert max(most[150:]) <= max(most[:150])
    assert [newest.get((0, number)) for number in (0, 70_000, 299_999)] == [0, 70_000, 299_999]


def test_what_was_set_last_is_found() -> None:
    generator, newest, known = np.random.default_rng(0), NewestRows(), {}
    for batch in range(60):
        keys = [
            (int(tenant), f"p{number}") for tenant, number in generator.integers(0, (3, 60_000), (3_000, 2))
        ]
        rows = {key: batch * 3_000 + place for place, key in enumerate(keys)}
        newest.set(rows)
        known |= rows
    assert all(newest.get(key) == row for key, row in known.items())
    assert newest.get((3, "p1")) == -1
    assert newest.get((0, "none")) == -1
