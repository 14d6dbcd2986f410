"""First searches of several threads at once."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import numpy as np
import pytest
from conformance.index_conformance import as_vectors, random_matrix

from vicinal.indexes.exact import dense as exact_scan
from vicinal.indexes.exact.dense import ExactScan
from vicinal.indexes.kernels import scan as kernel
from vicinal.indexes.rows.element import Element
from vicinal.indexes.rows.metric import Metric


def test_what_a_kernel_reads_outlives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both threads find nothing described, and each has put its own in place when the kernels begin."""
    matrix = random_matrix(50, 8, Element.FLOAT32)
    searched = ExactScan(as_vectors(matrix, 8, Element.FLOAT32, Metric.L2), Metric.L2)
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
