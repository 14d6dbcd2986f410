"""A process that writes and says what was acknowledged, until it is killed. Run by the crash tests.

Usage: writer_process.py FOLDER SEED POINT HIT

``POINT`` names a step of durability (``fsync_file``, ``fsync_folder``, ``rename``, ``commit``) with
``:before`` or ``:after``, or is ``none``; the process kills itself at the ``HIT``-th time it gets there, and
says so first. Each operation is a line on standard output before it begins and one when it is acknowledged.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import vicinal
from vicinal.engine.maintenance.merge_policy import MergePolicySettings
from vicinal.storage import durable

DIM = 8
IDS = 400
TENANTS = ("ada", "ben")
# Who owns the points of each collection: None where it is not partitioned.
GRANTEE = "cleo"
"""Writes nothing, and reads what others granted: ada points of even ids, ben of odd ones."""
OWNERS: dict[str, tuple[str | None, ...]] = {"points": (None,), "owned": TENANTS, "scratch": (None,)}


def arm(point: str, hit: int) -> None:
    """Make the process kill itself around one named step."""
    if point == "none":
        return
    step, when = point.split(":")
    left = [hit]

    def killing(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            # Its own copy: other threads go on counting while this one is inside the step.
            now = left[0] == 0
            if now and when == "before":
                die(point)
            answer = function(*arguments, **options)
            if now and when == "after":
                die(point)
            return answer

        return wrapper

    setattr(durable, step, killing(getattr(durable, step)))


def die(point: str) -> None:
    say(op="killed", point=point)
    os.kill(os.getpid(), signal.SIGKILL)


@functools.cache
def vector(point_id: int, version: int) -> np.ndarray:
    """Return the vector a version of a point has; the checking process computes the same."""
    return np.random.default_rng([point_id, version]).standard_normal(DIM).astype(np.float32)


def words(point_id: int, version: int) -> dict[str, float]:
    """Return the weights a version of a point has: of a token of all, of one of its own, of a new one."""
    return {"all": 1.0, f"point {point_id}": 2.0, f"version {version} of {point_id % 7}": 3.0}


def say(**record: Any) -> None:
    # One call a line, because the thread that merges may be the one that dies.
    os.write(1, json.dumps(record).encode() + b"\n")


def create(db: vicinal.Database, name: str) -> None:
    partitioned = OWNERS[name] != (None,)
    fields = {"vector": vicinal.Dense(DIM), "words": vicinal.Sparse(tokens=True)}
    db.create_collection(name, fields, fields={"version": "integer"}, partitioned=partitioned)


def operate(db: vicinal.Database, rng: random.Random, version: int) -> None:
    """Do one random operation, said before and after."""
    name = rng.choices(list(OWNERS), [5, 3, 2])[0]
    if name == "scratch" and name not in db.collections():
        say(op="begin", kind="create", collection=name)
        create(db, name)
        return
    points = db.collection(name)
    tenant = rng.choice(OWNERS[name])
    ids = rng.sample(range(IDS), rng.randint(1, 40))
    said = {"collection": name, "tenant": tenant, "ids": ids, "version": version}
    action = rng.random()
    if name == "scratch" and action < 0.2:
        say(op="begin", kind="drop", collection=name)
        db.drop_collection(name)
    elif tenant is not None and action < 0.05:
        say(op="begin", kind="drop tenant", **said)
        points.tenants.drop(tenant)
    elif tenant is not None and action < 0.15:
        points.tenants.create(GRANTEE)
        said["ids"] = granted = [i for i in ids if TENANTS[i % 2] == tenant]
        grants = action < 0.12
        say(op="begin", kind="grant" if grants else "revoke", **said)
        call = points.tenants.grant if grants else points.tenants.revoke
        # Who was dropped has nothing to grant.
        with contextlib.suppress(vicinal.NotFound):
            call(granted, tenant=tenant, to=GRANTEE)
    elif action < 0.55:
        say(op="begin", kind="upsert", **said)
        vectors = {
            "vector": np.stack([vector(i, version) for i in ids]),
            "words": [words(i, version) for i in ids],
        }
        points.upsert(ids, vectors, [{"version": version}] * len(ids), tenant=tenant)
    elif action < 0.7:
        say(op="begin", kind="update", **said)
        points.update_payload({"note": version}, ids=ids, tenant=tenant)
    elif action < 0.85:
        say(op="begin", kind="delete", **said)
        points.delete(ids, tenant=tenant)
    elif action < 0.93:
        say(op="begin", kind="none")
        points.flush()
    elif action < 0.97:
        say(op="begin", kind="none")
        points.merge()
    else:
        # Filled, so that kills meet the copies of segments, unless it is dropped before.
        say(op="begin", kind="none")
        if "note" in points.schema.fields:
            points.drop_field("note")
        else:
            points.add_field("note", "integer")
            points.wait_indexed()


def main(folder: str, seed: int, point: str, hit: int) -> None:
    rng = random.Random(seed)
    policy = MergePolicySettings(quiet_seconds=0.02, seal_rows=60, growing_bytes=1 << 20, tier_factor=2)
    with vicinal.open(folder, merge_policy=policy) as db:
        for name in ("points", "owned"):
            if name not in db.collections():
                create(db, name)
        arm(point, hit)
        say(op="ready")
        version = seed * 1_000_000
        while True:
            version += 1
            operate(db, rng, version)
            say(op="done")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
