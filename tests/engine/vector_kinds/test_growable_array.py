"""Arrays that grow without copying what is in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from vicinal.engine.vector_kinds.growable_array import GrowableArray

LIMITED = """
import resource
from pathlib import Path
import numpy as np
from vicinal.engine.vector_kinds.growable_array import GrowableArray

def mapped():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

before = mapped()
limit = before + (256 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
array = GrowableArray(np.float32, 16)
for first in range(0, 100_000, 1_000):
    array.extend(np.full((1_000, 16), first, np.float32))
assert (array.view(100_000)[:, 3] == np.repeat(np.arange(0, 100_000, 1_000), 1_000)).all()
assert mapped() - before < 64 << 20
"""


def _place(array: GrowableArray) -> int:
    return array.view(1).ctypes.data


def test_rows_stay_where_they_are_from_10_000_to_1_000_000() -> None:
    array = GrowableArray(np.float32, 32)
    batch = np.ones((1_000, 32), np.float32)
    moved = []
    for first in range(0, 1_000_000, 1_000):
        place = _place(array)
        batch[:, 0] = first
        array.extend(batch)
        if _place(array) != place:
            moved.append(first)
    # Each time that many rows were copied.
    assert max(moved) < 10_000
    assert (array.view(1_000_000)[::1_000, 0] == np.arange(0, 1_000_000, 1_000)).all()
    assert array.nbytes == 1_000_000 * 32 * 4


def test_what_is_reserved_takes_no_memory() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    before = resident()
    arrays = [GrowableArray(np.float32, 16) for _ in range(4)]
    for array in arrays:
        array.extend(np.ones((20_000, 16), np.float32))
    # A page of memory may be 2 MiB.
    assert resident() - before < sum(array.nbytes for array in arrays) + (16 << 20)


def test_views_of_before_keep_their_rows() -> None:
    array = GrowableArray(np.int64, capacity=4)
    views = []
    for number in range(200):
        array.extend(np.full(1_000, number))
        views.append(array.view(len(array)))
    for number, view in enumerate(views):
        assert len(view) == 1_000 * (number + 1)
        assert view[-1] == number
        assert view[0] == 0


def test_nothing_is_reserved_where_address_space_is_limited() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
