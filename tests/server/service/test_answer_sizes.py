"""Calls are admitted by what they read, not by what others of the same collection once stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving import columns
from serving.running_server import RunningServer, running_server
from serving.valid_requests import DIM, queries

import vicinal
from vicinal.proto.v1 import database_pb2, points_pb2, search_pb2
from vicinal.server.service.settings.limits import Limits

MB = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Serve small points of ada beside large ones of ben."""
    folder = tmp_path_factory.mktemp("sizes") / "db"
    rng = np.random.default_rng(0)
    with vicinal.open(folder) as db:
        rooms = db.create_collection("rooms", vicinal.Dense(DIM), partitioned=True)
        rooms.upsert(range(200), rng.standard_normal((200, DIM)), [{"n": 1}] * 200, tenant="ada")
        large = [{"text": "x" * MB}] * 12
        rooms.upsert(range(12), rng.standard_normal((12, DIM)), large, tenant="ben")
    limits = Limits(max_message_bytes=4 * MB, memory_bytes=32 * MB)
    with running_server(folder, limits=limits) as server:
        yield server


def scope(tenant: str) -> points_pb2.Scope:
    return points_pb2.Scope(collection="rooms", tenant=tenant)


def get(tenant: str, n: int) -> points_pb2.GetPointsRequest:
    return points_pb2.GetPointsRequest(scope=scope(tenant), ids=columns.point_ids(range(n)))


def search(tenant: str, k: int) -> search_pb2.SearchRequest:
    options = search_pb2.SearchOptions(k=k, with_payload=True)
    return search_pb2.SearchRequest(scope=scope(tenant), query=queries(1), options=options)


def update(tenant: str, n: int) -> points_pb2.UpdatePayloadsRequest:
    selection = points_pb2.Selection(ids=columns.point_ids(range(n)))
    return points_pb2.UpdatePayloadsRequest(scope=scope(tenant), selection=selection, payload_json=b'{"m":2}')


@pytest.mark.parametrize(
    ("name", "request_"),
    [("GetPoints", get("ada", 200)), ("Search", search("ada", 100)), ("UpdatePayloads", update("ada", 200))],
)
def test_large_points_of_others_refuse_nobody(server: RunningServer, name: str, request_: Any) -> None:
    seen = server.call("GetPoints", get("ben", 1), server.key("admin"))
    assert seen.ok
    outcome = server.call(name, request_, server.key("write", tenants=("ada",)))
    assert outcome.ok, outcome


def test_large_payloads_are_not_read_to_be_updated(server: RunningServer) -> None:
    outcome = server.call("UpdatePayloads", update("ben", 12), server.key("admin"))
    assert outcome.reason == "LIMIT_EXCEEDED", outcome
    assert "memory" in outcome.message
    assert server.server.runtime.memory.taken == 0
    again = server.call("GetPoints", get("ben", 1), server.key("admin")).responses[0]
    assert b'"m"' not in again.points.payloads.json
    assert server.call("UpdatePayloads", update("ben", 1), server.key("admin")).ok


def test_a_page_is_counted_before_it_is_read(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        lists = db.create_collection("rooms", vicinal.Dense(DIM))
        lists.upsert(range(16), np.ones((16, DIM)), [{"list": [1] * (MB // 4)}] * 16)
    limits = Limits(memory_bytes=64 * MB)
    request = points_pb2.ScrollPointsRequest(scope=points_pb2.Scope(collection="rooms"), limit=100)
    with running_server(tmp_path / "db", limits=limits) as server:
        memory = server.server.runtime.memory
        memory.take(memory.most - 20 * MB)
        outcome = server.call("ScrollPoints", request)
        assert outcome.reason == "OVERLOADED", outcome
        assert outcome.retry_after is not None
        memory.give_back(memory.most - 20 * MB)
        assert server.call("ScrollPoints", request).ok


def test_a_key_of_one_collection_is_not_told_what_others_write(server: RunningServer) -> None:
    request = database_pb2.GetDatabaseInfoRequest()
    whole = server.call("GetDatabaseInfo", request, server.key("read")).responses[0]
    assert 0 < whole.catalog_use.used_bytes <= whole.bytes_catalog
    for bound in (server.key("read", collections=("rooms",)), server.key("read", tenants=("ada",))):
        told = server.call("GetDatabaseInfo", request, bound).responses[0]
        assert not told.bytes_catalog
        assert not told.HasField("catalog_use")
