"""Keys and rates hold across workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from serving.calls import call
from serving.rpcs import BY_NAME
from serving.running_workers import RunningWorkers, running_workers
from serving.valid_requests import collection_schema

from vicinal.proto.v1 import collections_pb2, points_pb2, tenants_pb2
from vicinal.server.service.access.key_store import KeyStore
from vicinal.server.service.settings.limits import Limits

RATE = 5.0
CALLS = 120


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorkers]:
    folder = tmp_path_factory.mktemp("served") / "db"
    with running_workers(folder, 3, channels=12, limits=Limits(calls_per_second=RATE)) as server:
        yield server


def test_a_key_that_is_revoked_is_refused_everywhere_at_once(served: RunningWorkers) -> None:
    for _ in range(3):
        identifier, key = served.identified_key("admin")
        # Of twelve connections a worker has some, and knows the key by then.
        for channel in served.channels[:4]:
            assert call(channel, BY_NAME["ListCollections"], b"", key).ok
        with KeyStore(served.folder) as keys:
            keys.revoke(identifier)
        for channel in served.channels:
            refused = call(channel, BY_NAME["ListCollections"], b"", key)
            assert refused.code is grpc.StatusCode.UNAUTHENTICATED


def test_a_key_has_one_rate_for_all_workers(served: RunningWorkers) -> None:
    key = served.key("read")
    served.key("read")

    def ask(number: int) -> bool:
        outcome = call(served.channels[number % len(served.channels)], BY_NAME["ListCollections"], b"", key)
        assert outcome.ok or outcome.retry_after is not None
        return outcome.ok

    began = time.monotonic()
    with ThreadPoolExecutor(12) as pool:
        let_pass = sum(pool.map(ask, range(CALLS)))
    most = RATE * (1.0 + time.monotonic() - began) + 1
    assert RATE <= let_pass <= most


def test_a_tenant_has_one_rate_for_reads_and_writes_by_all_processes(served: RunningWorkers) -> None:
    # As many keys as calls, because each key has a rate too.
    admins = [served.key("admin") for _ in range(3)]
    schema = collection_schema()
    schema.partitioned = True
    create = collections_pb2.CreateCollectionRequest(name="t", schema=schema)
    assert served.call("CreateCollection", create, admins[0]).ok
    tenants = tenants_pb2.CreateTenantsRequest(collection="t", names=["ada"])
    assert served.call("CreateTenants", tenants, admins[2]).ok
    quota = tenants_pb2.TenantQuota(requests_per_second=2)
    request = tenants_pb2.SetTenantQuotaRequest(collection="t", name="ada", quota=quota)
    assert served.call("SetTenantQuota", request, admins[1]).ok
    keys = [served.key("write") for _ in range(30)]
    scope = points_pb2.Scope(collection="t", tenant="ada")
    delete = points_pb2.DeletePointsRequest(scope=scope, selection=points_pb2.Selection(ids={"numbers": [1]}))
    calls = [("CountPoints", points_pb2.CountPointsRequest(scope=scope)), ("DeletePoints", delete)]

    def ask(number: int) -> bool:
        name, request = calls[number % 2]
        channel = served.channels[number % len(served.channels)]
        outcome = call(channel, BY_NAME[name], request, keys[number])
        assert outcome.ok or outcome.code is grpc.StatusCode.RESOURCE_EXHAUSTED, outcome
        return outcome.ok

    began = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        let_pass = sum(pool.map(ask, range(len(keys))))
    assert 2 <= let_pass <= 2 * (1.0 + time.monotonic() - began) + 1
