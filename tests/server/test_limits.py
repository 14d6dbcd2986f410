"""Every limit of a server: what is beyond it is refused with a status that names it, and service goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.message import Message
from serving import columns
from serving.calls import Outcome, call
from serving.raw_http2 import RawConnection, grpc_message
from serving.rpcs import BY_NAME, RPCS
from serving.running_server import RunningServer, plain_channel, running_server
from serving.served_process import served_process
from serving.valid_requests import DIM, ENTRIES, Target, collection_schema, queries

import vicinal
from vicinal.proto.v1 import collections_pb2, database_pb2, points_pb2, search_pb2, vectors_pb2
from vicinal.server.service.settings.limits import Limits

ROOMS = Target("rooms", "ada")
POINTS = 3000
PATIENCE = 30.0
MB = 1 << 20
EXHAUSTED, INVALID = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT


@contextmanager
def limited(folder: Path, *, spare: bool = False, **limits: Any) -> Iterator[RunningServer]:
    """Serve a collection of some points with given limits, perhaps with a field to spare."""
    with vicinal.open(folder) as db:
        fields: dict[str, vicinal.Dense | vicinal.Sparse] = {"vector": vicinal.Dense(DIM)}
        if spare:
            fields["spare"] = vicinal.Sparse()
        rooms = db.create_collection(ROOMS.collection, fields, fields={"year": "integer"}, partitioned=True)
        rng = np.random.default_rng(1)
        rooms.upsert(range(POINTS), {"vector": rng.standard_normal((POINTS, DIM))}, tenant=ROOMS.tenant)
    with running_server(folder, limits=Limits(**limits)) as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("limits") / "db"
    with limited(folder, max_message_bytes=MB, max_points=50, max_queries=20, max_results=500) as server:
        yield server


def assert_works(server: RunningServer, key: str | None = None) -> None:
    """Assert that the server answers, once it has the time it asks for."""
    deadline = time.monotonic() + PATIENCE
    outcome = server.call("CountPoints", count(), key)
    while not outcome.ok:
        assert outcome.retry_after is not None, outcome
        assert time.monotonic() < deadline, outcome
        time.sleep(outcome.retry_after)
        outcome = server.call("CountPoints", count(), key)
    assert outcome.responses == (points_pb2.CountPointsResponse(count=POINTS),)


def count() -> points_pb2.CountPointsRequest:
    return points_pb2.CountPointsRequest(scope=scope())


def scope() -> points_pb2.Scope:
    return points_pb2.Scope(collection=ROOMS.collection, tenant=ROOMS.tenant)


def search(n: int = 1, filter: object = None, **options: Any) -> tuple[str, Message]:
    chosen = search_pb2.SearchOptions(**{"k": 5} | options)
    if filter is not None:
        chosen.filter.CopyFrom(columns.filter_of(filter))  # type: ignore[arg-type]
    return "SearchBatch", search_pb2.SearchBatchRequest(scope=scope(), queries=queries(n), options=chosen)


def get(n: int) -> tuple[str, Message]:
    return "GetPoints", points_pb2.GetPointsRequest(scope=scope(), ids=columns.point_ids(range(n)))


def upsert(n: int) -> tuple[str, Message]:
    fields = [vectors_pb2.FieldVectors(field="vector", vectors=queries(n))]
    points = points_pb2.PointColumns(ids=columns.point_ids(range(n)), vectors=fields)
    return "UpsertPoints", points_pb2.UpsertPointsRequest(scope=scope(), points=points)


def create(dim: int = DIM, n: int = 1) -> tuple[str, Message]:
    schema = collection_schema()
    del schema.vectors[1:]
    field = schema.vectors[0]
    field.dense.dim = dim
    for number in range(1, n):
        field = schema.vectors.add(name=f"vector-{number}")
        field.CopyFrom(schema.vectors[0])
        field.name = f"vector-{number}"
    return "CreateCollection", collections_pb2.CreateCollectionRequest(name=f"c-{dim}-{n}", schema=schema)


def nested(depth: int) -> dict[str, Any]:
    record: dict[str, Any] = {"must": []}
    for _ in range(depth - 1):
        record = {"must": [record]}
    return record


def wide(n: int) -> dict[str, Any]:
    return {"should": [{"has_id": [number]} for number in range(n - 1)]}


@pytest.mark.parametrize(
    ("within", "beyond", "code", "words"),
    [
        (search(k=500), search(k=501), EXHAUSTED, ["501", "500", "parts"]),
        (search(k=5, offset=495), search(k=5, offset=496), EXHAUSTED, ["501", "500"]),
        (search(20, k=25), search(20, k=26), EXHAUSTED, ["520", "500", "parts"]),
        (search(20), search(21), EXHAUSTED, ["21", "20", "parts"]),
        (get(50), get(51), EXHAUSTED, ["51", "50", "parts"]),
        (upsert(50), upsert(51), EXHAUSTED, ["51", "50", "parts"]),
        (create(8192), create(8193), INVALID, ["8193", "8192"]),
        (create(4, 32), create(4, 33), INVALID, ["1 to 32"]),
        (search(filter=nested(16)), search(filter=nested(17)), EXHAUSTED, ["16", "deep"]),
        (search(filter=wide(1024)), search(filter=wide(1025)), EXHAUSTED, ["1024", "parts"]),
        (search(ef=65_536), search(ef=65_537), INVALID, ["65537", "65536"]),
    ],
    ids=[
        *("k", "k and offset", "results", "queries", "ids", "points", "dimension", "fields"),
        *("filter depth", "filter nodes", "ef"),
    ],
)
def test_what_one_call_may_ask_for(
    server: RunningServer,
    within: tuple[str, Message],
    beyond: tuple[str, Message],
    code: grpc.StatusCode,
    words: list[str],
) -> None:
    assert server.call(*within).ok
    outcome = server.call(*beyond)
    assert outcome.code is code, outcome
    assert outcome.reason == ("LIMIT_EXCEEDED" if code is EXHAUSTED else "INVALID_ARGUMENT")
    for word in words:
        assert word in outcome.message.replace(",", ""), outcome
    # It would be refused again.
    assert outcome.retry_after is None
    assert server.call(*within).ok or within[0] == "CreateCollection"


@pytest.mark.parametrize(("k", "offset"), [(10_001, 0), (1, 10_000), (2**32 - 1, 2**32 - 1), (2**31, 2**31)])
def test_k_and_offset_of_the_engine(tmp_path: Path, k: int, offset: int) -> None:
    with limited(tmp_path / "db") as server:
        assert server.call(*search(k=10_000)).ok
        outcome = server.call(*search(k=k, offset=offset))
        assert outcome.code is INVALID
        assert "10000" in outcome.message.replace(",", "") or "9999" in outcome.message.replace(",", "")


def test_the_limits_are_told(server: RunningServer) -> None:
    (told,) = server.call("GetLimits", database_pb2.GetLimitsRequest()).responses
    assert isinstance(told, database_pb2.GetLimitsResponse)
    assert told.max_message_bytes == MB
    assert (told.max_points, told.max_queries, told.max_results) == (50, 20, 500)
    assert told.server_version == vicinal.__version__


def test_bytes_of_a_message(server: RunningServer) -> None:
    padding = points_pb2.Filter(json=b'{"must":[]}' + b" " * MB)
    large = points_pb2.CountPointsRequest(scope=scope(), filter=padding)
    outcome = server.call("CountPoints", large)
    assert outcome.code is EXHAUSTED
    assert str(MB) in outcome.message


def test_bytes_of_a_filter(tmp_path: Path) -> None:
    with limited(tmp_path / "db") as server:
        padding = points_pb2.Filter(json=b'{"must":[]}' + b" " * MB)
        outcome = server.call("CountPoints", points_pb2.CountPointsRequest(scope=scope(), filter=padding))
        assert outcome.code is EXHAUSTED
        assert f"{MB:,}" in outcome.message


TAKE_DISK = {
    *("UpsertPoints", "UpdatePayloads", "DeletePayloadKeys", "UpdateVectors", "DeleteVectors"),
    *("CreateCollection", "AddField", "AddVectorField", "CreateTenants", "GrantPoints"),
}


def test_disk_watermark(tmp_path: Path) -> None:
    """Below the watermark writes are refused, and deletes, reads and upkeep go on."""
    with limited(tmp_path / "db", spare=True, disk_free_bytes=1 << 60) as server:
        last = ["DropTenants", "DeletePoints", "DeleteCollection"]
        for rpc in sorted(RPCS, key=lambda rpc: [rpc.name.endswith(name) for name in reversed(last)]):
            name = rpc.path.rpartition("/")[2]
            before = server.call(
                "ScrollPoints", points_pb2.ScrollPointsRequest(scope=scope(), limit=10)
            ).responses
            outcome = server.call(name, ENTRIES[rpc.name].make(ROOMS))
            if name in ("SetTenantQuota", "RevokePoints"):
                # Of a tenant that could not be created.
                assert outcome.code is grpc.StatusCode.NOT_FOUND
                continue
            if name not in TAKE_DISK:
                assert outcome.ok, outcome
                if name == "RenameCollection":
                    back = collections_pb2.RenameCollectionRequest(
                        name=f"{ROOMS.collection}-renamed", new_name=ROOMS.collection
                    )
                    assert server.call(name, back).ok
                continue
            assert outcome.code is EXHAUSTED
            assert outcome.reason == "DISK_FULL"
            assert f"{1 << 40:,} MB" in outcome.message
            assert "delete" in outcome.message
            after = server.call(
                "ScrollPoints", points_pb2.ScrollPointsRequest(scope=scope(), limit=10)
            ).responses
            assert after == before


def test_calls_a_second_of_a_key(tmp_path: Path) -> None:
    with limited(tmp_path / "db", calls_per_second=20) as server:
        busy, other = server.key("read"), server.key("read")
        outcomes = [server.call("CountPoints", count(), busy) for _ in range(60)]
        refused = [outcome for outcome in outcomes if not outcome.ok]
        assert refused
        for outcome in refused:
            assert outcome.code is EXHAUSTED
            assert "20 calls a second" in outcome.message
            assert outcome.retry_after is not None
            assert 0 < outcome.retry_after <= 1
        # What one key does is no matter of another's.
        assert server.call("CountPoints", count(), other).ok
        assert_works(server, busy)


def test_concurrent_calls(tmp_path: Path) -> None:
    with limited(tmp_path / "db", max_calls=1) as server:
        refused: list[Outcome] = []
        found = threading.Event()

        def press() -> None:
            deadline = time.monotonic() + PATIENCE
            while not found.is_set() and time.monotonic() < deadline:
                outcome = server.call(*search(200, k=50))
                if not outcome.ok:
                    refused.append(outcome)
                    found.set()

        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(press) for _ in range(8)]:
                done.result()
        for outcome in refused:
            assert outcome.code is EXHAUSTED
            assert "1 calls" in outcome.message
            assert "--max-calls" in outcome.message
            assert outcome.retry_after is not None
        assert refused
        assert_works(server)


def test_memory_of_one_call(tmp_path: Path) -> None:
    with limited(tmp_path / "db", memory_bytes=MB) as server:
        for name, large in (search(100, k=200, with_vectors=True), get(10_000), upsert(20_000)):
            outcome = server.call(name, large)
            assert outcome.code is EXHAUSTED, (name, outcome)
            assert outcome.reason == "LIMIT_EXCEEDED"
            assert "1.0 MB" in outcome.message
            assert outcome.retry_after is None
        assert server.call(*search(5)).ok
        assert server.server.runtime.memory.taken == 0
        assert_works(server)


def test_memory_of_all_calls(tmp_path: Path) -> None:
    """Answers that nobody takes hold memory: others are told to come again, and later they may."""
    with limited(tmp_path / "db", memory_bytes=8 * MB, receive_seconds=4.0) as server, ExitStack() as stack:
        memory = server.server.runtime.memory
        name, large = search(100, k=1000)
        message = grpc_message(large.SerializeToString())
        assert server.call(name, large).ok
        wait_until(lambda: not memory.taken)
        for n in (1, 2):
            raw = stack.enter_context(RawConnection(server.port))
            raw.begin(1, BY_NAME[name].path)
            raw.send(1, message, end=True)
            wait_until(lambda n=n: n * MB < memory.taken < (n + 1) * MB)
        outcome = server.call(name, large)
        assert outcome.code is EXHAUSTED
        assert "memory" in outcome.message
        assert outcome.retry_after is not None
        # A small call has room.
        assert server.call(*search(1)).ok
        wait_until(lambda: not memory.taken)
        assert server.call(name, large).ok
        assert_works(server)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_deadlines(tmp_path: Path) -> None:
    """A call that takes longer than its caller waits is given up, by the server too."""
    with limited(tmp_path / "db") as server:
        long = search(1000, k=100, exact=True)
        for seconds in (0.001, 0.01, 0.05):
            outcome = server.call(*long, timeout=seconds)
            assert outcome.ok or outcome.code is grpc.StatusCode.DEADLINE_EXCEEDED
        runtime = server.server.runtime
        wait_until(lambda: not (runtime.calls.running or runtime.memory.taken))
        assert_works(server)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of points with a payload of 1 MB each."""
    folder = tmp_path_factory.mktemp("large") / "db"
    with vicinal.open(folder) as db:
        rooms = db.create_collection(ROOMS.collection, vicinal.Dense(DIM), partitioned=True)
        rooms.upsert(range(60), np.ones((60, DIM)), [{"large": "x" * MB}] * 60, tenant=ROOMS.tenant)
    return folder


@pytest.mark.parametrize("name", ["SearchBatch", "Explain", "GetPoints", "ScrollPoints"])
def test_memory_of_payloads_larger_than_any_before(large: Path, tmp_path: Path, name: str) -> None:
    """The server cannot guess what payloads take, so it looks before it copies them."""
    n, budget = 200, 64 * MB
    vectors = columns.dense(np.ones((n, DIM), "<f4"))
    options = search_pb2.SearchOptions(k=1, with_payload=True)
    requests: dict[str, Message] = {
        "SearchBatch": search_pb2.SearchBatchRequest(scope=scope(), queries=vectors, options=options),
        "Explain": search_pb2.ExplainRequest(scope=scope(), queries=vectors, options=options),
        "GetPoints": points_pb2.GetPointsRequest(scope=scope(), ids=columns.point_ids([1] * n)),
        "ScrollPoints": points_pb2.ScrollPointsRequest(scope=scope(), limit=n),
    }
    arguments = ("--max-memory-mb", str(budget // MB))
    with (
        served_process(large, tmp_path / "log", arguments) as process,
        plain_channel(process.port) as channel,
    ):
        assert call(channel, BY_NAME["CountPoints"], count()).ok
        before = process.most_resident_bytes
        outcome = call(channel, BY_NAME[name], requests[name])
        if name == "ScrollPoints":
            # A page may be shorter than was asked for.
            assert outcome.responses[0].HasField("next")
        else:
            assert outcome.code is EXHAUSTED, outcome
            assert "memory" in outcome.message
        assert process.most_resident_bytes - before < 2 * budget
        assert call(channel, BY_NAME["CountPoints"], count()).ok
