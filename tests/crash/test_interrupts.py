"""Ctrl-C anywhere in the public API: the call ends, and everything else goes on.

``VICINAL_INTERRUPTS`` sets how many (``make crash``: 10,000); the default is the form for CI.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
COUNT = os.environ.get("VICINAL_INTERRUPTS", "200")


def test_interrupts(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, str(HERE / "interrupted_process.py"), str(tmp_path), COUNT, "1"],
        env=os.environ | {"PYTHONPATH": str(HERE.parent)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    interrupted = json.loads(process.stdout)
    assert sum(interrupted.values()) == int(COUNT)
    print("interrupted:", interrupted)
