"""Callers who leave, at every phase of a call: what the call held is given back, and its work stops."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.protobuf.message import Message
from serving.held_writer import held_writer
from serving.rpcs import BY_NAME
from serving.running_server import RunningServer, running_server
from serving.valid_requests import DIM, ENTRIES, Target, queries

import vicinal
from vicinal.proto.v1 import collections_pb2, points_pb2, search_pb2
from vicinal.server.service.settings.limits import Limits

PATIENCE = 30.0
POINTS = 2_000
ROOMS = Target("rooms", "ada")
SCOPE = points_pb2.Scope(collection="rooms", tenant="ada")
COUNT = points_pb2.CountPointsRequest(scope=SCOPE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phases") / "db"
    with vicinal.open(folder) as db:
        rooms = db.create_collection(
            "rooms", vicinal.Dense(DIM), fields={"year": "integer"}, partitioned=True
        )
        vectors = np.random.default_rng(0).standard_normal((POINTS, DIM))
        rooms.upsert(range(POINTS), vectors, [{"text": "x" * 100}] * POINTS, tenant="ada")
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[RunningServer]:
    limits = Limits(running_searches=2, max_calls=8, receive_seconds=60.0)
    with running_server(folder, limits=limits) as server:
        yield server
        assert_idle(server)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def assert_idle(server: RunningServer) -> None:
    """Assert that, soon, no call holds anything, and that the next one is answered."""
    runtime = server.server.runtime
    wait_until(lambda: not (runtime.arrivals.total or runtime.receiving.receiving))
    wait_until(lambda: not runtime.memory.taken and runtime.line.free == 2 and not runtime.line.waiting)
    (answer,) = server.call("CountPoints", COUNT).responses
    assert isinstance(answer, points_pb2.CountPointsResponse)


def search(n: int = 1, **options: object) -> bytes:
    chosen = search_pb2.SearchOptions(k=10, **options)  # type: ignore[arg-type]
    request = search_pb2.SearchBatchRequest(scope=SCOPE, queries=queries(n), options=chosen)
    return request.SerializeToString()


def begin(server: RunningServer, name: str, request: Message | bytes) -> grpc.Future:
    if isinstance(request, Message):
        request = request.SerializeToString()
    return server.channel.unary_unary(BY_NAME[name].path).future(request)


def waiting(server: RunningServer) -> int:
    """Reads that wait for a place to run, or for a thread to find one in."""
    return server.server.runtime.metrics.numbers().waiting


def call_threads() -> int:
    return sum(thread.name.startswith("vicinal-call") for thread in threading.enumerate())


def test_before_the_message_is_sent(server: RunningServer) -> None:
    arrivals = server.server.runtime.arrivals
    release = threading.Event()

    def nothing() -> Iterator[bytes]:
        release.wait(PATIENCE)
        yield from ()

    pending = []
    threads = call_threads()
    for begun in (8, 16):
        pending += [
            server.channel.stream_unary(BY_NAME["SearchBatch"].path).future(nothing()) for _ in range(8)
        ]
        # Silent, they hold none of the places of calls that run, of which there are fewer.
        wait_until(lambda begun=begun: arrivals.silent == begun)  # type: ignore[misc]
    assert server.server.runtime.calls.running == 0
    assert call_threads() <= threads
    assert server.call("CountPoints", COUNT).ok
    for call in pending:
        call.cancel()
    release.set()
    assert_idle(server)


def test_a_stream_that_ends_without_a_message(server: RunningServer) -> None:
    for name in ("SearchBatch", "MergeCollection"):
        path = BY_NAME[name].path
        with pytest.raises(grpc.RpcError) as caught:
            list(server.channel.stream_stream(path)(iter([]), timeout=PATIENCE))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "no message" in caught.value.details()


def test_a_second_message_is_not_read(server: RunningServer) -> None:
    answers = server.channel.stream_stream(BY_NAME["CountPoints"].path)(
        iter([COUNT.SerializeToString(), b"\xff"]), timeout=PATIENCE
    )
    (answer,) = map(points_pb2.CountPointsResponse.FromString, answers)
    assert answer.count == POINTS


@pytest.mark.parametrize("how", ["cancel", "deadline"])
def test_while_waiting_in_line(server: RunningServer, how: str) -> None:
    line = server.server.runtime.line
    # The test holds both places, so whoever comes waits.
    for _ in range(2):
        line.enter(None, lambda callback: True)
    try:
        path = BY_NAME["SearchBatch"].path
        timeout = None if how == "cancel" else 0.2
        pending = [server.channel.unary_unary(path).future(search(), timeout=timeout) for _ in range(4)]
        if how == "cancel":
            wait_until(lambda: waiting(server) == 4)
            # Of those that have no thread yet nothing is left, either, though both places stay taken.
            for call in pending[2:]:
                call.cancel()
            wait_until(lambda: waiting(server) == server.server.runtime.arrivals.total == 2)
            for call in pending[:2]:
                call.cancel()
        codes = {call.code() for call in pending}
        expected = grpc.StatusCode.CANCELLED if how == "cancel" else grpc.StatusCode.DEADLINE_EXCEEDED
        assert codes == {expected}
        wait_until(lambda: not waiting(server) and not server.server.runtime.calls.running)
    finally:
        line.leave()
        line.leave()


def test_while_searching(server: RunningServer) -> None:
    request = search(1_000, exact=True)
    for pause in (0.0, 0.001, 0.005, 0.02, 0.05):
        pending = [begin(server, "SearchBatch", request) for _ in range(4)]
        time.sleep(pause)
        for call in pending:
            call.cancel()
    assert_idle(server)


def test_while_writing(server: RunningServer, folder: Path) -> None:
    """A write that has not begun is withdrawn; one that has is finished, and nobody is told."""
    runtime = server.server.runtime
    upsert = ENTRIES["vicinal.v1.PointService.UpsertPoints"].make(ROOMS)
    assert isinstance(upsert, points_pb2.UpsertPointsRequest)
    upsert.points.ids.numbers[:] = [900_000, 900_001]
    second = points_pb2.UpsertPointsRequest()
    second.CopyFrom(upsert)
    second.points.ids.numbers[:] = [900_002, 900_003]
    with held_writer(folder) as held:
        first_call = begin(server, "UpsertPoints", upsert)
        wait_until(lambda: runtime.calls.running == 1)
        held.wait_for_writer()
        second_call = begin(server, "UpsertPoints", second)
        wait_until(lambda: runtime.calls.running == 2)
        second_call.cancel()
        wait_until(lambda: runtime.calls.running == 1)
        first_call.cancel()
        held.release()
    assert_idle(server)
    ids = points_pb2.GetPointsRequest(scope=SCOPE, ids={"numbers": range(900_000, 900_004)})
    (answer,) = server.call("GetPoints", ids).responses
    assert isinstance(answer, points_pb2.GetPointsResponse)
    assert list(answer.found)[2:] == [False, False]


def test_during_long_work(server: RunningServer, folder: Path) -> None:
    runtime = server.server.runtime
    flush = collections_pb2.FlushCollectionRequest(collection="rooms").SerializeToString()
    with held_writer(folder) as held:
        pending = [
            server.channel.unary_stream(BY_NAME[name].path)(flush)
            for name in ("FlushCollection", "MergeCollection", "WaitIndexed", "MergeCollection")
        ]
        wait_until(lambda: runtime.calls.running == 4)
        for call in pending:
            call.cancel()
        # Those that wait for the one that works give up at once, that one when it is let on.
        wait_until(lambda: runtime.calls.running <= 1)
        held.release()
    assert_idle(server)


def test_while_a_large_answer_is_sent(server: RunningServer) -> None:
    runtime = server.server.runtime
    page = points_pb2.ScrollPointsRequest(scope=SCOPE, limit=POINTS, with_vectors=True)
    for _ in range(3):
        call = begin(server, "ScrollPoints", page)
        wait_until(call.done)
        assert call.code() is grpc.StatusCode.OK
    wait_until(lambda: not runtime.memory.taken)
    pending = [begin(server, "ScrollPoints", page) for _ in range(6)]
    for call in pending:
        call.cancel()
    assert_idle(server)


def test_calls_that_fail(server: RunningServer) -> None:
    wrong = [
        ("SearchBatch", b"\xff"),
        ("SearchBatch", search_pb2.SearchBatchRequest(scope=SCOPE, queries=queries(2, DIM + 1))),
        ("SearchBatch", search(3, filter=points_pb2.Filter(json=b'{"key":"none","range":{"gt":"x"}}'))),
        ("GetCollection", collections_pb2.GetCollectionRequest(name="none")),
        ("MergeCollection", collections_pb2.MergeCollectionRequest(collection="none")),
        ("CalibrateCollection", collections_pb2.CalibrateCollectionRequest(collection="rooms")),
        ("UpsertPoints", points_pb2.UpsertPointsRequest(scope=SCOPE, points={"ids": {"numbers": [1, 1]}})),
    ]
    for name, request in wrong:
        outcome = server.call(name, request)
        assert outcome.code in (
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.FAILED_PRECONDITION,
            grpc.StatusCode.NOT_FOUND,
        ), (name, outcome)
        assert_idle(server)


def test_the_answers_of_many_who_come_and_go(server: RunningServer) -> None:
    """Whatever is left in whatever order, the counts are right in the end."""
    rng = np.random.default_rng(1)
    requests = [search(n) for n in (1, 20, 200)]
    pending: list[grpc.Future] = []
    for turn in range(300):
        pending.append(begin(server, "SearchBatch", requests[turn % 3]))
        if rng.random() < 0.5:
            pending.pop(int(rng.integers(len(pending)))).cancel()
    for call in pending:
        error = call.exception(timeout=PATIENCE)
        if error is not None:
            # There were more than the calls that may run.
            assert call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert_idle(server)


def test_one_key_of_many_calls_is_refused_before_another(folder: Path, tmp_path: Path) -> None:
    """All places have calls of one key, which wait: its next is refused unread, one of another is let in."""
    # Once it has keys, a database takes no calls without.
    shutil.copytree(folder, tmp_path / "db")
    limits = Limits(running_searches=2, max_calls=8, receive_seconds=60.0)
    with running_server(tmp_path / "db", limits=limits) as server:
        fill_places(server)


def fill_places(server: RunningServer) -> None:
    greedy, modest = server.key("read"), server.key("read")
    runtime, path = server.server.runtime, BY_NAME["SearchBatch"].path
    for _ in range(2):
        runtime.line.enter(None, lambda callback: True)
    try:
        taken = [
            server.channel.unary_unary(path).future(search(), metadata=_bearer(greedy)) for _ in range(8)
        ]
        wait_until(lambda: waiting(server) == 8)
        threads = runtime.receiving.receiving
        # The message is never sent, so an answer shows that it was not waited for.
        unread = server.channel.stream_unary(path).future(_silence(), metadata=_bearer(greedy))
        assert unread.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "grpc-status-details-bin" in dict(unread.trailing_metadata())
        assert runtime.receiving.receiving == threads
        other = server.channel.unary_unary(path).future(search(), metadata=_bearer(modest))
        wait_until(lambda: waiting(server) == 9)
    finally:
        runtime.line.leave()
        runtime.line.leave()
    assert all(call.code() is grpc.StatusCode.OK for call in (*taken, other))
    wait_until(lambda: not runtime.calls.running)
    # Everything was given back.
    again = [server.channel.unary_unary(path).future(search(), metadata=_bearer(greedy)) for _ in range(8)]
    assert all(call.code() is grpc.StatusCode.OK for call in again)


def _bearer(key: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {key}")]


def _silence() -> Iterator[bytes]:
    threading.Event().wait(1.0)
    yield from ()
