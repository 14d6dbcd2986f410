"""First searches of several threads at once."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import numpy as np
import pytest

from vicinal.indexes.exact import dense as exact_scan
from vicinal.indexes.exact.dense import DenseScan
from vicinal.indexes.kernels import scan as kernel
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric
from vicinal.testing import oracle
from vicinal.testing.random_rows import as_vectors, random_matrix


def test_what_a_kernel_reads_outlives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both threads find nothing described, and each has put its own in place when the kernels begin."""
    matrix = random_matrix(50, 8, Element.FLOAT32)
    searched = DenseScan(as_vectors(matrix, 8, Element.FLOAT32, Metric.L2))
    described: list[weakref.ref[np.ndarray]] = []
    alive: list[bool] = []
    both = threading.Barrier(2, timeout=60)
    describe, scan = exact_scan.row_record, kernel.scan

    def describe_together(*arguments: Any) -> np.ndarray:
        record = describe(*arguments)
        described.append(weakref.ref(record))
        both.wait()
        return record

    def scan_together(record: np.uint64, *arguments: Any) -> None:
        both.wait()
        living = [one for ref in described if (one := ref()) is not None]
        alive.append(record in [exact_scan.address(one) for one in living])
        scan(record, *arguments)

    monkeypatch.setattr(exact_scan, "row_record", describe_together)
    monkeypatch.setattr(kernel, "scan", scan_together)
    threads = [threading.Thread(target=searched.search, args=(matrix[:1], 3)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alive == [True, True]


def test_scores_of_chosen_rows_are_those_of_the_scan() -> None:
    matrix = random_matrix(300, 8, Element.FLOAT32)
    scan = DenseScan(as_vectors(matrix, 8, Element.FLOAT32, Metric.L2))
    rows = np.array([7, 299, 7, 0], np.uint32)
    table = oracle.scores(matrix, matrix[:5] + 1, Metric.L2)
    np.testing.assert_allclose(scan.score(matrix[:5] + 1, rows), table[:, rows], rtol=1e-5)
    assert scan.score(matrix[:5], rows[:0]).shape == (5, 0)
