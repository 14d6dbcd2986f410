"""What bounds calls: how many there are, what memory they take, how full the disk is."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from vicinal.engine.errors import DiskFull, LimitExceeded, ResourceExhausted, Unavailable
from vicinal.server.service.admission.disk_watermark import DiskWatermark
from vicinal.server.service.admission.memory_budget import MemoryBudget
from vicinal.server.service.admission.running_calls import RunningCalls

MB = 1 << 20


def test_calls_are_refused_until_the_database_is_open_and_after_the_end() -> None:
    calls = RunningCalls(2)
    for refuse in (calls.check, calls.enter):
        with pytest.raises(Unavailable, match="opening") as early:
            refuse()
        assert early.value.retry_after
    calls.open()
    calls.enter()
    calls.close()
    for refuse in (calls.check, calls.enter):
        with pytest.raises(Unavailable, match="stopping") as late:
            refuse()
        assert late.value.retry_after
    assert calls.running == 1


def test_calls_beyond_the_most_are_refused() -> None:
    calls = RunningCalls(2)
    calls.open()
    calls.enter()
    calls.check()
    calls.enter()
    for refuse in (calls.check, calls.enter):
        with pytest.raises(ResourceExhausted, match="2 calls") as full:
            refuse()
        assert full.value.retry_after
    calls.leave()
    calls.enter()
    assert calls.running == 2


def test_waiting_for_the_last_call() -> None:
    calls = RunningCalls(2)
    calls.open()
    calls.enter()
    calls.close()
    assert not calls.wait_empty(0.01)
    leaving = threading.Timer(0.02, calls.leave)
    leaving.start()
    assert calls.wait_empty(60)
    leaving.join()
    assert calls.wait_empty(60)


def test_nothing_to_wait_for() -> None:
    calls = RunningCalls(2)
    calls.open()
    calls.close()
    assert calls.wait_empty(60)


def test_a_wait_can_be_hurried() -> None:
    calls = RunningCalls(2)
    calls.open()
    calls.enter()
    calls.close()
    hurrying = threading.Timer(0.02, calls.hurry)
    hurrying.start()
    assert not calls.wait_empty(60)
    hurrying.join()


def test_memory_is_taken_and_given_back() -> None:
    budget = MemoryBudget(10 * MB)
    budget.take(4 * MB)
    budget.take(6 * MB)
    with pytest.raises(ResourceExhausted, match=r"10\.0 MB") as full:
        budget.take(1)
    assert not isinstance(full.value, LimitExceeded)
    assert full.value.retry_after
    assert budget.taken == 10 * MB
    budget.give_back(6 * MB)
    budget.take(5 * MB)
    assert budget.taken == 9 * MB


def test_a_call_that_never_fits_is_told_so() -> None:
    budget = MemoryBudget(10 * MB)
    for taken, beside in ((11 * MB, 0), (6 * MB, 5 * MB)):
        with pytest.raises(LimitExceeded, match=r"11\.0 MB.*10\.0 MB") as never:
            budget.take(taken, beside)
        assert never.value.retry_after is None
    assert budget.taken == 0


def test_the_disk_is_asked_now_and_then(tmp_path: Path) -> None:
    now = [0.0]
    watermark = DiskWatermark(tmp_path, 1 << 60, lambda: now[0])
    with pytest.raises(DiskFull, match="--min-free-disk-mb"):
        watermark.check()
    DiskWatermark(tmp_path, 0).check()
    gone = DiskWatermark(tmp_path / "folder", 0, lambda: now[0])
    (tmp_path / "folder").mkdir()
    gone.check()
    (tmp_path / "folder").rmdir()
    gone.check()
    now[0] += 1
    with pytest.raises(OSError, match="folder"):
        gone.check()
