"""A process that damages a database, opens, asks and checks it, many times. Run by the crash tests.

Usage: flipping_process.py TEMPLATE FIRST COUNT

Makes the sound database in TEMPLATE unless it is there. Each flip is a line on standard output before it is
tried, and a line with what came of it: ``right``, ``refused``, ``found later`` when a first answer was wrong
and the background told, else what was wrong.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

import vicinal
from vicinal import F
from vicinal.storage.segments.folder import SegmentFolder
from vicinal.storage.verify.child import check_catalog, check_segment

PAGE = 4096
ROWS = 1500
QUIET = vicinal.MergePolicySettings(quiet_seconds=1e9, tier_factor=1000)
VECTORS = np.random.default_rng(0).standard_normal((ROWS + 300, 16)).astype(np.float32)
REFUSALS = ("Corruption", "NotADatabase")


def payload(row: int) -> dict[str, Any]:
    return {"word": f"w{row % 40}", "year": 1900 + row % 90, "note": "n" * (row % 30)}


def make(folder: Path) -> None:
    """Make a database with an indexed segment, a small one, a log, tombstones and two collections."""
    with vicinal.open(folder, merge_policy=QUIET) as db:
        fields = {"word": "keyword", "year": "integer"}
        points = db.create_collection("points", vicinal.Dense(16), fields=fields)
        owned = db.create_collection("owned", vicinal.Dense(16), partitioned=True)
        for start, stop in ((0, ROWS), (ROWS, ROWS + 200)):
            points.upsert(
                range(start, stop), VECTORS[start:stop], [payload(row) for row in range(start, stop)]
            )
            points.flush()
        for start in range(ROWS + 200, ROWS + 300, 25):
            rows = range(start, start + 25)
            points.upsert(rows, VECTORS[start : start + 25], [payload(row) for row in rows])
            owned.upsert(rows, VECTORS[start : start + 25], tenant=f"tenant{start}")
        points.delete([3, ROWS + 7, ROWS + 250])


def answers(db: vicinal.Database) -> list[Any]:
    points, owned = db.collection("points"), db.collection("owned")
    found: list[Any] = [db.collections(), points.count(), owned.count(tenant=f"tenant{ROWS + 225}")]
    found += [points.count(filter=F("word") == f"w{i}") for i in range(0, 40, 9)]
    found.append(points.count(filter=F("year").between(1910, 1950)))
    for row in (700, ROWS + 20):
        for options in ({"exact": True}, {"recall": 0.95}, {"filter": F("word").is_in(["w1", "w2", "w20"])}):
            hits = points.search(VECTORS[row], k=5, **options)
            found.append([(hit.id, hit.payload) for hit in hits])
    found += [point and point.payload for point in points.get([0, 3, 999, ROWS + 1, ROWS + 290])]
    return found


def flips(template: Path, number: int) -> tuple[Path, int, int]:
    """Return the file of flip `number` inside the folder, and the byte and bit that change.

    Every tenth has no bit: the file ends there.
    """
    rng = random.Random(number)
    segments = sorted((template / "segments").iterdir())
    file = rng.choice([template / "catalog" / "data.mdb", template / "catalog" / "data.mdb", *segments])
    at = rng.randrange(file.stat().st_size)
    if rng.random() < 0.5:
        # Where the structure is dense: the meta pages, and the start of a page.
        at = at // PAGE * PAGE + rng.randrange(200)
    bit = 0 if number % 10 == 9 else 1 << rng.randrange(8)
    return file.relative_to(template), min(at, file.stat().st_size - 1), bit


def check_problems(folder: Path) -> list[str]:
    """Return what `vicinal check` finds in the files, without its process."""
    answer = check_catalog(str(folder / "catalog"))
    problems = list(answer.problems)
    for record in answer.segments:
        path = SegmentFolder(folder, read_only=True).path(record.uuid)
        problems += check_segment(str(path), record).problems
    return problems


def outcome(folder: Path, right: list[Any], read_only: bool) -> str:
    """Open a folder, ask it before and after the background verified it, and say how it went."""
    came: list[str] = []
    try:
        with vicinal.open(folder, read_only=read_only, merge_policy=None if read_only else QUIET) as db:
            for _ in range(2):
                try:
                    came.append("right" if answers(db) == right else "wrong")
                except vicinal.VicinalError as error:
                    came.append(type(error).__name__)
                for thread in threading.enumerate():
                    if thread.name == "vicinal-verify":
                        thread.join()
    except vicinal.VicinalError as error:
        came.append(type(error).__name__)
    problems = check_problems(folder)
    if came == ["right", "right"]:
        return "right"
    if came[-1] not in REFUSALS or any(word not in ("right", "wrong", *REFUSALS) for word in came):
        return f"{came}, the check says {problems}"
    if not problems and came[-1] == "Corruption":
        return f"{came}, the check finds nothing"
    return "found later" if "wrong" in came else "refused"


def main() -> None:
    template, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if not template.exists():
        make(template)
    with vicinal.open(template, read_only=True) as db:
        right = answers(db)
    folder = template.with_name("flipped")
    for number in range(first, first + count):
        name, at, bit = flips(template, number)
        print(json.dumps({"flip": number, "file": str(name), "at": at, "bit": bit}), flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder)
        content = bytearray((folder / name).read_bytes())
        content[at] ^= bit
        (folder / name).write_bytes(content if bit else content[:at])
        try:
            came = outcome(folder, right, read_only=number % 2 == 0)
        except BaseException as error:
            came = f"{type(error).__module__}.{type(error).__name__}: {error}"
        print(json.dumps({"came": came}), flush=True)


if __name__ == "__main__":
    main()
