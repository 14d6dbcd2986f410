"""A process that damages a database, opens, asks and checks it, many times. Run by the crash tests.

Usage: flipping_process.py NAME TEMPLATE FIRST COUNT

Makes the sound database NAME in TEMPLATE unless it is there. Each flip is a line on standard output before
it is tried, and a line with what came of it: ``right``, ``refused``, ``found later`` when a first answer was
wrong and the background told, else what was wrong.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from flipped_databases import DATABASES, QUIET, FlippedDatabase

import vicinal
from vicinal.storage.segments.folder import SegmentFolder
from vicinal.storage.verify.child import check_catalog, check_segment

PAGE = 4096
REFUSALS = ("Corruption", "NotADatabase")


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


def outcome(database: FlippedDatabase, folder: Path, right: list[Any], read_only: bool) -> str:
    """Open a folder, ask it before and after the background verified it, and say how it went."""
    came: list[str] = []
    try:
        with vicinal.open(folder, read_only=read_only, merge_policy=None if read_only else QUIET) as db:
            for _ in range(2):
                try:
                    came.append("right" if database.answers(db) == right else "wrong")
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
    database, template = DATABASES[sys.argv[1]], Path(sys.argv[2])
    first, count = int(sys.argv[3]), int(sys.argv[4])
    if not template.exists():
        database.make(template)
    with vicinal.open(template, read_only=True) as db:
        right = database.answers(db)
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
            came = outcome(database, folder, right, read_only=number % 2 == 0)
        except BaseException as error:
            came = f"{type(error).__module__}.{type(error).__name__}: {error}"
        print(json.dumps({"came": came}), flush=True)


if __name__ == "__main__":
    main()
