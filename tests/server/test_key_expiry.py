"""A key that expires while a client uses it."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from serving.held_writer import held_writer
from serving.running_server import RunningServer, running_server

import vicinal
from vicinal.server.client.remote_collection import RemoteCollection

DIM = 4
PATIENCE = 60.0


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def count_until_refused(collection: RemoteCollection) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            collection.count()
        except vicinal.Unauthenticated:
            return
    pytest.fail("the key was not refused")


def upsert(collection: RemoteCollection) -> None:
    collection.upsert([1], np.ones((1, DIM)))


CALLS: dict[str, Callable[[RemoteCollection], object]] = {
    "upsert": upsert,
    "flush": lambda collection: collection.flush(),
}


def films(server: RunningServer, key: str) -> None:
    with vicinal.connect(f"127.0.0.1:{server.port}", key=key) as db:
        db.create_collection("films", vicinal.Dense(DIM))


def test_it_is_refused_from_then_on_by_both_clients(tmp_path: Path) -> None:
    with running_server(tmp_path / "db") as server:
        address = f"127.0.0.1:{server.port}"
        films(server, server.key("admin"))
        expires = now() + datetime.timedelta(seconds=1.5)
        key = server.key("write", expires=expires)
        with vicinal.connect(address, key=key) as db:
            used = db.collection("films")
            count_until_refused(used)
            assert now() >= expires
            for call in (db.collections, used.info, lambda: upsert(used)):
                with pytest.raises(vicinal.Unauthenticated, match="wants a valid key"):
                    call()
            with pytest.raises(vicinal.Unauthenticated):
                used.flush()
        with vicinal.connect(address, key=server.key("read")) as db:
            assert db.collection("films").count() == 0

        async def ask() -> None:
            async with vicinal.aconnect(address, key=key) as db:
                await db.collections()

        with pytest.raises(vicinal.Unauthenticated, match="wants a valid key"):
            asyncio.run(ask())


@pytest.mark.parametrize("kind", ["upsert", "flush"])
def test_a_call_that_runs_is_finished(tmp_path: Path, kind: str) -> None:
    with running_server(tmp_path / "db") as server, ThreadPoolExecutor(1) as pool:
        owner = server.key("admin")
        films(server, owner)
        address = f"127.0.0.1:{server.port}"
        for seconds in (1, 4, 16):
            key = server.key("admin", expires=now() + datetime.timedelta(seconds=seconds))
            if finishes(server, address, key, pool, kind):
                break
        else:
            pytest.fail("no call began before its key expired")
        with vicinal.connect(address, key=owner) as db:
            assert db.collection("films").count() == 1


def finishes(server: RunningServer, address: str, key: str, pool: ThreadPoolExecutor, kind: str) -> bool:
    """Have a call run while its key expires; return False when the key had expired before it ran."""
    try:
        with vicinal.connect(address, key=key) as db:
            used = db.collection("films")
            upsert(used)
            with held_writer(server.folder) as held:
                running = pool.submit(CALLS[kind], used)
                while not running.done() and not server.server.runtime.calls.running:
                    time.sleep(0.001)
                count_until_refused(used)
                assert not running.done() or running.exception() is not None
                held.release()
            running.result(timeout=PATIENCE)
    except vicinal.Unauthenticated:
        return False
    return True
