"""Timing helpers; nothing here asserts how long anything takes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from vicinal.bench.harness import timing
from vicinal.bench.harness.timing import Watch, exclusive, load_warning, percentiles, timed


def test_percentiles_are_in_microseconds() -> None:
    spent = np.linspace(0, 1e-3, 101)
    assert percentiles(spent) == {"p50_us": 500.0, "p95_us": 950.0, "p99_us": 990.0}


def test_a_busy_machine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (1.5, 0.0, 0.0))
    assert "load average 1.50" in str(load_warning())
    monkeypatch.setattr(os, "getloadavg", lambda: (0.1, 0.0, 0.0))
    assert load_warning() is None


def test_work_of_others_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, busy, clock = iter([10.0, 11.0]), iter([0.0, 100.0, 103.0]), iter([0.0, 4.0])
    monkeypatch.setattr(timing, "_busy_seconds", lambda: next(busy))
    monkeypatch.setattr(timing, "_own_seconds", lambda: next(ours))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    watch = Watch()
    with watch.watching():
        pass
    # Three seconds of busy cores of which one was ours, over four seconds.
    assert watch.others == 0.5
    assert "0.50 cores busy" in str(watch.warning())


def test_nothing_is_claimed_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "_busy_seconds", lambda: None)
    watch = Watch()
    with watch.watching():
        pass
    assert watch.others is None
    assert watch.warning() is None


def test_an_idle_watch_is_silent() -> None:
    assert Watch().warning() is None


def test_calls_are_timed() -> None:
    calls = []
    assert timed(lambda: calls.append(1)) > 0
    assert calls == [1]


def test_the_lock_keeps_other_processes_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    attempt = (
        "import fcntl, sys\n"
        "file = open(sys.argv[1], 'a')\n"
        "try:\n    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except BlockingIOError:\n    sys.exit(3)\n"
    )
    command = [sys.executable, "-c", attempt, str(path)]
    with exclusive(path):
        assert subprocess.run(command, check=False).returncode == 3
    assert subprocess.run(command, check=False).returncode == 0
    with exclusive(None):
        pass
