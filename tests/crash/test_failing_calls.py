"""Every n-th call of the system fails: what is raised are public errors in words, and nothing is lost.

``VICINAL_FAILING_CALLS=long`` (``make crash``) tries every failure that fits each call, alone and for as long
as the public call lasts, and every kind of vector besides; the default, one failure of every call of a
session with dense vectors, is the form for CI.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from crash.failing_calls_process import KINDS, kind_of
from crash.native_library import compile_library

HERE = Path(__file__).parent
FORM = os.environ.get("VICINAL_FAILING_CALLS", "short")
# Nothing here is about the disk itself, and memory syncs at once.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@pytest.mark.parametrize("session", ["whole", "kinds"] if FORM == "long" else ["whole"])
def test_failing_calls(tmp_path: Path, session: str) -> None:
    library = compile_library(HERE / "failing_calls.c", tmp_path)
    assert os.getpriority(os.PRIO_PROCESS, 0) < 19, "calls of threads of lowest priority are not counted"
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        process = subprocess.run(
            [sys.executable, str(HERE / "failing_calls_process.py"), library, folder, session, FORM],
            env=os.environ | {"LD_PRELOAD": str(library), "PYTHONPATH": str(HERE.parent)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    *wrong, summary = map(json.loads, process.stdout.splitlines())
    for case in wrong:
        print(case["case"], case["error"], case["trace"], sep="\n")
    assert not wrong
    assert {kind_of(name) for name in summary["calls"]} == set(KINDS)
    assert summary["cases"] >= len(summary["calls"]) > 100
    print(summary["cases"], "failures of", len(summary["calls"]), "calls")
