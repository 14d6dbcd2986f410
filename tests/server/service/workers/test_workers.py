"""Three workers and a writer: what one process promises, several keep together.

``VICINAL_READ_YOUR_WRITES`` sets for how many seconds threads read what they wrote (`make workers`);
the default is the form for CI.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import grpc
import numpy as np
import pytest
from google.protobuf.message import Message
from prometheus_client.parser import text_string_to_metric_families
from serving import columns, foreign_traffic
from serving.calls import call
from serving.held_writer import held_writer
from serving.rpcs import BY_NAME
from serving.running_server import Served, health, running_server
from serving.running_workers import PATIENCE, RunningWorkers, is_alive, kill, running_workers
from serving.valid_requests import DIM, collection_schema, dense
from waiting import wait_until

import vicinal
from vicinal.proto.v1 import collections_pb2, points_pb2, search_pb2, vectors_pb2

WORKERS = 3
WRITERS = 8
# Writes of each thread; the long form goes on for `SECONDS`.
WRITES = 12
SECONDS = float(os.environ.get("VICINAL_READ_YOUR_WRITES", "0"))
SERVING = 1


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorkers]:
    folder = tmp_path_factory.mktemp("served") / "db"
    with running_workers(folder, WORKERS, metrics_port=0) as server:
        yield server


@pytest.fixture
def served(server: RunningWorkers) -> RunningWorkers:
    """Three workers without keys, whatever was done to them before; each test has its own collection."""
    wait_until(lambda: served_again(server))
    return server


def create(server: Served, name: str, partitioned: bool = False) -> points_pb2.Scope:
    schema = collection_schema()
    schema.partitioned = partitioned
    outcome = server.call(
        "CreateCollection", collections_pb2.CreateCollectionRequest(name=name, schema=schema)
    )
    assert outcome.ok, outcome
    return points_pb2.Scope(collection=name)


def vectors() -> dict[str, np.ndarray]:
    return {"vector": np.ones((1, DIM))}


def upsert(scope: points_pb2.Scope, ids: list[int]) -> points_pb2.UpsertPointsRequest:
    matrix = np.repeat(np.array(ids, "<f4")[:, None], DIM, axis=1) + 1
    field = vectors_pb2.FieldVectors(field="vector", vectors=dense(matrix))
    points = points_pb2.PointColumns(ids=columns.point_ids(ids), vectors=[field])
    return points_pb2.UpsertPointsRequest(scope=scope, points=points)


def test_every_caller_reads_what_it_wrote_through_whichever_worker(served: RunningWorkers) -> None:
    """Each write goes over one connection, and the reads that must see it over others."""
    scope = create(served, "yours")
    end = time.monotonic() + SECONDS

    def write_and_read(writer: int) -> int:
        turn = 0
        while turn < WRITES or time.monotonic() < end:
            point = writer * 1_000_000 + turn
            assert served.call("UpsertPoints", upsert(scope, [point])).ok
            for _ in range(3):
                get = points_pb2.GetPointsRequest(scope=scope, ids=columns.point_ids([point]))
                (found,) = served.call("GetPoints", get).responses
                assert list(found.found) == [True], (writer, turn)
            look = search_pb2.SearchRequest(
                scope=scope,
                query=dense(np.full((1, DIM), point + 1.0)),
                options=search_pb2.SearchOptions(field="vector", k=1, exact=True),
            )
            assert served.call("Search", look).ok
            if turn % 3 == 2:
                selection = points_pb2.Selection(ids=columns.point_ids([point]))
                delete = points_pb2.DeletePointsRequest(scope=scope, selection=selection)
                assert served.call("DeletePoints", delete).ok
                (gone,) = served.call("GetPoints", get).responses
                assert list(gone.found) == [False], (writer, turn)
            turn += 1
        return turn

    with ThreadPoolExecutor(WRITERS) as pool:
        turns = list(pool.map(write_and_read, range(WRITERS)))
    left = sum(turn - turn // 3 for turn in turns)
    for channel in served.channels:
        count = points_pb2.CountPointsRequest(scope=scope)
        (answer,) = call(channel, BY_NAME["CountPoints"], count).responses
        assert answer == points_pb2.CountPointsResponse(count=left)


def same_errors(server: Served, scope: points_pb2.Scope) -> list[tuple[object, ...]]:
    """Return how calls end that must fail, of reads and of what is handed on."""
    wrong = upsert(scope, [1])
    wrong.points.vectors[0].field = "nothing"
    missing = points_pb2.Scope(collection="missing")
    flush = collections_pb2.FlushCollectionRequest(collection="missing")
    calls: list[tuple[str, Message | bytes]] = [
        ("UpsertPoints", wrong),
        ("UpsertPoints", upsert(missing, [1])),
        ("UpsertPoints", b"\xff"),
        ("CountPoints", points_pb2.CountPointsRequest(scope=missing)),
        ("FlushCollection", flush),
        ("GetCollectionInfo", collections_pb2.GetCollectionInfoRequest(collection="missing")),
    ]
    outcomes = [server.call(name, request) for name, request in calls]
    assert not any(outcome.ok for outcome in outcomes)
    return [outcome.seen() for outcome in outcomes]


def test_what_is_handed_on_fails_with_the_same_status_and_details(
    served: RunningWorkers, tmp_path: Path
) -> None:
    name = "same"
    scope = create(served, name)
    for other in served.call("ListCollections", b"").responses[0].names:
        # What exists is named in the words for what does not.
        if other != name:
            request = collections_pb2.DeleteCollectionRequest(name=other)
            assert served.call("DeleteCollection", request).ok
    with running_server(tmp_path / "db") as alone:
        assert same_errors(alone, create(alone, name)) == same_errors(served, scope)


def test_work_that_takes_long_tells_of_its_progress(served: RunningWorkers) -> None:
    scope = create(served, "long")
    assert served.call("UpsertPoints", upsert(scope, list(range(2_000)))).ok
    flushed = served.call("FlushCollection", collections_pb2.FlushCollectionRequest(collection="long"))
    assert flushed.ok
    assert all(answer.progress.stage for answer in flushed.responses)
    info = collections_pb2.GetCollectionInfoRequest(collection="long")
    (answer,) = served.call("GetCollectionInfo", info).responses
    assert [segment.uuid for segment in answer.info.segments if segment.rows] != ["growing"]
    queries = dense(np.random.default_rng(1).standard_normal((60, DIM)))
    calibrate = collections_pb2.CalibrateCollectionRequest(collection="long", field="vector", queries=queries)
    measured = served.call("CalibrateCollection", calibrate)
    assert measured.ok, measured
    assert measured.responses[-1].WhichOneof("step") == "segments"


def test_the_worker_that_searches_finds_out_what_recall_it_has(served: RunningWorkers) -> None:
    with vicinal.connect(served.address) as client:
        audited = foreign_traffic.create(client, "audited")
        info = foreign_traffic.searched_until_raised(audited)
        plan = audited.explain(foreign_traffic.FOREIGN[0], recall=foreign_traffic.TARGET).segments[0]
        assert plan.raised == info.raised
        # What the writer tells stands beside it.
        assert audited.info().points == foreign_traffic.ROWS


def test_a_deadline_travels_and_gives_back_what_the_call_held(served: RunningWorkers) -> None:
    scope = create(served, "late")
    with held_writer(served.folder) as held:
        late = served.call("UpsertPoints", upsert(scope, [1]), timeout=1.0)
        assert late.code is grpc.StatusCode.DEADLINE_EXCEEDED
        path = BY_NAME["UpsertPoints"].path
        pending = served.channel.unary_unary(path).future(upsert(scope, [2]).SerializeToString())
        wait_until(lambda: metric(served, "vicinal_requests_in_flight") == 1)
        pending.cancel()
        wait_until(lambda: metric(served, "vicinal_requests_in_flight") == 0)
        held.release()


def metric(server: RunningWorkers, name: str, **labels: str) -> float:
    """Return the sum of a metric's samples that have the labels."""
    text = scrape(server)
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def scrape(server: RunningWorkers) -> str:
    port = server.supervisor.metrics_port
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
        return text


COUNTED = {"method": BY_NAME["CountPoints"].path, "code": "OK"}


def test_calls_are_counted_once_and_for_good(served: RunningWorkers) -> None:
    scope = create(served, "counted")
    assert served.call("UpsertPoints", upsert(scope, [1, 2, 3])).ok
    written = metric(served, "vicinal_requests_total", method=BY_NAME["UpsertPoints"].path)
    before = metric(served, "vicinal_requests_total", **COUNTED)
    count = points_pb2.CountPointsRequest(scope=scope)
    for channel in served.channels:
        assert call(channel, BY_NAME["CountPoints"], count).ok
    assert served.call("UpsertPoints", upsert(scope, [4])).ok
    after = metric(served, "vicinal_requests_total", **COUNTED)
    assert after == before + len(served.channels)
    assert metric(served, "vicinal_requests_total", method=BY_NAME["UpsertPoints"].path) == written + 1
    assert metric(served, "vicinal_points", collection="counted") == 4
    assert "vicinal_points{" in scrape(served)
    names = ["supervisor", "writer", *(f"worker-{n}" for n in range(1, WORKERS + 1))]
    for name in names:
        assert metric(served, "process_resident_memory_bytes", process=name) > 1e6
    kill(served, "worker-1")
    wait_until(lambda: metric(served, "process_resident_memory_bytes", process="worker-1") > 1e6)
    assert metric(served, "vicinal_requests_total", **COUNTED) >= after


def served_again(server: RunningWorkers) -> bool:
    """Return whether all parts are there and say that they serve."""
    if len(server.parts()) < WORKERS + 1:
        return False
    try:
        return all(health(channel) == SERVING for channel in server.channels)
    except grpc.RpcError:
        return False


def test_callers_of_a_worker_that_dies_find_another(served: RunningWorkers) -> None:
    scope = create(served, "killed")
    with vicinal.connect(served.address) as db:
        points = db.collection("killed")
        for turn in range(2):
            kill(served, f"worker-{turn + 1}")
            points.upsert([turn], vectors())
            assert points.count() == turn + 1
    wait_until(lambda: served_again(served))
    count = points_pb2.CountPointsRequest(scope=scope)
    assert served.call("CountPoints", count).responses == (points_pb2.CountPointsResponse(count=2),)


def test_without_the_writer_reads_go_on_and_writes_are_told_to_come_again(served: RunningWorkers) -> None:
    scope = create(served, "reading")
    assert served.call("UpsertPoints", upsert(scope, [1, 2])).ok
    workers = {name: pid for name, pid in served.parts().items() if name != "writer"}
    count = points_pb2.CountPointsRequest(scope=scope)
    with suspended_starts(served):
        kill(served, "writer")
        wait_until(lambda: all(health(channel) != SERVING for channel in served.channels))
        for channel in served.channels:
            (answer,) = call(channel, BY_NAME["CountPoints"], count).responses
            assert answer == points_pb2.CountPointsResponse(count=2)
            refused = call(channel, BY_NAME["UpsertPoints"], upsert(scope, [3]))
            assert refused.code is grpc.StatusCode.UNAVAILABLE
            assert refused.retry_after is not None
    with vicinal.connect(served.address, retry_seconds=PATIENCE, timeout=2 * PATIENCE) as db:
        db.collection("reading").upsert([3], vectors())
    wait_until(lambda: served_again(served))
    assert {name: pid for name, pid in served.parts().items() if name != "writer"} == workers


@contextmanager
def suspended_starts(server: RunningWorkers) -> Iterator[None]:
    """Have the writer that is started meanwhile wait before it serves."""
    stop = threading.Event()
    old = server.parts()["writer"]

    def keep_down() -> None:
        while not stop.wait(0.01):
            pid = server.parts().get("writer", old)
            if pid != old:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)

    with ThreadPoolExecutor(1) as pool:
        keeping = pool.submit(keep_down)
        try:
            yield
        finally:
            stop.set()
            keeping.result()
            pid = server.parts().get("writer", old)
            if pid != old:
                os.kill(pid, signal.SIGCONT)


def test_workers_are_replaced_one_after_another_without_a_failed_read(served: RunningWorkers) -> None:
    scope = create(served, "rolled")
    assert served.call("UpsertPoints", upsert(scope, [1, 2, 3])).ok
    before = served.parts()
    counted = metric(served, "vicinal_requests_total", **COUNTED)
    stop = threading.Event()

    def read() -> int:
        reads = 0
        with vicinal.connect(served.address) as db:
            points = db.collection("rolled")
            while not stop.is_set():
                assert points.count() == 3
                reads += 1
        return reads

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        served.signal(signal.SIGHUP)
        try:
            wait_until(lambda: replaced(before, served) or any(reader.done() for reader in readers))
        finally:
            stop.set()
        reads = sum(reader.result() for reader in readers)
    assert replaced(before, served)
    assert served.parts()["writer"] == before["writer"]
    wait_until(lambda: served_again(served))
    assert metric(served, "vicinal_requests_total", **COUNTED) == counted + reads


def replaced(before: dict[str, int], server: RunningWorkers) -> bool:
    """Return whether every worker is another process, and the old ones are gone."""
    workers = [name for name in before if name != "writer"]
    now = server.parts()
    return all(now.get(name, before[name]) != before[name] for name in workers) and not any(
        is_alive(before[name]) for name in workers
    )
