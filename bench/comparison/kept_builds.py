"""Indexes in folders of their own, built once and opened again."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from ...engine.progress import Progress
from ..harness.machine import code
from ..kept_peers import KeptPeer, KeptSearcher
from ..kept_peers.vicinal import VicinalKept
from ..multi_peers import MULTI_PEERS
from ..peers import Build
from ..sparse_peers import SPARSE_PEERS

S = TypeVar("S", bound=KeptSearcher)

_KNOWN = "built.json"
_INDEX = "index"
_PEERS = {**SPARSE_PEERS, **MULTI_PEERS}


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


@contextmanager
def opened(
    peer: KeptPeer[Any, S], dataset: Any, build: Build, keep: Path, step: Progress
) -> Iterator[tuple[KeptBuild, S]]:
    """Build an index as `built` does, and have it open meanwhile to be searched."""
    step(f"build {peer.name} {build.label}", 0.0)
    index = built(peer, dataset, build, keep)
    searcher = peer.open(dataset, build, index.folder)
    step(f"search {peer.name} {build.label}", 0.0)
    try:
        yield index, searcher
    finally:
        searcher.close()


@contextmanager
def noting_failure(failed: list[str], peer: KeptPeer[Any, Any], build: Build) -> Iterator[None]:
    """Add to ``failed`` what an engine raises inside, in words; what this engine raises ends the run."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    # Of libraries in Rust, what a panic raises is no Exception.
    except BaseException as error:
        if peer.name == VicinalKept.name:
            raise
        failed.append(f"{peer.name} {build.label} is left out: {type(error).__name__}: {error}")


def built(peer: KeptPeer[Any, Any], dataset: Any, build: Build, keep: Path) -> KeptBuild:
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


def _version(peer: KeptPeer[Any, Any]) -> str:
    package = _PEERS.get(peer.name)
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
