"""Segments with indexes of multi-vectors do what a dict does, whatever is written in between."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize
from index_machine import DIM, IndexMachine

import vicinal
from vicinal import Flat, Ivf, Multi, Muvera, Product, Scalar, TokenLists
from vicinal.indexes.exact import coded
from vicinal.indexes.ivf import build as lists
from vicinal.indexes.muvera import build as encodings
from vicinal.indexes.muvera import muvera
from vicinal.indexes.token_lists import build, token_lists

# How each index is searched, and whether that finds the nearest.
INDEXES: list[tuple[vicinal.IndexSpec, dict[str, float], bool]] = [
    (TokenLists(n_lists=4), {"candidates": 1000}, True),
    (TokenLists(n_lists=4), {"candidates": 3, "n_probe": 1, "tokens": 5}, False),
    (TokenLists(n_lists=3, codec=Product(bits=4, rotation=None)), {"candidates": 4}, False),
    (TokenLists(n_lists=3, codec=Scalar(8)), {"candidates": 2, "tokens": 1}, False),
    (TokenLists(n_lists=3, tokens=1), {"candidates": 3}, False),
    (Muvera(k_sim=1, repetitions=2, inner=Flat(), tokens=2), {"candidates": 3}, False),
    (Muvera(k_sim=2, repetitions=2, inner=Flat()), {"candidates": 3}, False),
    (Muvera(k_sim=1, repetitions=2, inner=Flat(Scalar(8))), {"candidates": 2, "rescore": 3}, False),
    (Muvera(k_sim=0, fill_empty=True, inner=Ivf(n_lists=3)), {"candidates": 4, "n_probe": 1}, False),
    (Muvera(repetitions=3, final_projection=20, inner=Flat()), {"candidates": 1000}, True),
]


@pytest.fixture(autouse=True, scope="module")
def small_segments_are_indexed() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for spec in (token_lists, muvera):
            patch.setattr(spec, "_MIN_ROWS", 1)
        for module in (build, encodings, lists):
            patch.setattr(module, "SMALLEST", 1)
        patch.setattr(coded, "_FEWEST", 1)
        yield


class MultiIndexMachine(IndexMachine):
    """Up to four tokens a point, or none."""

    @initialize(chosen=st.sampled_from(INDEXES))
    def start(self, chosen: tuple[vicinal.IndexSpec, dict[str, float], bool]) -> None:
        self.index, self.effort, self.exact = chosen
        self.open(Multi(DIM, metric="l2", element="float32", index=self.index))

    def vector(self, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal((rng.integers(1, 5), DIM)).astype(np.float32)

    def distance(self, vector: np.ndarray, query: np.ndarray) -> float:
        squares = np.square(query[:, None] - vector[None]).sum(axis=2)
        return float(np.sqrt(squares.min(axis=1).sum()))


MultiIndexMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestMultiIndexes = MultiIndexMachine.TestCase
