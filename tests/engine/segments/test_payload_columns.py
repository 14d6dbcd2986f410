"""What is read of payloads for conditions without an index, and what of it is kept."""

from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pyroaring import BitMap

from vicinal.engine.deadline import Deadline
from vicinal.engine.errors import DeadlineExceeded
from vicinal.engine.filters.conditions.scanned import Between, EqualsOne
from vicinal.engine.filters.conditions.text import OfTexts
from vicinal.engine.filters.evaluation.scanning import ScanWork
from vicinal.engine.segments import payload_columns
from vicinal.engine.segments.column_budget import ColumnBudget
from vicinal.engine.segments.payload_columns import PART_ROWS, PayloadColumns

N = 3 * PART_ROWS + 100
EVERY = BitMap(range(N))


class Payloads:
    """Payloads of two fields that count how often each is read."""

    def __init__(self) -> None:
        self.reads = np.zeros(N, np.int64)

    def __call__(self, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
        self.reads[rows] += 1
        return [{"n": row % 10, "name": f"p{row}"} for row in rows.tolist()]


def scan(
    columns: PayloadColumns, key: str, value: Any, among: BitMap = EVERY, n_rows: int = N, fixed: bool = True
) -> tuple[BitMap, int]:
    work = ScanWork()
    condition = EqualsOne.of(key, [value])
    found = columns.holding(condition, among, n_rows, work, fixed=fixed)
    return found, work.payloads_read


def test_payloads_are_read_once_and_their_values_kept() -> None:
    read = Payloads()
    columns = PayloadColumns(read)
    assert scan(columns, "n", 3) == (BitMap(range(3, N, 10)), N)
    assert scan(columns, "n", 4.0) == (BitMap(range(4, N, 10)), 0)
    assert scan(columns, "n", 3, BitMap([3, 4, 13])) == (BitMap([3, 13]), 0)
    assert scan(columns, "name", "p7") == (BitMap([7]), N)
    assert set(read.reads.tolist()) == {2}
    least = columns.nbytes
    assert least > 10 * N
    columns.drop("name")
    assert columns.nbytes < least
    assert scan(columns, "n", 4) == (BitMap(range(4, N, 10)), 0)


def test_few_rows_are_read_alone_until_a_column_would_have_cost_less() -> None:
    read = Payloads()
    columns = PayloadColumns(read)
    few = BitMap([3, 4, PART_ROWS + 1])
    assert scan(columns, "n", 3, few) == (BitMap([3] if (PART_ROWS + 1) % 10 != 3 else [3, PART_ROWS + 1]), 3)
    assert read.reads.sum() == 3
    counts = []
    third = BitMap(range(PART_ROWS // 3))
    while not counts or counts[-1]:
        found, n = scan(columns, "n", 3, third)
        assert found == BitMap(range(3, PART_ROWS // 3, 10))
        counts.append(n)
    # What is read one by one before a column is made never exceeds what the column reads.
    assert counts[-2:] == [PART_ROWS, 0]
    assert sum(counts[:-2]) <= PART_ROWS
    assert read.reads[PART_ROWS:].sum() == 1


def test_rows_that_are_still_coming_have_no_column() -> None:
    columns = PayloadColumns(Payloads())
    tail = N - 3 * PART_ROWS
    for seen, read in ((N - 50, N - 50), (N, tail), (N, tail)):
        found = scan(columns, "n", 3, BitMap(range(seen)), seen, fixed=False)
        assert found == (BitMap(range(3, seen, 10)), read)


def test_the_oldest_columns_go_when_the_budget_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    one = PayloadColumns(Payloads())
    scan(one, "n", 3)
    monkeypatch.setattr(payload_columns, "_BUDGET", ColumnBudget(int(2.5 * one.nbytes)))
    first, second, third = (PayloadColumns(Payloads()) for _ in range(3))
    for columns in (first, second, first, third):
        scan(columns, "n", 3)
    assert [columns.nbytes > 0 for columns in (first, second, third)] == [True, False, True]
    assert scan(second, "n", 3) == (BitMap(range(3, N, 10)), N)
    assert first.nbytes == 0
    # Those of a segment that is gone take no room.
    del third, columns
    gc.collect()
    scan(first, "n", 3)
    assert second.nbytes > 0
    # What alone is larger is read each time, and the answer is the same.
    monkeypatch.setattr(payload_columns, "_BUDGET", ColumnBudget(1))
    assert [scan(PayloadColumns(Payloads()), "n", 3) for _ in range(2)] == 2 * [(BitMap(range(3, N, 10)), N)]


def test_a_scan_ends_with_its_time_and_keeps_what_it_has() -> None:
    read = Payloads()
    columns = PayloadColumns(read)
    # Gone in the middle of the third part.
    limit = Deadline(None, lambda: bool(read.reads.sum() > 2.5 * PART_ROWS))
    failures: list[BaseException] = []

    def work() -> None:
        with limit.within():
            try:
                scan(columns, "n", 3)
            except DeadlineExceeded as error:
                failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(failures) == 1
    assert 2 * PART_ROWS < read.reads.sum() < 3 * PART_ROWS
    assert scan(columns, "n", 3) == (BitMap(range(3, N, 10)), N - 2 * PART_ROWS)


def test_threads_read_each_payload_once_together() -> None:
    read = Payloads()
    columns = PayloadColumns(read)
    found: list[tuple[BitMap, int]] = []
    threads = [threading.Thread(target=lambda: found.append(scan(columns, "n", 3))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [rows for rows, _ in found] == 4 * [BitMap(range(3, N, 10))]
    assert sum(n for _, n in found) == N
    assert set(read.reads.tolist()) == {1}


def test_more_texts_than_sixteen_bits_count() -> None:
    rows = [{"tags": [f"t{row}-{i}" for i in range(20)]} for row in range(4000)]
    columns = PayloadColumns(lambda chosen: [rows[row] for row in chosen.tolist()])
    work = ScanWork()
    for row in (0, 3999):
        condition = EqualsOne.of("tags", [f"t{row}-19", "t5-0"])
        found = columns.holding(condition, BitMap(range(4000)), 4000, work, fixed=True)
        assert found == BitMap([row, 5])
    assert work.payloads_read == 4000


def test_bounds_between_floats_are_exact() -> None:
    numbers = [2**53, 2**53 + 1, 2.0**53, 2.0**53 + 2, 2**64 - 1, 2.0**64, 0.1, -(2**63)]
    columns = PayloadColumns(lambda chosen: [{"n": numbers[row]} for row in chosen.tolist()])
    every = BitMap(range(len(numbers)))
    bounds = [*numbers, 2**53 + 1.0, 10**400, -(10**400), 2**64, 0.30000000000000004]
    for lo in bounds:
        for is_open in (True, False):
            above = columns.holding(Between("n", lo, is_open, None, False), every, 8, ScanWork(), fixed=True)
            assert above == BitMap(
                row for row, n in enumerate(numbers) if (n > lo if is_open else n >= lo)
            ), lo
            below = columns.holding(Between("n", None, False, lo, is_open), every, 8, ScanWork(), fixed=True)
            assert below == BitMap(
                row for row, n in enumerate(numbers) if (n < lo if is_open else n <= lo)
            ), lo


def test_texts_are_looked_at_of_the_rows_that_are_asked_for() -> None:
    looked_at: list[str] = []

    class Noted(OfTexts):
        key = "name"

        def accepts(self, text: str) -> bool:
            looked_at.append(text)
            return text.endswith("7")

    columns, work = PayloadColumns(Payloads()), ScanWork()
    assert columns.holding(Noted(), EVERY, N, work, fixed=True) == BitMap(range(7, N, 10))
    looked_at.clear()
    among = BitMap([5, 7, PART_ROWS, PART_ROWS + 5])
    assert columns.holding(Noted(), among, N, work, fixed=True) == BitMap([7, PART_ROWS + 5])
    assert looked_at == ["p5", "p7", f"p{PART_ROWS}", f"p{PART_ROWS + 5}"]
    assert work.payloads_read == N
