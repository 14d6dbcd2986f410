"""One bit of a closed database flips, or a file is cut: answers stay right, or vicinal says what is damaged.

``VICINAL_FLIPS`` sets how many are tried (``make crash``), a fifth as many of a database with every kind of
vector, index and field; the default is the form for CI, of a plain one alone. They are tried in a process of
its own, which is started again behind a flip that ended it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

FLIPS = int(os.environ.get("VICINAL_FLIPS", "300"))
FEWEST_WORTH_MAKING = 100
# So long without a line is a hang, however busy the machine is.
HANG_SECONDS = 120.0


@pytest.mark.parametrize(("name", "count"), [("plain", FLIPS), ("kinds", FLIPS // 5)])
def test_a_flipped_bit_changes_no_answer_in_silence(tmp_path: Path, name: str, count: int) -> None:
    if count < FEWEST_WORTH_MAKING:
        pytest.skip(f"indexes of every kind are made for {FEWEST_WORTH_MAKING} flips and more")
    seen: Counter[str] = Counter()
    faults: list[str] = []
    first = 0
    while first < count:
        first = try_from(name, first, count, tmp_path / "template", seen, faults)
    assert faults == []
    assert set(seen) <= {"right", "refused", "found later"}, seen
    assert seen["refused"] > count // 10


def try_from(name: str, first: int, count: int, template: Path, seen: Counter[str], faults: list[str]) -> int:
    """Try flips from `first` on until the process ends; return the flip to go on with."""
    script = Path(__file__).with_name("flipping_process.py")
    command = [sys.executable, str(script), name, str(template), str(first), str(count - first)]
    # Into a file: a pipe that nobody reads would be full of what is logged of the damage.
    logged = template.with_name("logged")
    with logged.open("w") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
    assert process.stdout is not None
    flip = None
    while True:
        timer = threading.Timer(HANG_SECONDS, process.kill)
        timer.start()
        line = process.stdout.readline()
        timer.cancel()
        if not line:
            break
        said = json.loads(line)
        if "flip" in said:
            flip = said
            continue
        seen[said["came"]] += 1
        if said["came"] not in ("right", "refused", "found later"):
            faults.append(f"{flip}: {said['came']}")
        flip = None
    process.communicate()
    if flip is None:
        assert process.returncode == 0, logged.read_text()[-2000:]
        return count
    faults.append(f"{flip} ended the process: status {process.returncode}")
    return int(flip["flip"]) + 1
