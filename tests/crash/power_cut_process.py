"""A process that writes under the log of its writes, then judges what power cuts would have left.

Usage: power_cut_process.py LIBRARY FOLDER SEED OPERATIONS IMAGES

Standard output: a line for each image that is wrong, then a summary. The number of the image being judged
stands in the file FOLDER/image, in case it ends the process.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np
from crash import writer_process
from crash.recovered_state import Model
from crash.simulated_disk import SimulatedDisk, read_log

import vicinal
from vicinal.engine.maintenance.merge_policy import MergePolicySettings
from vicinal.storage.errors import NotADatabaseError
from vicinal.storage.segments.folder import SegmentFolder
from vicinal.storage.verify import child as verify_child

POLICY = MergePolicySettings(quiet_seconds=0.02, seal_rows=60, growing_bytes=1 << 20, tier_factor=2)
# Two folders that the database makes itself: its own and the one that this lies in.
PLACE = Path("deep", "db")


def write(library: str, root: Path, log: Path, seed: int, operations: int) -> None:
    """Let a database be written under the log."""
    shim = ctypes.CDLL(library)
    writer_process.say = lambda **record: shim.mark(json.dumps(record).encode())
    rng = random.Random(seed)
    root.mkdir()
    shim.watch(os.fsencode(root), os.fsencode(log))
    db = vicinal.open(root / PLACE, merge_policy=POLICY)
    for name in ("points", "owned"):
        writer_process.say(op="begin", kind="create", collection=name)
        writer_process.create(db, name)
        writer_process.say(op="done")
    for version in range(operations):
        if rng.random() < 0.05:
            writer_process.say(op="begin", kind="none")
            db.close()
            db = vicinal.open(root / PLACE, merge_policy=POLICY)
        elif rng.random() < 0.05:
            writer_process.say(op="begin", kind="none")
            db.collection("points").calibrate(np.eye(50, writer_process.DIM) + 1, field="vector")
        else:
            writer_process.operate(db, rng, seed * 1_000_000 + version)
        writer_process.say(op="done")
    db.close()
    shim.finish()


def judge(folder: Path, model: Model) -> None:
    """Assert that the folder is whole and has what was acknowledged, and nothing else."""
    try:
        problems = damage(folder)
    except NotADatabaseError:
        # Cut before it was one; it becomes one below.
        problems = []
    assert problems == []
    with vicinal.open(folder) as db:
        model.check(db)


def damage(folder: Path) -> list[str]:
    """Return what `vicinal check` would say, found in this process."""
    if not (folder / "catalog" / "data.mdb").is_file():
        return []
    catalog = verify_child.check_catalog(str(folder / "catalog"))
    problems = list(catalog.problems)
    for record in catalog.segments:
        path = SegmentFolder(folder, read_only=True).path(record.uuid)
        answer = verify_child.check_segment(str(path), record)
        problems += ["a live segment is missing"] if answer.gone else answer.problems
    return problems or verify_child.check_points(str(folder), []).problems


def main(library: str, folder: Path, seed: int, operations: int, images: int) -> None:
    root, log = folder / "written", folder / "log"
    write(library, root, log, seed, operations)
    calls = list(read_log(log))
    rng = random.Random(seed)
    kinds = sorted({call.kind for call in calls})
    cuts = sorted(rng.randrange(len(calls) + 1) for _ in range(images))
    disk, done, lines = SimulatedDisk(str(root)), 0, []
    wrong = 0
    for number, cut in enumerate(cuts):
        for call in calls[done:cut]:
            disk.apply(call)
            if call.kind == "mark":
                lines.append(call.data.decode())
        done = cut
        (folder / "image").write_text(f"{number}: seed {seed}, cut after call {cut}")
        image = folder / "cut"
        disk.cut(image, rng)
        model = Model()
        model.replay(lines)
        try:
            judge(image / PLACE, model)
        except Exception:
            wrong += 1
            before = [f"{call.kind} {call.path}" for call in calls[max(0, cut - 5) : cut]]
            say(
                image=number,
                seed=seed,
                cut=cut,
                before=before,
                after=lines[-1:],
                trace=traceback.format_exc(),
            )
        shutil.rmtree(image)
    for call in calls[done:]:
        disk.apply(call)
    say(images=images, wrong=wrong, calls=len(calls), kinds=kinds, mapped=sorted(disk.mapped))


def say(**record: Any) -> None:
    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))
