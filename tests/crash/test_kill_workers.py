"""kill -9 of workers and of the writer under load: no acknowledged write is lost, and callers recover.

``VICINAL_CRASH_CYCLES`` sets how many kills are made (``make workers``); the default is the form for CI.
"""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

from crash.server_clients import check_all
from crash.test_kill_server import CYCLES, served_load
from serving.running_workers import is_alive, parts_of
from serving.served_process import ServedProcess
from waiting import wait_until

import vicinal

WORKERS = 3


def test_kill_workers_and_their_writer(tmp_path: Path) -> None:
    rng = random.Random(12)
    folder, log = tmp_path / "db", tmp_path / "log"
    with served_load(folder, log, may_lose_answers=True) as (port, load, keys):
        server = ServedProcess(folder, log, port, workers=WORKERS)
        try:
            load.start()
            for cycle in range(CYCLES):
                load.wait_for(rng.randint(1, 20))
                # Each kind in the short form; a writer, a worker or two of them in the long one.
                victims = ["writer"] if cycle % 2 == 0 else rng.sample(workers(), rng.randint(1, 2))
                for victim in victims:
                    kill(server, victim)
                load.wait_for(2)
                wait_until(lambda: len(parts_of(server.pid)) == WORKERS + 1)
            load.finish()
            with vicinal.connect(f"127.0.0.1:{port}", key=keys[0]) as remote:
                check_all(remote, load.clients)
            assert server.stop() == 0, server.complaints()
        finally:
            load.close()
            server.discard()


def workers() -> list[str]:
    return [f"worker-{number}" for number in range(1, WORKERS + 1)]


def kill(server: ServedProcess, name: str) -> None:
    """End a part as ``kill -9`` does, unless it is just being started."""
    process = parts_of(server.pid).get(name)
    if process is not None:
        os.kill(process, signal.SIGKILL)
        wait_until(lambda: not is_alive(process))
