"""How clients are shared, forked and closed."""

from __future__ import annotations

import asyncio
import gc
import linecache
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
from serving.toy_server import toy_server
from waiting import wait_until

import vicinal
from vicinal import Dense
from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.proto.v1 import collections_pb2
from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import ServerSettings
from vicinal.server.wire.schemas import put_schema

DIM = 4


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a server with a collection of nine points."""
    with Server(ServerSettings(tmp_path / "db", port=0)) as server:
        with vicinal.connect(server.address) as db:
            films = db.create_collection("films", Dense(DIM))
            films.upsert(range(9), np.random.default_rng(0).standard_normal((9, DIM)), [{"a": 1}] * 9)
        yield server.address


def test_after_close_every_call_says_so(served: str) -> None:
    db = vicinal.connect(served)
    films = db.collection("films")
    hits, points = films.search(np.ones(DIM)), films.get([1])
    db.close()
    db.close()
    for call in (db.collections, db.info, films.count, films.flush, lambda: films.search(np.ones(DIM))):
        with pytest.raises(vicinal.Closed, match="connect"):
            call()
    assert hits[0].payload == points[0].payload == {"a": 1}


def test_after_close_every_awaited_call_says_so(served: str) -> None:
    async def use() -> None:
        async with vicinal.aconnect(served) as db:
            films = await db.collection("films")
            assert await films.count() == 9
        await db.close()
        for call in (db.collections, db.info, films.count, films.flush):
            with pytest.raises(vicinal.Closed, match="connect"):
                await call()

    asyncio.run(use())


def test_a_client_that_was_never_used_is_closed() -> None:
    vicinal.connect("localhost:1").close()

    async def use() -> None:
        db = vicinal.aconnect("localhost:1")
        await db.close()
        with pytest.raises(vicinal.Closed):
            await db.collections()

    asyncio.run(use())


class Held:
    """A behaviour that waits until it is let go, or its caller is gone."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.gone = threading.Event()

    def __call__(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        if not context.add_callback(self.gone.set):
            self.gone.set()
        self.entered.set()
        self.gone.wait(60)
        return b""


def test_closing_ends_calls_of_other_threads() -> None:
    held = Held()
    with toy_server(ListCollections=held) as toy, ThreadPoolExecutor(1) as pool:
        db = vicinal.connect(toy.address)
        waiting = pool.submit(db.collections)
        assert held.entered.wait(60)
        db.close()
        with pytest.raises(vicinal.Closed):
            waiting.result(60)
        assert held.gone.wait(60)


def test_closing_ends_a_pause(tmp_path: Path) -> None:
    def busy(request: bytes, context: grpc.ServicerContext) -> bytes:
        asked.set()
        context.abort(grpc.StatusCode.UNAVAILABLE, "not now")

    asked = threading.Event()
    with toy_server(ListCollections=busy) as toy, ThreadPoolExecutor(1) as pool:
        db = vicinal.connect(toy.address, retries=100, timeout=None)
        waiting = pool.submit(db.collections)
        assert asked.wait(60)
        db.close()
        with pytest.raises(vicinal.Closed):
            waiting.result(60)


def test_closing_ends_awaited_calls_and_pauses() -> None:
    held = Held()

    def busy(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.UNAVAILABLE, "not now")

    async def use(address: str) -> None:
        db = vicinal.aconnect(address, retries=100, timeout=None)
        waiting = [asyncio.create_task(db.collections()), asyncio.create_task(db.info())]
        await asyncio.to_thread(held.entered.wait, 60)
        await db.close()
        for task in waiting:
            with pytest.raises(vicinal.Closed):
                await task

    with toy_server(ListCollections=held, GetDatabaseInfo=busy) as toy:
        asyncio.run(use(toy.address))
        assert held.gone.wait(60)


def test_a_task_that_is_cancelled_gives_its_call_up() -> None:
    held = Held()

    async def use(address: str) -> None:
        async with vicinal.aconnect(address) as db:
            task = asyncio.create_task(db.collections())
            await asyncio.to_thread(held.entered.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(held.gone.wait, 60)

    with toy_server(ListCollections=held) as toy:
        asyncio.run(use(toy.address))


def collection(request: bytes, context: grpc.ServicerContext) -> bytes:
    response = collections_pb2.GetCollectionResponse(uuid="u")
    put_schema(response.schema, CollectionSchema({"vector": Dense(DIM)}))
    return response.SerializeToString()


def test_progress_that_fails_is_told_to_the_server() -> None:
    gone = threading.Event()

    def endless(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        context.add_callback(gone.set)
        while not gone.is_set():
            yield b""

    def enough(stage: str, fraction: float) -> None:
        raise KeyError("enough")

    with (
        toy_server(FlushCollection=endless, GetCollection=collection) as toy,
        vicinal.connect(toy.address) as db,
    ):
        with pytest.raises(KeyError, match="enough"):
            db.collection("films").flush(enough)
        assert gone.wait(60)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Take interrupts as at a terminal: a shell has its background jobs ignore them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_leaves_the_client_usable() -> None:
    """Ctrl-C during a call: the server is told that nobody waits, and the next call is answered."""
    arrived, gone, release = threading.Event(), threading.Event(), threading.Event()
    main = threading.get_ident()

    def held(request: bytes, context: grpc.ServicerContext) -> bytes:
        if not release.is_set():
            context.add_callback(gone.set)
            arrived.set()
            assert release.wait(60)
        return b""

    def waiting() -> bool:
        frame = sys._current_frames()[main]
        return "next_event" in linecache.getline(frame.f_code.co_filename, frame.f_lineno)

    def interrupt() -> None:
        assert arrived.wait(60)
        # gRPC cancels a call that is waited for; one that is still being begun ends with its deadline.
        wait_until(waiting)
        signal.pthread_kill(main, signal.SIGINT)

    with (
        toy_server(ListCollections=held) as toy,
        vicinal.connect(toy.address) as db,
        ThreadPoolExecutor(1) as pool,
    ):
        interrupting = pool.submit(interrupt)
        with pytest.raises(KeyboardInterrupt):
            db.collections()
        interrupting.result()
        assert gone.wait(60)
        release.set()
        assert db.collections() == []


def test_threads_share_a_client(served: str) -> None:
    with vicinal.connect(served) as db, ThreadPoolExecutor(16) as pool:
        films = db.collection("films")
        queries = np.random.default_rng(1).standard_normal((200, DIM)).astype(np.float32)
        expected = films.search(queries, k=3).ids
        found = list(pool.map(lambda query: films.search(query, k=3).ids, queries))
        np.testing.assert_array_equal(np.stack(found), expected)


def test_tasks_share_a_client(served: str) -> None:
    async def use() -> None:
        async with vicinal.aconnect(served) as db:
            films = await db.collection("films")
            queries = np.random.default_rng(1).standard_normal((100, DIM)).astype(np.float32)
            expected = (await films.search(queries, k=3)).ids
            found = await asyncio.gather(*(films.search(query, k=3) for query in queries))
            np.testing.assert_array_equal(np.stack([hits.ids for hits in found]), expected)

    asyncio.run(use())


def test_a_client_belongs_to_its_loop(served: str) -> None:
    db = vicinal.aconnect(served)

    async def use() -> list[str]:
        return await db.collections()

    with asyncio.Runner() as first, asyncio.Runner() as second:
        assert first.run(use()) == ["films"]
        with pytest.raises(vicinal.FailedPrecondition, match="event loop"):
            second.run(use())
        first.run(db.close())


FORKING = """
import os, sys
import numpy as np
import vicinal
with vicinal.connect(sys.argv[1]) as db:
    films = db.collection("films")
    assert films.count() == 9
    child = os.fork()
    for number in range(20):
        assert len(films.search(np.ones(4), k=5)) == 5
    assert films.count() == 9
    if not child:
        db.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert films.count() == 9
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_goes_on(served: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKING, served], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


# What writes, merges, searches and serves; and what those stand on.
HEAVY = {
    *("numba", "llvmlite", "hnswlib", "lmdb", "pyroaring", "sortedcontainers"),
    *(f"vicinal.engine.{name}" for name in ("collection", "database", "hosts", "maintenance", "search")),
    *(f"vicinal.engine.{name}" for name in ("segments", "state", "writing")),
    *(f"vicinal.indexes.{name}" for name in ("exact.scan", "graph.build", "graph.index", "kernels")),
    *(
        f"vicinal.storage.{name}"
        for name in ("folder", "lmdb_files", "memory", "opening", "segments", "verify")
    ),
    *(f"vicinal.server.{name}" for name in ("cli", "files", "service")),
}


def test_a_client_is_light() -> None:
    script = (
        "import sys, vicinal\n"
        "assert 'grpc' not in sys.modules\n"
        "db = vicinal.connect('localhost:1'); db.close()\n"
        "assert 'vicinal.server.client.async_remote_database' not in sys.modules\n"
        "vicinal.aconnect('localhost:1'); vicinal.Tls\n"
        "vicinal.Dense, vicinal.Hnsw, vicinal.F, vicinal.Hits, vicinal.deadline, vicinal.VicinalError\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "vicinal.server.client.drivers.blocking" in loaded
    assert not HEAVY & loaded


def test_nothing_is_left_behind_by_a_client_that_is_dropped(served: str) -> None:
    def use() -> None:
        assert vicinal.connect(served).collections() == ["films"]

    use()
    gc.collect()
    with vicinal.connect(served) as db:
        assert db.collections() == ["films"]


def test_a_client_shows_no_key(served: str) -> None:
    with vicinal.connect(served, key="vicinal_abc_secret") as db:
        shown = [
            repr(db),
            repr(db._driver._endpoint),
            repr(vicinal.aconnect(served, key="vicinal_abc_secret")),
        ]
        assert all("secret" not in text for text in shown)
        assert db.address == served
