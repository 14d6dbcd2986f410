"""A process that writes and says what was acknowledged, until it is killed. Run by the crash tests.

Usage: writer_process.py FOLDER SEED POINT HIT

``POINT`` names a step of durability (``fsync_file``, ``fsync_folder``, ``rename``, ``commit``) with
``:before`` or ``:after``, or is ``none``; the process kills itself at the ``HIT``-th time it gets there.
Each acknowledged operation is a line on standard output.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import vicinal
from vicinal.engine.merge_policy import MergePolicySettings
from vicinal.storage import durable

DIM = 8
IDS = 400


def arm(point: str, hit: int) -> None:
    """Make the process kill itself around one named step."""
    if point == "none":
        return
    step, when = point.split(":")
    left = [hit]

    def killing(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0 and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = function(*arguments, **options)
            if left[0] == 0 and when == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return wrapper

    setattr(durable, step, killing(getattr(durable, step)))


def vector(point_id: int, version: int) -> np.ndarray:
    """Return the vector a version of a point has; the checking process computes the same."""
    return np.random.default_rng([point_id, version]).standard_normal(DIM).astype(np.float32)


def say(**record: Any) -> None:
    print(json.dumps(record), flush=True)


def main(folder: str, seed: int, point: str, hit: int) -> None:
    rng = random.Random(seed)
    policy = MergePolicySettings(quiet_seconds=0.02, seal_rows=60, growing_bytes=1 << 20, tier_factor=2)
    with vicinal.open(folder, merge_policy=policy) as db:
        if "points" not in db.collections():
            db.create_collection("points", vicinal.Dense(DIM), fields={"version": "integer"})
        points = db.collection("points")
        arm(point, hit)
        say(op="ready")
        version = seed * 1_000_000
        while True:
            version += 1
            ids = rng.sample(range(IDS), rng.randint(1, 40))
            action = rng.random()
            if action < 0.7:
                say(op="begin", kind="upsert", ids=ids, version=version)
                vectors = np.stack([vector(i, version) for i in ids])
                points.upsert(ids, vectors, [{"version": version}] * len(ids))
            elif action < 0.85:
                say(op="begin", kind="delete", ids=ids, version=version)
                points.delete(ids)
            elif action < 0.93:
                say(op="begin", kind="none")
                points.flush()
            else:
                say(op="begin", kind="none")
                points.merge()
            say(op="done")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
