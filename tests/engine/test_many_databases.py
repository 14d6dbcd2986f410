"""Many databases in one process, and what is said when the system gives no more."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

OPEN_MANY = """
    import resource, sys
    import vicinal

    limit, databases = getattr(resource, sys.argv[2]), int(sys.argv[4])
    resource.setrlimit(limit, (int(sys.argv[3]), resource.getrlimit(limit)[1]))
    opened = []
    try:
        for number in range(databases):
            db = vicinal.open(f"{sys.argv[1]}/{number}")
            opened.append(db)
            db.create_collection("points", vicinal.Dense(2)).upsert([1], [[1.0, 2.0]])
        print("all")
    except vicinal.ResourceExhausted as error:
        print(error)
    last = opened.pop()
    for db in opened:
        db.close()
    assert len(opened) > 2, len(opened)
    if "points" not in last.collections():
        last.create_collection("points", vicinal.Dense(2))
    last.collection("points").upsert([2], [[1.0, 2.0]])
    last.close()
    """


def open_many(folder: Path, limit: str, value: int, databases: int) -> str:
    """Open databases in a process with a limit; return what it said."""
    arguments = [str(folder), limit, str(value), str(databases)]
    command = [sys.executable, "-c", textwrap.dedent(OPEN_MANY), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=120).stdout


def test_a_database_takes_little_address_space(tmp_path: Path) -> None:
    assert open_many(tmp_path, "RLIMIT_AS", 1 << 40, 30) == "all\n"


def test_a_limit_on_address_space_is_told_in_words(tmp_path: Path) -> None:
    said = open_many(tmp_path, "RLIMIT_AS", 40 << 30, 1000)
    assert "ulimit -v" in said or "ulimit -u" in said


def test_a_limit_on_open_files_is_told_in_words(tmp_path: Path) -> None:
    assert "ulimit -n" in open_many(tmp_path, "RLIMIT_NOFILE", 100, 1000)
