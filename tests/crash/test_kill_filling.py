"""kill -9 while segments are given the postings of a new field: answers stay exact, and the rest is done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from crash.writer_process import arm

import vicinal
from vicinal import F
from vicinal.storage.verify.folder_check import check_folder

DIM = 8
SEGMENTS = 3
ROWS = 40
QUIET = vicinal.MergePolicySettings(quiet_seconds=1e9)


def fill_until_killed(folder: str, point: str, hit: int) -> None:
    with vicinal.open(folder, merge_policy=QUIET) as db:
        arm(point, hit)
        points = db.collection("points")
        points.add_field("n", "integer")
        points.wait_indexed()


@pytest.mark.parametrize(
    ("point", "hit"),
    # Durable steps of filling one segment: its file, its name, both folders, the commit of the manifest.
    [("commit:after", 1), ("fsync_file:before", 2), ("rename:after", 2), ("commit:before", 3)],
)
def test_kill_while_filling(tmp_path: Path, point: str, hit: int) -> None:
    folder = tmp_path / "db"
    with vicinal.open(folder, merge_policy=QUIET) as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        for first in range(0, SEGMENTS * ROWS, ROWS):
            ids = range(first, first + ROWS)
            points.upsert(ids, np.ones((ROWS, DIM), np.float32), [{"n": i} for i in ids])
            points.flush()
    command = [sys.executable, __file__, str(folder), point, str(hit)]
    tests = {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    process = subprocess.run(command, stdout=subprocess.PIPE, env=os.environ | tests, check=False)
    assert process.returncode == -9
    for _ in range(2):
        with vicinal.open(folder, merge_policy=QUIET) as db:
            points = db.collection("points")
            assert points.count(filter=F("n") < 50) == 50
            assert len(points.search(np.ones(DIM), k=200, filter=F("n") >= 100)) == SEGMENTS * ROWS - 100
            points.wait_indexed()
            assert points.info().filling == ()
            assert [segment.rows for segment in points.info().segments] == [ROWS] * SEGMENTS
    assert check_folder(folder) == []


if __name__ == "__main__":
    fill_until_killed(sys.argv[1], sys.argv[2], int(sys.argv[3]))
