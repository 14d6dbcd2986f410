"""kill -9 at random and at named points: no acknowledged write lost, no phantom row, nothing unopenable.

``VICINAL_CRASH_CYCLES`` sets how many kills are made (``make crash N=1000``); the default is the form for CI.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from crash.recovered_state import Model

import vicinal
from vicinal.storage.verify.folder_check import check_folder

CYCLES = int(os.environ.get("VICINAL_CRASH_CYCLES", "10"))
# From here on every named point is tried so often that one never reached is a mistake of the test.
LONG_FORM = 200
KILLS_A_DATABASE = 5
POINTS = [
    f"{step}:{when}"
    for step in ("fsync_file", "fsync_folder", "rename", "commit")
    for when in ("before", "after")
]


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
    # Ended by a kill, its own or ours, and not by an error.
    assert process.returncode == -9
    return lines


def test_kill(tmp_path: Path) -> None:
    rng = random.Random(7)
    reached: Counter[str] = Counter()
    for database in range(-(-CYCLES // KILLS_A_DATABASE)):
        folder = tmp_path / f"db{database}"
        model = Model()
        for cycle in range(KILLS_A_DATABASE):
            seed = database * KILLS_A_DATABASE + cycle + 1
            lines = run_until_killed(folder, seed, ["none", *POINTS][seed % (len(POINTS) + 1)], rng)
            reached.update(record["point"] for record in map(json.loads, lines) if record["op"] == "killed")
            model.replay(lines)
            with vicinal.open(folder) as db:
                model.check(db)
        assert check_folder(folder) == []
    print("kills at named points:", dict(reached))
    if CYCLES >= LONG_FORM:
        assert set(reached) == set(POINTS)
