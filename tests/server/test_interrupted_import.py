"""An import that ends early says what it leaves."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

import vicinal
from vicinal.engine.errors import VicinalError
from vicinal.server.cli.screen import bars

ROWS, DIM = 20_000_000, 4


def points_in(folder: Path) -> int:
    """Return how many points the collection has; 0 as long as there is none."""
    try:
        with vicinal.open(folder, read_only=True) as db:
            return db.collection("c").count() if "c" in db.collections() else 0
    except VicinalError:
        return 0


def test_ctrl_c_keeps_what_was_read_and_says_so(tmp_path: Path) -> None:
    # A file without blocks, far larger than what is read before the interrupt.
    np.lib.format.open_memmap(tmp_path / "v.npy", mode="w+", dtype=np.float32, shape=(ROWS, DIM)).flush()
    folder = tmp_path / "db"
    arguments = ["import", str(tmp_path / "v.npy"), str(folder), "--collection", "c", "--metric", "l2"]
    started = subprocess.Popen(
        [sys.executable, "-m", "vicinal", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not points_in(folder):
        assert started.poll() is None
    started.send_signal(signal.SIGINT)
    out, err = started.communicate()
    assert started.returncode == 130, err
    assert out == ""
    said = re.fullmatch(
        r"interrupted: c has ([\d,]+) points, those that were read included, and they stay\.\n", err
    )
    assert said is not None, err
    assert 0 < int(said[1].replace(",", "")) == points_in(folder) < ROWS


def test_bars_are_gone_when_an_error_is_told() -> None:
    work = bars()
    shown = work.__enter__()
    shown.add_task("reading", total=1.0, note="")
    assert not work.__exit__(ValueError, ValueError("wrong"), None)
    assert shown.live.transient
    assert not shown.live.is_started
