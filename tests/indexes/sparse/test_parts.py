"""Parts of postings: rows that come a few at a time are found as a scan finds them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from vicinal.indexes.exact.sparse import SparseScan
from vicinal.indexes.protocol import Scope
from vicinal.indexes.rows.metric import Metric
from vicinal.indexes.rows.row_set import RowSet
from vicinal.indexes.rows.saturation import Saturation
from vicinal.indexes.rows.sparse import SparseRows
from vicinal.indexes.sparse import part as module
from vicinal.indexes.sparse.part import Part, extended
from vicinal.indexes.sparse.parts_index import PartsIndex
from vicinal.testing.random_rows import random_csr

FORMS: list[dict[str, Any]] = [{}, {"metric": Metric.COSINE}, {"saturation": Saturation()}]


def agrees(parts: tuple[Part, ...], rows: SparseRows, queries: SparseRows, k: int, scope: Scope) -> None:
    index = PartsIndex(parts, rows)
    found = index.search(queries, k, index.effort(k, 0.95, None, 1.0), scope)
    truth = SparseScan(rows).search(queries, k, scope)
    np.testing.assert_array_equal(found.scores, truth.scores)
    np.testing.assert_array_equal(found.rows, truth.rows)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=9),
    st.sampled_from(FORMS),
    st.sampled_from([0.0, 0.4]),
    st.sampled_from([1, 40_000_003]),
    st.integers(0, 2**16),
)
def test_rows_that_come_in_any_steps(
    monkeypatch: pytest.MonkeyPatch,
    steps: list[int],
    form: dict[str, Any],
    below: float,
    spread: int,
    seed: int,
) -> None:
    # So that a few hundred rows fill several parts of the largest size.
    monkeypatch.setattr(module, "WINDOW", 256)
    rng = np.random.default_rng(seed)
    all_rows = random_csr(sum(steps), 100, 8, seed)
    # Few weights, so that many rows tie.
    values = np.ceil(all_rows.values * 4) / 4 - np.float32(0 if "saturation" in form else below)
    all_rows = replace(
        all_rows,
        indices=all_rows.indices * np.uint32(spread),
        values=values.astype(np.float32),
        **form,
    )
    queries = random_csr(3, 100, 12, seed + 1)
    queries = replace(queries, indices=queries.indices * np.uint32(spread), average=9.0)
    parts: tuple[Part, ...] = ()
    n = 0
    for step in steps:
        n += step
        parts = extended(parts, all_rows[:n])
        # Some reader sees fewer rows than there are postings of.
        for length in (n, int(rng.integers(1, n + 1))):
            rows = all_rows[:length]
            listed = RowSet.from_bitmap(BitMap(np.flatnonzero(rng.random(length) < 0.5)), length)
            some = RowSet.from_range(length // 3, length - length // 4, length)
            for scope in (Scope(), Scope(listed), Scope(some)):
                agrees(parts, rows, queries, int(rng.choice([1, 5, length + 3])), scope)
    ends = [0, *(part.stop for part in parts)]
    assert [part.first for part in parts] == ends[:-1]
    assert n - ends[-1] < module.SCANNED
    assert all(part.n <= 256 for part in parts)


def test_rows_are_built_a_few_times_and_parts_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, built = random_csr(20_000, 30, 2), 0
    parts: tuple[Part, ...] = ()
    for n in range(0, len(rows) + 1, 50):
        before = parts
        parts = extended(parts, rows[:n])
        built += sum(part.n for part in parts if part not in before)
        assert len(parts) <= 10
    assert built <= 10 * len(rows)


def test_few_rows_more_change_nothing() -> None:
    rows = random_csr(500, 50, 5)
    parts = extended((), rows[:400])
    assert extended(parts, rows[: 400 + module.SCANNED - 1]) is parts
    assert extended(parts, rows[:10]) is parts
    assert extended((), rows[: module.SCANNED - 1]) == ()
    assert extended(parts, rows[: 400 + module.SCANNED])[-1].stop == 400 + module.SCANNED
