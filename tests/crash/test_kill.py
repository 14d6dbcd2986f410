"""kill -9 at random and at named points: no acknowledged write lost, no phantom row, nothing unopenable.

``VICINAL_CRASH_CYCLES`` sets how many kills are made (``make crash N=1000``); the default is the form for CI.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from crash.writer_process import IDS, vector

import vicinal

CYCLES = int(os.environ.get("VICINAL_CRASH_CYCLES", "20"))
KILLS_A_DATABASE = 5
POINTS = ["none"] + [
    f"{step}:{when}"
    for step in ("fsync_file", "fsync_folder", "rename", "commit")
    for when in ("before", "after")
]


class Model:
    """What must be there: the acknowledged version of each point, and what the last write may have made."""

    def __init__(self) -> None:
        self.versions: dict[int, int] = {}
        self.unsure: dict[int, int | None] = {}

    def replay(self, lines: list[str]) -> None:
        pending: dict[str, Any] | None = None
        for line in lines:
            record = json.loads(line)
            if record["op"] == "begin":
                pending = record
            elif record["op"] == "done" and pending is not None:
                self.versions = self.after(pending)
                pending = None
        self.unacknowledged = pending

    def after(self, record: dict[str, Any]) -> dict[int, int]:
        versions = dict(self.versions)
        for point_id in record.get("ids", []):
            if record["kind"] == "upsert":
                versions[point_id] = record["version"]
            else:
                versions.pop(point_id, None)
        return versions

    def check(self, points: vicinal.Collection) -> None:
        found: dict[int, int] = {}
        for point_id, point in enumerate(points.get(range(IDS), with_vectors=True)):
            if point is not None:
                version = point.payload["version"]
                np.testing.assert_array_equal(point.vectors["vector"], vector(point_id, version))
                found[point_id] = version
        allowed = [self.versions]
        if self.unacknowledged is not None:
            # The write that was under way is there as a whole or not at all.
            allowed.append(self.after(self.unacknowledged))
        assert found in allowed
        assert points.count() == len(found)
        hits = points.search(np.ones(8), k=IDS, exact=True)
        assert {hit.id: hit.payload["version"] for hit in hits} == found
        self.versions = found


def run_until_killed(folder: Path, seed: int, point: str, rng: random.Random) -> list[str]:
    script = Path(__file__).with_name("writer_process.py")
    hit = rng.randint(1, 25)
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder), str(seed), point, str(hit)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    wanted = rng.randint(5, 60)
    for line in process.stdout:
        if line.endswith("\n"):
            lines.append(line)
        if len(lines) >= (wanted if point == "none" else 400):
            process.kill()
    process.stdout.close()
    process.wait()
    return lines


def test_kill(tmp_path: Path) -> None:
    from vicinal.storage.verify import check_folder

    rng = random.Random(7)
    for database in range(-(-CYCLES // KILLS_A_DATABASE)):
        folder = tmp_path / f"db{database}"
        model = Model()
        for cycle in range(KILLS_A_DATABASE):
            seed = database * KILLS_A_DATABASE + cycle + 1
            model.replay(run_until_killed(folder, seed, POINTS[seed % len(POINTS)], rng))
            with vicinal.open(folder) as db:
                if "points" in db.collections():
                    model.check(db.collection("points"))
                else:
                    assert not model.versions
        assert check_folder(folder) == []
