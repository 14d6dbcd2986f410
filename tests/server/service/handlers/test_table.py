"""What the handlers add to the engine: what a key may see, pages that are cut, progress, uuids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from serving import columns
from serving.running_server import RunningServer, running_server
from serving.valid_requests import DIM, collection_schema, dense, queries

import vicinal
from vicinal.proto.v1 import collections_pb2, database_pb2, points_pb2, search_pb2, vectors_pb2
from vicinal.server.service.settings.limits import Limits

MB = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("handlers") / "db"
    rng = np.random.default_rng(0)
    with vicinal.open(folder) as db:
        rooms = db.create_collection("rooms", vicinal.Dense(DIM), fields={"n": "integer"}, partitioned=True)
        for tenant, n in (("ada", 30), ("ben", 500)):
            rooms.upsert(range(n), rng.standard_normal((n, DIM)), [{"n": i} for i in range(n)], tenant=tenant)
        rooms.flush()
        rooms.upsert([1], rng.standard_normal((1, DIM)), tenant="ada")
        db.create_collection("open", vicinal.Dense(DIM)).upsert([1], np.ones((1, DIM)))
    with running_server(folder, limits=Limits(max_message_bytes=MB)) as server:
        yield server


@pytest.fixture(scope="module")
def admin(server: RunningServer) -> str:
    return server.key("admin")


@pytest.fixture(scope="module")
def ada(server: RunningServer) -> str:
    return server.key("write", tenants=("ada",))


def ask(server: RunningServer, name: str, request: Any, key: str) -> Any:
    outcome = server.call(name, request, key)
    assert outcome.ok, outcome
    return outcome.responses[-1]


def scope(tenant: str | None = None, collection: str = "rooms", uuid: str = "") -> points_pb2.Scope:
    return points_pb2.Scope(collection=collection, collection_uuid=uuid, tenant=tenant)


def upsert(n: int, tenant: str | None = None, collection: str = "rooms") -> points_pb2.UpsertPointsRequest:
    vectors = [vectors_pb2.FieldVectors(field="vector", vectors=queries(n))]
    points = points_pb2.PointColumns(ids=columns.point_ids(range(n)), vectors=vectors)
    return points_pb2.UpsertPointsRequest(scope=scope(tenant, collection), points=points)


def test_info_of_a_tenant_is_about_its_own_points(server: RunningServer, admin: str, ada: str) -> None:
    request = collections_pb2.GetCollectionInfoRequest(collection="rooms")
    whole = ask(server, "GetCollectionInfo", request, admin).info
    assert (whole.points, whole.tenants) == (530, 2)
    assert sum(segment.rows for segment in whole.segments) == 531
    own = ask(server, "GetCollectionInfo", request, ada).info
    assert own == collections_pb2.CollectionInfo(name="rooms", points=30, tenants=1, activity=own.activity)
    assert own.activity == collections_pb2.Activity()
    both = server.key("read", tenants=("ada", "ben", "cat"))
    info = ask(server, "GetCollectionInfo", request, both).info
    assert (info.points, info.tenants, len(info.segments)) == (530, 2, 0)


def test_info_of_the_database_is_about_what_is_seen(server: RunningServer, admin: str, ada: str) -> None:
    request = database_pb2.GetDatabaseInfoRequest()
    whole = ask(server, "GetDatabaseInfo", request, admin)
    assert [info.name for info in whole.collections] == ["open", "rooms"]
    assert whole.bytes_catalog > 0
    own = ask(server, "GetDatabaseInfo", request, ada)
    assert [(info.name, info.points) for info in own.collections] == [("rooms", 30)]
    assert own.bytes_catalog == 0
    assert own.format == whole.format
    bound = server.key("read", collections=("open", "none"))
    seen = ask(server, "GetDatabaseInfo", request, bound)
    assert [info.name for info in seen.collections] == ["open"]
    assert list(ask(server, "ListCollections", b"", bound).names) == ["open"]
    assert list(ask(server, "ListCollections", b"", ada).names) == ["rooms"]


def test_what_does_not_exist_names_only_what_is_seen(server: RunningServer, admin: str, ada: str) -> None:
    request = collections_pb2.GetCollectionRequest(name="halls")
    bound = server.key("read", collections=("open", "halls"))
    for key, known in ((admin, "open, rooms"), (ada, "rooms"), (bound, "open")):
        outcome = server.call("GetCollection", request, key)
        assert outcome.code is grpc.StatusCode.NOT_FOUND
        assert outcome.message == f"no collection is named 'halls'; there are: {known}"


def test_explanations_of_a_tenant_name_nothing_of_others(server: RunningServer, admin: str, ada: str) -> None:
    options = search_pb2.SearchOptions(k=3)
    request = search_pb2.ExplainRequest(scope=scope("ada"), queries=queries(2), options=options)
    whole = ask(server, "Explain", request, admin)
    assert len(whole.segments) == 2
    assert {plan.segment for plan in whole.segments} > {"growing"}
    own = ask(server, "Explain", request, ada)
    (plan,) = own.segments
    assert (plan.segment, plan.rows, plan.allowed, plan.kind) == ("", 30, 30, search_pb2.PLAN_KIND_EXACT_SCAN)
    assert own.hits == whole.hits
    assert [stage.stage for stage in own.stages] == [stage.stage for stage in whole.stages]
    nobody = search_pb2.ExplainRequest(scope=scope(), queries=queries(2), options=options)
    assert not ask(server, "Explain", nobody, server.key("read", tenants=("cat",))).segments


def test_numbers_of_a_tenant_say_nothing(server: RunningServer, admin: str, ada: str) -> None:
    page = points_pb2.ScrollPointsRequest(scope=scope("ada"), limit=7)
    seen: list[Any] = []
    plain = points_pb2.ScrollPointsRequest(scope=scope("ada"), limit=30)
    cursors = []
    while True:
        answer = ask(server, "ScrollPoints", page, ada)
        seen += columns.ids_of(answer.points.ids)
        if not answer.HasField("next"):
            break
        cursors.append(answer.next)
        page.after = answer.next
    assert seen == columns.ids_of(ask(server, "ScrollPoints", plain, admin).points.ids)
    assert len(cursors) == 4
    assert min(cursors) > 10_000
    numbers = [ask(server, "UpsertPoints", upsert(1), ada).sequence_number for _ in range(3)]
    assert len(set(numbers)) == 3
    assert min(numbers) > 10_000
    true = ask(server, "UpsertPoints", upsert(1, "ada"), admin).sequence_number
    assert true < 10_000
    # Where nothing was written, the number would be that of the last write of anybody.
    unmet = upsert(1)
    unmet.mode = points_pb2.UPSERT_MODE_INSERT_ONLY
    met = ask(server, "UpsertPoints", unmet, ada)
    ask(server, "UpsertPoints", upsert(1, "ben"), admin)
    again = ask(server, "UpsertPoints", unmet, ada)
    assert (met.written, met.sequence_number) == (0, again.sequence_number)
    # What was not given out opens to some number, of a page that is empty or not.
    for after in (1, 2**62, 2**63 - 1):
        page.after = after
        assert server.call("ScrollPoints", page, ada).ok
    page.after = 2**63
    assert server.call("ScrollPoints", page, ada).code is grpc.StatusCode.INVALID_ARGUMENT


def test_an_ordered_page_of_a_tenant_says_nothing_either(server: RunningServer, admin: str, ada: str) -> None:
    request = points_pb2.ScrollPointsRequest(scope=scope("ada"), limit=7, order_by="-n")
    whole = points_pb2.ScrollPointsRequest(scope=scope("ada"), limit=100, order_by="-n")
    seen: list[Any] = []
    while True:
        answer = ask(server, "ScrollPoints", request, ada)
        seen += columns.ids_of(answer.points.ids)
        if not answer.HasField("next"):
            break
        assert answer.next > 10_000
        request.after = answer.next
        request.after_integer = answer.next_integer
    assert seen == columns.ids_of(ask(server, "ScrollPoints", whole, admin).points.ids)
    assert len(seen) > 7


def test_a_uuid_leads_to_one_collection_only(server: RunningServer, admin: str) -> None:
    create = collections_pb2.CreateCollectionRequest(name="fleeting", schema=collection_schema())
    first = ask(server, "CreateCollection", create, admin).uuid
    found = ask(server, "GetCollection", collections_pb2.GetCollectionRequest(name="fleeting"), admin)
    assert found.uuid == first
    assert found.schema.vectors[0].dense.dim == DIM
    assert found.schema.partitioned
    count = points_pb2.CountPointsRequest(scope=scope("ada", "fleeting", first))
    assert ask(server, "CountPoints", count, admin).count == 0
    delete = collections_pb2.DeleteCollectionRequest(name="fleeting")
    ask(server, "DeleteCollection", delete, admin)
    assert server.call("DeleteCollection", delete, admin).code is grpc.StatusCode.NOT_FOUND
    second = ask(server, "CreateCollection", create, admin).uuid
    assert second != first
    stale = server.call("CountPoints", count, admin)
    assert stale.code is grpc.StatusCode.NOT_FOUND
    assert "fleeting" in stale.message
    count.scope.collection_uuid = second
    assert server.call("CountPoints", count, admin).ok


def test_a_page_of_large_points_is_cut(server: RunningServer, admin: str) -> None:
    schema = collection_schema()
    schema.partitioned = False
    ask(
        server,
        "CreateCollection",
        collections_pb2.CreateCollectionRequest(name="large", schema=schema),
        admin,
    )
    for start in range(0, 40, 4):
        request = upsert(4, collection="large")
        request.points.ids.numbers[:] = range(start, start + 4)
        request.points.payloads.CopyFrom(columns.payloads([{"text": "x" * 100_000}] * 4))
        ask(server, "UpsertPoints", request, admin)
    page = points_pb2.ScrollPointsRequest(scope=scope(None, "large"), limit=1_000)
    pages: list[list[Any]] = []
    while True:
        answer = ask(server, "ScrollPoints", page, admin)
        pages.append(columns.ids_of(answer.points.ids))
        assert answer.ByteSize() <= MB
        if not answer.HasField("next"):
            break
        page.after = answer.next
    assert [one for page_ids in pages for one in page_ids] == list(range(40))
    # As few as 4 MB need, of 1 MB each.
    assert len(pages) == 4


def test_long_work_reports_and_ends(server: RunningServer, admin: str) -> None:
    schema = collection_schema()
    schema.partitioned = False
    rng = np.random.default_rng(3)
    create = collections_pb2.CreateCollectionRequest(name="growing", schema=schema)
    ask(server, "CreateCollection", create, admin)
    for name in ("WaitIndexed", "FlushCollection", "MergeCollection"):
        request = upsert(3_000, collection="growing")
        request.points.vectors[0].vectors.CopyFrom(dense(rng.standard_normal((3_000, DIM))))
        ask(server, "UpsertPoints", request, admin)
        outcome = server.call(name, collections_pb2.FlushCollectionRequest(collection="growing"), admin)
        assert outcome.ok, outcome
        # What is quiet may need nothing more.
        assert outcome.responses or name == "WaitIndexed"
        for response in outcome.responses:
            progress = response.progress  # type: ignore[attr-defined]
            assert progress.stage
            assert 0 <= progress.fraction <= 1
    info = collections_pb2.GetCollectionInfoRequest(collection="growing")
    segments = ask(server, "GetCollectionInfo", info, admin).info.segments
    indexed = sum(bool(segment.indexed) for segment in segments)
    assert indexed
    calibrate = collections_pb2.CalibrateCollectionRequest(
        collection="growing", field="vector", queries=queries(60)
    )
    outcome = server.call("CalibrateCollection", calibrate, admin)
    assert outcome.ok, outcome
    steps = [response.WhichOneof("step") for response in outcome.responses]  # type: ignore[attr-defined]
    assert steps[-1] == "segments"
    assert set(steps[:-1]) == {"progress"}
    assert outcome.responses[-1].segments == indexed  # type: ignore[attr-defined]
    calibrate.queries.CopyFrom(queries(10))
    few = server.call("CalibrateCollection", calibrate, admin)
    assert few.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "too few" in few.message


def test_waiting_for_less_time_than_it_takes(server: RunningServer, admin: str) -> None:
    request = collections_pb2.WaitIndexedRequest(collection="rooms", timeout_seconds=0.0)
    outcome = server.call("WaitIndexed", request, admin)
    assert outcome.ok or outcome.code is grpc.StatusCode.DEADLINE_EXCEEDED
    request.timeout_seconds = float("nan")
    assert server.call("WaitIndexed", request, admin).code is grpc.StatusCode.INVALID_ARGUMENT
