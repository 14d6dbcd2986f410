"""Indexes in folders of their own, built once and opened again."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from ..harness.machine import code
from ..peers import Build
from ..sparse_peers import SPARSE_PEERS

_KNOWN = "built.json"
_INDEX = "index"


class Builder(Protocol):
    """An engine that builds into folders; what the methods do, the protocols of peers say."""

    @property
    def name(self) -> str: ...
    def prepare(self, dataset: Any, build: Build, folder: Path, scratch: Path) -> None: ...
    def build(self, dataset: Any, build: Build, folder: Path, scratch: Path) -> Callable[[], None]: ...


@dataclass(frozen=True)
class KeptBuild:
    """An index in its folder, and what it took.

    Attributes
    ----------
    folder : Path
    seconds, cpu_seconds : float
        Of building alone, without reading the input and without saving; cores kept busy are their ratio.
    bytes : int
        What its files take on the disk.
    """

    folder: Path
    seconds: float
    cpu_seconds: float
    bytes: int


def built(peer: Builder, dataset: Any, build: Build, keep: Path) -> KeptBuild:
    """Build an index below `keep`, unless the same version of the engine built it there in the same way."""
    place = keep / f"{dataset.name}-{dataset.content_hash}"
    folder = place / re.sub(r"[^a-z0-9.]+", "-", f"{peer.name} {build.label}".lower())
    known, way = folder / _KNOWN, {"version": _version(peer), "build": asdict(build)}
    if not known.exists() or json.loads(known.read_text()).get("way") != way:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / _INDEX).mkdir(parents=True)
        with _quiet_output():
            peer.prepare(dataset, build, folder / _INDEX, place)
            started, cpu = time.perf_counter(), time.process_time()
            save = peer.build(dataset, build, folder / _INDEX, place)
            spent = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
            save()
        size = sum(file.stat().st_blocks * 512 for file in (folder / _INDEX).rglob("*") if file.is_file())
        known.write_text(json.dumps({**spent, "bytes": size, "way": way}))
    found = json.loads(known.read_text())
    return KeptBuild(folder / _INDEX, found["seconds"], found["cpu_seconds"], found["bytes"])


def _version(peer: Builder) -> str:
    package = SPARSE_PEERS.get(peer.name)
    return str(code()["source"]) if package is None else metadata.version(package[2])


@contextmanager
def _quiet_output() -> Iterator[None]:
    """Keep what libraries print below Python out of the tables."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
