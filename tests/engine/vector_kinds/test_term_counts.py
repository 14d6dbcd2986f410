"""Counts of terms are those of a Counter, however rows are added."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vicinal.engine.vector_kinds.term_counts import RowCounts, TermCounts, value_total
from vicinal.testing.random_rows import random_csr

TERMS = st.one_of(st.integers(0, 9), st.sampled_from([70_000, 2**31, 2**32 - 1]))


@given(st.lists(st.lists(TERMS, max_size=60), max_size=12))
def test_terms_are_counted(parts: list[list[int]]) -> None:
    counts, expected = TermCounts(), Counter[int]()
    for part in parts:
        before, asked = counts, np.array([*part, 3, 2**32 - 1], np.uint32)
        known = before.of(asked).tolist()
        counts = counts.plus(np.array(part, np.uint32))
        assert before.of(asked).tolist() == known
        expected.update(part)
        assert counts.of(asked).tolist() == [expected[term] for term in asked.tolist()]


def test_runs_stay_few() -> None:
    counts = TermCounts()
    for part in np.random.default_rng(0).integers(0, 50_000, (500, 40)).astype(np.uint32):
        counts = counts.plus(part)
    assert len(counts._runs) <= 12


def test_rows_are_counted_with_their_values_but_no_zeros() -> None:
    rows = random_csr(300, 40, 12)
    rows.values[::5] = 0
    chosen = np.array([3, 250, 77, 78])
    counts = RowCounts().plus(rows, slice(10, 70)).plus(rows, chosen)
    parts = [rows[10:70], rows[chosen]]
    expected = Counter[int]()
    for part in parts:
        expected.update(part.indices[part.values != 0].tolist())
    terms = np.arange(60, dtype=np.uint32)
    assert counts.n == 64
    assert counts.terms.of(terms).tolist() == [expected[term] for term in terms.tolist()]
    np.testing.assert_allclose(counts.total, sum(float(part.values.sum()) for part in parts), rtol=1e-5)
    np.testing.assert_allclose(value_total(rows, 10, 70), float(rows[10:70].values.sum()), rtol=1e-5)
