"""Repeating, over sockets: with a server that fails first, and with one that is started again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from serving.running_server import free_port
from serving.toy_server import toy_server

import vicinal
from vicinal import Dense
from vicinal.engine.errors import ResourceExhausted, Unavailable
from vicinal.engine.schema.collection_schema import CollectionSchema
from vicinal.proto.v1 import collections_pb2, database_pb2, points_pb2
from vicinal.server.service.server import Server
from vicinal.server.service.settings.settings import ServerSettings
from vicinal.server.wire.schemas import put_schema
from vicinal.server.wire.statuses import to_status

DIM = 4


def collection(request: bytes, context: grpc.ServicerContext) -> bytes:
    response = collections_pb2.GetCollectionResponse(uuid="u")
    put_schema(response.schema, CollectionSchema({"vector": Dense(DIM)}))
    return response.SerializeToString()


def limits(request: bytes, context: grpc.ServicerContext) -> bytes:
    return database_pb2.GetLimitsResponse(
        max_message_bytes=1 << 20, max_points=1000, max_queries=100, max_results=1000
    ).SerializeToString()


def after(failures: int, error: BaseException | grpc.StatusCode, answer: Any) -> Callable[..., Any]:
    """Return a behaviour that fails so many times, with a status of ours or with a bare code."""
    left = [failures]
    lock = threading.Lock()

    def behave(request: bytes, context: grpc.ServicerContext) -> bytes:
        with lock:
            fails = left[0] > 0
            left[0] -= 1
        if fails and isinstance(error, grpc.StatusCode):
            context.abort(error, "a proxy said so")
        if fails:
            context.abort_with_status(to_status(error, "r-1"))
        return answer.SerializeToString()

    return behave


def streaming(failures: int, code: grpc.StatusCode) -> Callable[..., Any]:
    left = [failures]

    def behave(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        progress = collections_pb2.Progress(stage="write", fraction=0.5)
        yield collections_pb2.FlushCollectionResponse(progress=progress).SerializeToString()
        left[0] -= 1
        if left[0] >= 0:
            context.abort(code, "broken off")

    return behave


COUNTED = points_pb2.CountPointsResponse(count=7)
BUSY = ResourceExhausted("busy", retry_after=0.01)


@pytest.mark.parametrize("error", [grpc.StatusCode.UNAVAILABLE, Unavailable("the disk"), BUSY])
def test_a_read_is_repeated(error: Any) -> None:
    with (
        toy_server(GetCollection=collection, CountPoints=after(2, error, COUNTED)) as toy,
        vicinal.connect(toy.address) as db,
    ):
        assert db.collection("films").count() == 7
        assert toy.calls == ["GetCollection", *["CountPoints"] * 3]


def test_the_asynchronous_client_repeats_too() -> None:
    async def ask(address: str) -> int:
        async with vicinal.aconnect(address) as db:
            return await (await db.collection("films")).count()

    with toy_server(GetCollection=collection, CountPoints=after(3, BUSY, COUNTED)) as toy:
        assert asyncio.run(ask(toy.address)) == 7
        assert toy.calls.count("CountPoints") == 4


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.INTERNAL, vicinal.VicinalError),
        (grpc.StatusCode.INVALID_ARGUMENT, vicinal.InvalidArgument),
        (grpc.StatusCode.UNAUTHENTICATED, vicinal.Unauthenticated),
        (grpc.StatusCode.UNIMPLEMENTED, vicinal.FailedPrecondition),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, vicinal.LimitExceeded),
    ],
)
def test_what_would_fail_again_is_not(code: grpc.StatusCode, error: type[Exception]) -> None:
    with (
        toy_server(GetCollection=collection, CountPoints=after(9, code, COUNTED)) as toy,
        vicinal.connect(toy.address) as db,
    ):
        films = db.collection("films")
        with pytest.raises(error, match="a proxy said so"):
            films.count()
        assert toy.calls.count("CountPoints") == 1


def test_the_number_of_retries_is_the_callers() -> None:
    with (
        toy_server(ListCollections=after(9, grpc.StatusCode.UNAVAILABLE, COUNTED)) as toy,
        vicinal.connect(toy.address, retries=1) as once,
        vicinal.connect(toy.address, retries=0) as never,
    ):
        for db, calls in ((once, 2), (never, 1)):
            toy.calls.clear()
            with pytest.raises(Unavailable, match=toy.address):
                db.collections()
            assert len(toy.calls) == calls


def test_a_delete_is_repeated_only_when_it_was_refused() -> None:
    deleted = points_pb2.DeletePointsResponse(deleted=1)
    for error, calls in ((BUSY, 2), (grpc.StatusCode.UNAVAILABLE, 1)):
        with (
            toy_server(
                GetCollection=collection, GetLimits=limits, DeletePoints=after(1, error, deleted)
            ) as toy,
            vicinal.connect(toy.address) as db,
        ):
            films = db.collection("films")
            if calls == 2:
                assert films.delete([1]) == 1
            else:
                with pytest.raises(Unavailable):
                    films.delete([1])
            assert toy.calls.count("DeletePoints") == calls


def test_a_stream_that_breaks_off_begins_again() -> None:
    with (
        toy_server(
            GetCollection=collection, FlushCollection=streaming(1, grpc.StatusCode.UNAVAILABLE)
        ) as toy,
        vicinal.connect(toy.address) as db,
    ):
        heard: list[tuple[str, float]] = []
        db.collection("films").flush(lambda *report: heard.append(report))
        assert heard == [("write", 0.5)] * 2
        assert toy.calls.count("FlushCollection") == 2


def test_a_server_whose_database_is_closed_is_stopping_the_client_is_not() -> None:
    closed = after(9, vicinal.Closed("the database is closed"), COUNTED)
    with toy_server(ListCollections=closed) as toy, vicinal.connect(toy.address, retries=1) as db:
        with pytest.raises(Unavailable, match="is stopping"):
            db.collections()
        assert toy.calls == ["ListCollections"] * 2


def test_time_runs_out_between_attempts() -> None:
    busy = after(99, ResourceExhausted("busy", retry_after=30.0), COUNTED)
    with toy_server(ListCollections=busy) as toy, vicinal.connect(toy.address, timeout=5) as db:
        with pytest.raises(ResourceExhausted, match="busy") as raised:
            db.collections()
        assert raised.value.retry_after == 30.0
        assert toy.calls == ["ListCollections"]
        assert raised.value.__notes__ == ["request r-1"]


def test_every_call_carries_the_key() -> None:
    with (
        toy_server(ListCollections=lambda request, context: b"") as toy,
        vicinal.connect(toy.address, key="vicinal_0_secret") as db,
    ):
        assert db.collections() == []
        assert toy.metadata[0]["authorization"] == "Bearer vicinal_0_secret"


def test_a_server_that_starts_again_is_found_again(tmp_path: Path) -> None:
    settings = ServerSettings(tmp_path / "db", port=free_port())
    with vicinal.connect(f"127.0.0.1:{settings.port}", retries=12) as db:
        with Server(settings):
            films = db.create_collection("films", Dense(DIM))
            films.upsert(range(3), np.ones((3, DIM)))
        answers: list[int] = []
        # The call begins while nobody listens.
        asking = threading.Thread(target=lambda: answers.append(films.count()))
        asking.start()
        with Server(settings):
            asking.join(60)
            assert answers == [3]
            films.upsert([10], np.ones((1, DIM)))
            assert films.count() == 4


def test_writes_go_on_while_the_server_is_started_again(tmp_path: Path) -> None:
    settings = ServerSettings(tmp_path / "db", port=free_port())
    written: list[int] = []
    stop = threading.Event()
    with vicinal.connect(f"127.0.0.1:{settings.port}", retries=20) as db:
        server = Server(settings)
        server.start()
        films = db.create_collection("films", Dense(DIM))

        def write() -> None:
            while not stop.is_set():
                number = len(written)
                films.upsert([number], np.full((1, DIM), number + 1.0))
                written.append(number)

        writer = threading.Thread(target=write)
        writer.start()
        for _ in range(3):
            so_far = len(written)
            while len(written) < so_far + 20 and writer.is_alive():
                stop.wait(0.005)
            server.stop()
            server = Server(settings)
            server.start()
        stop.set()
        writer.join(60)
        assert len(written) >= 60
        assert films.count() == len(written)
        assert all(films.get(written))
        server.stop()
