"""Power cuts while a database is created and written: nothing lost, no phantom, always openable.

``VICINAL_POWER_CUTS`` sets how many images of a cut disk are judged (``make crash``: 10,000); the default
is the form for CI. `simulated_disk.py` says what a cut may lose.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from crash.native_library import compile_library
from crash.simulated_disk import AT_CURRENT, Call, SimulatedDisk, read_log

HERE = Path(__file__).parent
IMAGES = int(os.environ.get("VICINAL_POWER_CUTS", "200"))
IMAGES_A_DATABASE = 100
OPERATIONS = 60
# The images are many small files, and nothing here is about the disk itself.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
ROOT = "/root"


def cut_a_database(library: Path, seed: int) -> list[dict[str, Any]]:
    """Write one database, judge images of it, and return what was said of them, the summary last."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        process = subprocess.run(
            [
                *(sys.executable, str(HERE / "power_cut_process.py"), str(library), folder),
                *map(str, (seed, OPERATIONS, min(IMAGES, IMAGES_A_DATABASE))),
            ],
            env=os.environ | preloading(library) | {"PYTHONPATH": str(HERE.parent)},
            capture_output=True,
            text=True,
        )
        image = Path(folder, "image")
        assert process.returncode == 0, (
            f"seed {seed} ended with {process.returncode} at image "
            f"{image.read_text() if image.exists() else 0}: {process.stderr}"
        )
    return [json.loads(line) for line in process.stdout.splitlines()]


def preloading(library: Path) -> dict[str, str]:
    """Return what has a process log its writes, and say where it was if a signal ends it."""
    return {"LD_PRELOAD": str(library), "PYTHONFAULTHANDLER": "1"}


def test_power_cut(tmp_path: Path) -> None:
    library = compile_library(HERE / "write_log.c", tmp_path)
    kinds: set[str] = set()
    seeds = range(1, -(-IMAGES // IMAGES_A_DATABASE) + 1)
    with ThreadPoolExecutor(2) as pool:
        for *wrong, summary in pool.map(cut_a_database, itertools.repeat(library), seeds):
            for case in wrong:
                print(*(f"{name}: {value}" for name, value in case.items()), sep="\n")
            assert not wrong
            # Only LMDB's table of readers is written through a mapping, and none of it has to survive.
            assert summary["mapped"] == ["lock.mdb"]
            kinds.update(summary["kinds"])
    assert kinds >= {"open", "mkdir", "write", "sync", "rename", "unlink", "map", "mark"}


def test_the_log_of_writes_ends_while_threads_write(tmp_path: Path) -> None:
    library, watched = compile_library(HERE / "write_log.c", tmp_path), tmp_path / "watched"
    watched.mkdir()
    code = """
        import ctypes, os, sys, threading
        library, folder, logs = sys.argv[1:]
        shim, done = ctypes.CDLL(library), threading.Event()

        def write(path):
            while not done.is_set():
                descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
                os.write(descriptor, b"x" * 100)
                os.close(descriptor)
                # Another thread may be given its number before the log says that it is closed.
                os.close(os.open(os.devnull, os.O_RDONLY))

        threads = [threading.Thread(target=write, args=(f"{folder}/{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for number in range(300):
            shim.watch(os.fsencode(folder), os.fsencode(f"{logs}/log{number}"))
            for turn in range(20):
                shim.mark(b"turn")
            shim.finish()

        done.set()
        for thread in threads:
            thread.join()
    """
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, (library, watched, tmp_path))]
    process = subprocess.run(command, env=os.environ | preloading(library), stderr=subprocess.PIPE, text=True)
    assert process.returncode == 0, process.stderr
    for number in range(300):
        calls, disk = list(read_log(tmp_path / f"log{number}")), SimulatedDisk(str(watched))
        assert [call.data for call in calls if call.kind == "mark"] == [b"turn"] * 20
        for call in calls:
            disk.apply(call)


def test_a_cut_loses_what_was_not_synced(tmp_path: Path) -> None:
    """What is left, over many cuts, is each state that the disk may be in and no other."""
    disk = SimulatedDisk(ROOT)
    for call in (
        Call("open", 3, os.O_CREAT, AT_CURRENT, f"{ROOT}/a", b""),
        Call("write", 3, 0, 0, "", b"1" * 1024),
        Call("sync", 3, 0, 0, "", b""),
        Call("open", 4, os.O_DIRECTORY, AT_CURRENT, ROOT, b""),
        Call("sync", 4, 0, 0, "", b""),
        Call("write", 3, 0, 0, "", b"2" * 1024),
        Call("rename", 4, 0, 4, "a", b"b"),
    ):
        disk.apply(call)
    found = {(name, content) for seed in range(100) for name, content in cut(disk, tmp_path, seed)}
    contents = {first * 512 + second * 512 for first in (b"1", b"2") for second in (b"1", b"2")}
    assert found == {(name, content) for name in ("a", "b") for content in contents}


def test_a_cut_keeps_what_was_synced(tmp_path: Path) -> None:
    disk = SimulatedDisk(ROOT)
    for call in (
        Call("mkdir", AT_CURRENT, 0, 0, f"{ROOT}/in", b""),
        Call("open", 4, os.O_DIRECTORY, AT_CURRENT, ROOT, b""),
        Call("sync", 4, 0, 0, "", b""),
        Call("open", 5, os.O_DIRECTORY, 4, "in", b""),
        Call("open", 3, os.O_CREAT | os.O_DSYNC, 5, "a", b""),
        Call("write", 3, 0, 512, "", b"x"),
    ):
        disk.apply(call)
    # A synced file whose name is not synced may be gone, with all that is in it.
    assert {len(cut(disk, tmp_path / "in", seed)) for seed in range(20)} == {0, 1}
    disk.apply(Call("sync", 5, 0, 0, "", b""))
    for seed in range(20):
        assert cut(disk, tmp_path / "in", seed) == [("a", bytes(512) + b"x")]


def cut(disk: SimulatedDisk, place: Path, seed: int) -> list[tuple[str, bytes]]:
    """Return the files of a folder after a power cut."""
    target = place.with_name(f"cut-{place.name}-{seed}-{len(list(place.parent.iterdir()))}")
    disk.cut(target, random.Random(seed))
    return [(path.name, path.read_bytes()) for path in sorted(target.rglob("*")) if path.is_file()]
