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
from vicinal.indexes.product import token_coding
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


CODECS = [None, Product(2), Product(3, rotation=None)]


@pytest.fixture(autouse=True, scope="module")
def small_segments_are_indexed() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for spec in (token_lists, muvera):
            patch.setattr(spec, "_MIN_ROWS", 1)
        for module in (build, encodings, lists):
            patch.setattr(module, "SMALLEST", 1)
        patch.setattr(coded, "_FEWEST", 1)
        patch.setattr(token_coding, "LEAST_TOKENS", 100)
        yield


class MultiIndexMachine(IndexMachine):
    """Up to four tokens a point, or none."""

    @initialize(chosen=st.sampled_from(INDEXES), codec=st.sampled_from(CODECS))
    def start(self, chosen: tuple[vicinal.IndexSpec, dict[str, float], bool], codec: Product | None) -> None:
        self.index, self.effort, self.exact = chosen
        self.codec = codec
        if codec is not None:
            # A distance is the root of a difference then.
            self.slack = 3e-3
        self.open(Multi(DIM, metric="l2", element="float32", index=self.index, codec=codec))

    def vector(self, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal((rng.integers(1, 5), DIM)).astype(np.float32)

    def search(self, tenant: str, low: int, k: int, tagged: int) -> None:
        if self.codec is not None:
            self.decode(tenant)
        super().search(tenant, low, k, tagged)

    def decode(self, tenant: str) -> None:
        """Put what comes back in the place of what was written, which has about its lengths."""
        own = [i for owner, i in self.model if owner == tenant]
        for i, point in zip(own, self.points.get(own, with_vectors=True, tenant=tenant), strict=True):
            assert point is not None
            vector, year = self.model[tenant, i]
            found = point.vectors.get("vector")
            assert (found is None) == (vector is None)
            if found is not None and vector is not None:
                lengths, written = np.linalg.norm(found, axis=1), np.linalg.norm(vector, axis=1)
                np.testing.assert_allclose(lengths, written, rtol=0.01)
            self.model[tenant, i] = found, year

    def distance(self, vector: np.ndarray, query: np.ndarray) -> float:
        squares = np.square(query[:, None] - vector[None]).sum(axis=2)
        return float(np.sqrt(squares.min(axis=1).sum()))


MultiIndexMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestMultiIndexes = MultiIndexMachine.TestCase
