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
from typing import Any

import numpy as np
from crash.writer_process import IDS, OWNERS, vector

import vicinal
from vicinal.storage.verify import check_folder

CYCLES = int(os.environ.get("VICINAL_CRASH_CYCLES", "20"))
# From here on every named point is tried so often that one never reached is a mistake of the test.
LONG_FORM = 200
KILLS_A_DATABASE = 5
POINTS = [
    f"{step}:{when}"
    for step in ("fsync_file", "fsync_folder", "rename", "commit")
    for when in ("before", "after")
]

# By owner and id: the version of the vector and of the payload's "version", and the payload's "note".
Rows = dict[tuple[str | None, int], tuple[int, int | None]]
# By name; a collection that is not there has no entry.
State = dict[str, Rows]


class Model:
    """What must be there: what was acknowledged, and what the last write may have made of it."""

    def __init__(self) -> None:
        self.state: State = {}
        self.unacknowledged: dict[str, Any] | None = None

    def replay(self, lines: list[str]) -> None:
        pending: dict[str, Any] | None = None
        for line in lines:
            record = json.loads(line)
            if record["op"] == "ready":
                # Created before the process could be killed.
                self.state = {"points": {}, "owned": {}} | self.state
            elif record["op"] == "begin":
                pending = record
            elif record["op"] == "done" and pending is not None:
                self.state = after(self.state, pending)
                pending = None
        self.unacknowledged = pending

    def check(self, db: vicinal.Database) -> None:
        found = {name: rows_found(db.collection(name), name) for name in db.collections()}
        allowed = [self.state]
        if self.unacknowledged is not None:
            # The write that was under way is there as a whole or not at all.
            allowed.append(after(self.state, self.unacknowledged))
        assert found in allowed
        self.state = found


def after(state: State, record: dict[str, Any]) -> State:
    """Return what an operation makes of a state."""
    kind = record["kind"]
    if kind == "none":
        return state
    name = record["collection"]
    if kind == "create":
        return state | {name: {}}
    if kind == "drop":
        return {other: rows for other, rows in state.items() if other != name}
    rows = dict(state[name])
    for point_id in record["ids"]:
        key = record["tenant"], point_id
        if kind == "upsert":
            rows[key] = record["version"], None
        elif kind == "delete":
            rows.pop(key, None)
        elif key in rows:
            rows[key] = rows[key][0], record["version"]
    return state | {name: rows}


def rows_found(points: vicinal.Collection, name: str) -> Rows:
    """Return what a collection has, the same by id, by count and by search."""
    rows: Rows = {}
    for tenant in OWNERS[name]:
        payloads = {}
        for point_id, point in enumerate(points.get(range(IDS), with_vectors=True, tenant=tenant)):
            if point is not None:
                version = point.payload["version"]
                np.testing.assert_array_equal(point.vectors["vector"], vector(point_id, version))
                rows[tenant, point_id] = version, point.payload.get("note")
                payloads[point_id] = point.payload
        assert points.count(tenant=tenant) == len(payloads)
        hits = points.search(np.ones(8), k=IDS, exact=True, tenant=tenant)
        assert len(hits) == len(payloads)
        assert {hit.id: hit.payload for hit in hits} == payloads
    return rows


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
