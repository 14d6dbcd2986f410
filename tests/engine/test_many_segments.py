"""A database of more segments than a process may have files open."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np

import vicinal

SEGMENTS = 24


def test_an_open_segment_costs_no_descriptor(tmp_path: Path) -> None:
    quiet = vicinal.MergePolicySettings(quiet_seconds=1e9, tier_factor=1000)
    with vicinal.open(tmp_path / "db", merge_policy=quiet) as db:
        points = db.create_collection("points", vicinal.Dense(2))
        for number in range(SEGMENTS):
            points.upsert([number], np.ones((1, 2)))
            points.flush()
    code = """
        import os, resource, sys
        import vicinal
        most = len(os.listdir("/proc/self/fd")) + 12
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        with vicinal.open(sys.argv[1], read_only=True) as db:
            points = db.collection("points")
            print(len(points.info().segments), len(points.search([1, 1], k=100, exact=True)))
        """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout == f"{SEGMENTS} {SEGMENTS}\n", done.stderr
