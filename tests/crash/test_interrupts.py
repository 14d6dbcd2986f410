"""Ctrl-C anywhere in the public API: the call ends, and everything else goes on.

``VICINAL_INTERRUPTS`` sets how many (``make crash``: 10,000); the default is the form for CI.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crash.interrupts import Interruption

import vicinal

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


CALLS: dict[str, Callable[[vicinal.Collection, vicinal.Collection, str], Any]] = {
    # What has changed is looked at by the first call after it, and a tenant by the first that names it.
    "following": lambda _, followed, tenant: followed.count(tenant=tenant),
    "tenants": lambda written, _, tenant: written.tenants.list(),
    "grants": lambda written, _, tenant: written.tenants.grants(tenant),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_read_of_the_catalog_that_is_interrupted_anywhere_holds_up_nobody(
    tmp_path: Path, name: str
) -> None:
    """Reader and writer share what they have open in one process."""
    row, place, interruption = np.ones((1, 2), np.float32), 0, Interruption()
    with vicinal.open(tmp_path / "db") as db, vicinal.open(tmp_path / "db", read_only=True) as follower:
        written = db.create_collection("points", vicinal.Dense(2), partitioned=True)
        followed = follower.collection("points")
        while place == 0 or interruption.where:
            place += 1
            tenant = f"tenant-{place}"
            writing = threading.Thread(
                target=written.upsert, args=([1], row), kwargs={"tenant": tenant}, daemon=True
            )
            writing.start()
            writing.join(60)
            assert not writing.is_alive(), interruption.where
            interruption.run(partial(CALLS[name], written, followed, tenant), place)
        assert place > 20
        assert followed.count(tenant=tenant) == 1
