"""Segments with dense indexes other than graphs do what a dict does, whatever is written in between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize
from index_machine import DIM, IndexMachine
from written_behind import nothing_is_written_behind_arrays as nothing_is_written_behind_arrays

import vicinal
from vicinal import Dense, Flat, Ivf, RaBitQ, Scalar
from vicinal.indexes.exact import coded, flat
from vicinal.indexes.ivf import build, ivf

# How each index is searched, and whether that finds the nearest: codes say what is near.
INDEXES: list[tuple[vicinal.IndexSpec, dict[str, float], bool]] = [
    (Ivf(n_lists=4), {"n_probe": 4}, True),
    (Ivf(n_lists=4, spill=True), {"n_probe": 4}, True),
    (Ivf(n_lists=4, codec=Scalar(8)), {"n_probe": 2}, False),
    (Ivf(n_lists=4, codec=RaBitQ(1), spill=True), {"n_probe": 1, "rescore": 2}, False),
    (Flat(codec=Scalar(4)), {"rescore": 2}, False),
]


@pytest.fixture(autouse=True, scope="module")
def small_segments_are_indexed() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for spec in (ivf, flat):
            patch.setattr(spec, "_MIN_ROWS", 1)
        patch.setattr(build, "SMALLEST", 1)
        patch.setattr(coded, "_FEWEST", 1)
        yield


class DenseIndexMachine(IndexMachine):
    """Dense vectors, in memory or on disk."""

    @initialize(chosen=st.sampled_from(INDEXES), on_disk=st.booleans())
    def start(self, chosen: tuple[vicinal.IndexSpec, dict[str, float], bool], on_disk: bool) -> None:
        self.index, self.effort, self.exact = chosen
        self.open(Dense(DIM, metric="l2", index=self.index, on_disk=on_disk))


DenseIndexMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestDenseIndexes = DenseIndexMachine.TestCase
