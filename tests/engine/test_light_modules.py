"""The modules that a client of a server needs load no compiler, no index library and no storage engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import vicinal.engine

ENGINE = Path(vicinal.engine.__file__).parent
LIGHT = [
    "api",
    "deadline",
    "errors",
    *sorted(
        f"{name}.{path.stem}"
        for name in ("filters", "input", "results", "schema", "vector_kinds")
        for path in (ENGINE / name).glob("*.py")
    ),
]
HEAVY = {"numba", "hnswlib", "lmdb", "grpc"}


def test_what_a_client_needs_is_light() -> None:
    script = f"""
import importlib, sys
for name in {LIGHT!r}:
    importlib.import_module("vicinal.engine." + name)
    loaded = {HEAVY!r} & sys.modules.keys()
    assert not loaded, f"{{name}} loads {{loaded}}"
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
