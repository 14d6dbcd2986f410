"""A database that is closed under the threads that use it: every call is right or raises Closed.

In a process of its own, because the failure is a crash. ``VICINAL_CLOSES`` sets how often it is closed
(``make crash``); the default is the form for CI.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CLOSES = int(os.environ.get("VICINAL_CLOSES", "25"))
THREADS = 8


def test_every_call_of_every_thread_is_right_or_raises_closed(tmp_path: Path) -> None:
    script = Path(__file__).with_name("closing_process.py")
    command = [
        sys.executable,
        "-X",
        "faulthandler",
        str(script),
        str(tmp_path / "db"),
        str(CLOSES),
        str(THREADS),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120 + CLOSES)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    outcomes = {outcome for _, outcome in (what.split() for what in seen)}
    assert outcomes == {"right", "vicinal.engine.errors.Closed"}, seen
    assert sum(count for what, count in seen.items() if what.endswith("Closed")) == CLOSES * THREADS
