"""kill -9 of a server under load whose clients retry: no acknowledged write lost, no phantom row.

The same with a server that is asked to stop.

``VICINAL_CRASH_CYCLES`` sets how many kills are made (``make crash N=1000``); the default is the form for CI.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from crash.server_clients import COLLECTIONS, DIM, Client, check_all, tend
from serving.running_server import free_port
from serving.served_process import ServedProcess

import vicinal
from vicinal.server.service.access.key_store import KeyStore
from vicinal.storage.verify.folder_check import check_folder

CYCLES = int(os.environ.get("VICINAL_CRASH_CYCLES", "2"))
CLIENTS = 4
PATIENCE = 120.0


class Load:
    """The clients, at work while a block runs."""

    def __init__(self, address: str, keys: list[str], admin: str) -> None:
        self._stop = threading.Event()
        self.clients = [Client(number, address, key, self._stop) for number, key in enumerate(keys)]
        self._tend = partial(tend, address, admin, self._stop)
        self._pool = ThreadPoolExecutor(CLIENTS + 1)
        self._running: list[Future[None]] = []

    def start(self) -> None:
        self._stop.clear()
        self._running = [self._pool.submit(work) for work in (self._tend, *(one.run for one in self.clients))]

    def finish(self) -> None:
        """Let every client end what it is doing; raise what one of them found wrong."""
        self._stop.set()
        for done in self._running:
            done.result(timeout=PATIENCE)

    def wait_for(self, acknowledged: int) -> None:
        """Return when every client has had so many more writes acknowledged."""
        wanted = [client.acknowledged + acknowledged for client in self.clients]
        deadline = time.monotonic() + PATIENCE
        while any(client.acknowledged < n for client, n in zip(self.clients, wanted, strict=True)):
            wait(self._running, timeout=0.005, return_when=FIRST_EXCEPTION)
            ended = [one for one in self._running if one.done()]
            for one in ended:
                one.result()
            assert not ended
            assert time.monotonic() < deadline, [client.acknowledged for client in self.clients]

    def close(self) -> None:
        self._stop.set()
        self._pool.shutdown()


@contextmanager
def served_load(folder: Path, log: Path, *, may_lose_answers: bool) -> Iterator[tuple[int, Load, list[str]]]:
    """Make a database, and clients of a server that is not there yet; give its port and their keys."""
    with vicinal.open(folder) as db:
        for name, partitioned in COLLECTIONS.items():
            db.create_collection(name, vicinal.Dense(DIM), partitioned=partitioned)
    with KeyStore(folder) as store:
        keys = [store.create(f"client-{number}", "write")[1] for number in range(CLIENTS)]
        admin = store.create("upkeep", "admin")[1]
    port = free_port()
    load = Load(f"127.0.0.1:{port}", keys, admin)
    for client in load.clients:
        client.may_lose_answers = may_lose_answers
    try:
        yield port, load, keys
    finally:
        load.close()
    assert check_folder(folder) == []
    with vicinal.open(folder) as db:
        check_all(db, load.clients)
    print("writes acknowledged:", sum(client.acknowledged for client in load.clients))
    print("writes whose answer was lost:", sum(client.unknown for client in load.clients))


def test_kill_server(tmp_path: Path) -> None:
    rng = random.Random(11)
    folder, log = tmp_path / "db", tmp_path / "log"
    with served_load(folder, log, may_lose_answers=True) as (port, load, keys):
        server = ServedProcess(folder, log, port)
        try:
            for _ in range(CYCLES):
                load.start()
                load.wait_for(rng.randint(1, 30))
                server.kill()
                assert check_folder(folder) == []
                server = ServedProcess(folder, log, port)
                load.wait_for(2)
                load.finish()
                with vicinal.connect(f"127.0.0.1:{port}", key=keys[0]) as remote:
                    check_all(remote, load.clients)
            assert server.stop() == 0, server.complaints()
        finally:
            load.close()
            server.discard()


def test_stop_server(tmp_path: Path) -> None:
    """A server that is asked to stop answers what it began: what failed did not happen."""
    folder, log = tmp_path / "db", tmp_path / "log"
    with served_load(folder, log, may_lose_answers=False) as (port, load, _):
        server = ServedProcess(folder, log, port)
        try:
            load.start()
            for _ in range(max(1, CYCLES // 3)):
                load.wait_for(15)
                assert server.stop() == 0, server.complaints()
                server = ServedProcess(folder, log, port)
                load.wait_for(2)
            load.finish()
            assert server.stop() == 0, server.complaints()
        finally:
            load.close()
            server.discard()
