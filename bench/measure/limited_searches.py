"""Searches of a process that may have little memory; run by `vicinal bench disk` as a module.

Arguments: one JSON object. What was measured is printed as another, the ids that were found are stored.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import vicinal

from ..harness.timing import percentiles

_PAGE = mmap.PAGESIZE
# So often it is counted what of the file is cached, which takes as long as many a search.
_COUNTED = 50


class FileCache:
    """What the system keeps of some files in memory besides what this process has mapped."""

    def __init__(self, paths: list[Path]) -> None:
        self._files = [os.open(path, os.O_RDONLY) for path in paths]
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)

    def drop(self) -> None:
        """Have the system forget the pages that no process has mapped."""
        for file in self._files:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)

    def pages(self) -> int:
        """Return how many pages of the files are in memory, those that are mapped among them."""
        return sum(self._pages(file) for file in self._files)

    def _pages(self, file: int) -> int:
        size = os.fstat(file).st_size
        with mmap.mmap(file, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ) as memory:
            view = np.frombuffer(memory, np.uint8)
            there = np.empty(-(-size // _PAGE), np.uint8)
            if self._libc.mincore(view.ctypes.data, size, there.ctypes.data):
                raise OSError(ctypes.get_errno(), "mincore failed")
            # Before the mapping is closed.
            del view
        return int((there & 1).sum())


def counters() -> dict[str, int]:
    """Return what the process has read and how often it waited for pages, so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    io = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return {
        "major_faults": used.ru_majflt,
        "minor_faults": used.ru_minflt,
        "disk_bytes": int(io["read_bytes"]),
        "asked_bytes": int(io["rchar"]),
    }


def memory_use() -> dict[str, int]:
    """Return the bytes the process has resident, by kind, and had at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    status = {name: value for name, _, value in (line.partition(":") for line in lines)}
    names = {"peak": "VmHWM", "anonymous": "RssAnon", "mapped_files": "RssFile", "data": "VmData"}
    return {f"{name}_bytes": int(status[key].split()[0]) * 1024 for name, key in names.items()}


def stored_queries(path: Path) -> Any:
    """Return what `limited.store_queries` wrote: a matrix, or a list of matrices."""
    with np.load(path) as arrays:
        vectors = arrays["vectors"]
        return np.split(vectors, arrays["offsets"][1:-1]) if "offsets" in arrays else vectors


def ahead_share(read: int, late: int) -> float | None:
    """Return the share of what was read that nobody waited for; None of nothing."""
    return round(1 - late / read, 4) if read else None


def main(said: dict[str, Any]) -> None:
    """Search for each query alone, then for all in batches, and say what it took."""
    if said["data_limit"] is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (said["data_limit"], said["data_limit"]))
    # Here, as nothing loads the engine before the limit holds.
    from ...engine.vector_kinds.dense import DenseKind
    from ...engine.vector_kinds.multi import MultiKind

    kind = {"dense": DenseKind, "multi": MultiKind}[said["kind"]]
    # The same file with its vectors mapped, as those of a field in memory are: nothing else is different.
    mapped = patch.object(kind, "read_from_disk", lambda *_: None) if said["mapped"] else nullcontext()
    queries = stored_queries(Path(said["queries"]))
    cache = FileCache(sorted((Path(said["database"]) / "segments").iterdir()))
    after_each: Callable[[], None] = cache.drop if said["cold"] else lambda: None
    with mapped, vicinal.open(said["database"], read_only=True) as database:
        collection = database.collection(said["collection"])
        search = said["search"]
        for start in range(0, len(queries), said["batch"]):
            # Loads the kernels and whatever of the index the walks pass.
            _ = collection.search(queries[start : start + said["batch"]], **search).ids
            after_each()
        for thread in threading.enumerate():
            if thread.name == "vicinal-verify":
                thread.join()
        after_each()
        held = cache.pages()
        before, seconds, most = counters(), np.empty(len(queries)), 0
        for place, query in enumerate(queries):
            started = time.perf_counter()
            _ = collection.search(query, **search).ids
            seconds[place] = time.perf_counter() - started
            if place % _COUNTED == 0:
                most = max(most, cache.pages() - held)
            after_each()
        alone = {name: value - before[name] for name, value in counters().items()}
        found, spent, before = [], 0.0, counters()
        for start in range(0, len(queries), said["batch"]):
            started = time.perf_counter()
            found.append(collection.search(queries[start : start + said["batch"]], **search).ids)
            spent += time.perf_counter() - started
            most = max(most, cache.pages() - held)
            after_each()
        batches = {name: value - before[name] for name, value in counters().items()}
        explained = collection.explain(queries[: said["batch"]], **search)
    np.save(said["found"], np.concatenate(found))
    n = len(queries)
    measured = {
        **percentiles(seconds),
        "batch_us": round(spent / n * 1e6, 2),
        **{name: round(value / n, 3) for name, value in alone.items()},
        **{f"batch_{name}": round(value / n, 3) for name, value in batches.items()},
        "rescored": round(explained.rescored / min(n, said["batch"]), 1),
        "read_ahead": ahead_share(explained.read_bytes, explained.late_bytes),
        **memory_use(),
        "index_pages_bytes": held * _PAGE,
        "cached_bytes": most * _PAGE,
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
