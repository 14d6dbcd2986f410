"""The same points twice: with vectors in memory, and with vectors that stay on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import vicinal

QUIET = vicinal.MergePolicySettings(quiet_seconds=1e9, tier_factor=1000)


def filled(folder: Path | str, schema: Any, rows: int, vectors: Callable[[slice], Any]) -> vicinal.Database:
    """Return a database of an indexed segment, some of it dead, and of growing rows."""
    database = vicinal.open(folder, merge_policy=QUIET)
    points = database.create_collection("points", schema, fields={"word": "keyword"})
    payloads = [{"word": f"w{i % 50}"} for i in range(rows)]
    points.upsert(range(rows - 100), vectors(slice(0, rows - 100)), payloads[:-100])
    points.merge()
    points.upsert(range(rows - 100, rows), vectors(slice(rows - 100, rows)), payloads[-100:])
    points.delete(range(0, rows, 7))
    return database


def made_folders(base: Path, make: Callable[[Path, bool], vicinal.Database]) -> tuple[Path, Path]:
    """Make both databases by ``make(folder, on_disk)``; return where they are, the one in memory first."""
    memory, disk = base / "memory", base / "disk"
    make(memory, False).close()
    make(disk, True).close()
    return memory, disk


@contextmanager
def opened(folders: tuple[Path, Path]) -> Iterator[list[vicinal.Collection]]:
    """Open the points of both to be read."""
    memory, disk = (vicinal.open(folder, read_only=True) for folder in folders)
    with memory, disk:
        yield [memory.collection("points"), disk.collection("points")]
