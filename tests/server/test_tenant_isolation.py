"""Two tenants in one collection, each with its key: neither finds, counts or infers anything of the other.

``VICINAL_TENANT_QUERIES`` sets how many random queries are made; the default is the form for CI.
"""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.message import Message
from serving import columns
from serving import mixed_collection as mixed
from serving.calls import Outcome
from serving.running_server import Served
from serving.running_workers import running
from serving.tenant_caller import TenantCaller
from serving.valid_requests import DIM, ENTRIES, Target, queries

import vicinal
from vicinal.engine.maintenance.merge_policy import MergePolicySettings
from vicinal.proto.v1 import collections_pb2, points_pb2, search_pb2, vectors_pb2

QUERIES = int(os.environ.get("VICINAL_TENANT_QUERIES", "10000"))
ADA, BEN = "ada", "ben"
PLAIN = "plain"
UPSERT = "vicinal.v1.PointService.UpsertPoints"
BUSY = MergePolicySettings(quiet_seconds=0.02, seal_rows=80, growing_bytes=1 << 18, tier_factor=2)


@contextmanager
def two_tenants(folder: Path) -> Iterator[Served]:
    with vicinal.open(folder) as db:
        mixed.create(db)
        db.create_collection(PLAIN, vicinal.Dense(DIM), fields={"year": "integer"}, partitioned=True)
    with running(folder, merge_policy=BUSY) as server:
        yield server


@contextmanager
def upkeep(server: Served) -> Iterator[None]:
    """Seal and merge all the time."""
    admin = server.key("admin")
    stop = threading.Event()

    def tend() -> None:
        rng = random.Random(1)
        while not stop.is_set():
            if rng.random() < 0.7:
                request: Message = collections_pb2.FlushCollectionRequest(collection=mixed.NAME)
                assert server.call("FlushCollection", request, admin).ok
            else:
                request = collections_pb2.MergeCollectionRequest(collection=mixed.NAME)
                assert server.call("MergeCollection", request, admin).ok
            stop.wait(0.02)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(tend)
        try:
            yield
        finally:
            stop.set()
        done.result()


def test_random_queries_of_two_tenants(tmp_path: Path) -> None:
    with two_tenants(tmp_path / "db") as server, upkeep(server):
        tenants = TenantCaller(server, ADA, BEN, 1), TenantCaller(server, BEN, ADA, 2)

        def run(tenant: TenantCaller) -> None:
            while sum(one.queries for one in tenants) < QUERIES:
                tenant.step()

        with ThreadPoolExecutor(len(tenants)) as pool:
            for done in [pool.submit(run, tenant) for tenant in tenants]:
                done.result()
        assert all(tenant.queries >= QUERIES / 10 for tenant in tenants)


class Script:
    """What ada does and what she is told, without what differs from run to run for everybody."""

    def __init__(self, server: Served) -> None:
        self.ada = TenantCaller(server, ADA, BEN, 9)
        self.told: list[object] = []

    def run(self, steps: int) -> list[object]:
        plain = self.ada.ask

        def ask(name: str, request: Message) -> Any:
            answer = plain(name, request)
            self.told.append((name, self.lasting(answer)))
            return answer

        self.ada.ask = ask  # type: ignore[method-assign]  # what it checks, it goes on checking
        for _ in range(steps):
            self.ada.step()
            self.ada.look_around()
            self.ada.explain()
        return self.told

    def lasting(self, answer: Message) -> object:
        """Return an answer without times, numbers that are sealed, and the last digits of scores."""
        copy = type(answer)()
        copy.CopyFrom(answer)
        scores: list[float] = []
        if isinstance(copy, points_pb2.UpsertPointsResponse):
            copy.sequence_number = 0
        elif isinstance(copy, points_pb2.ScrollPointsResponse):
            if copy.HasField("next"):
                copy.next = 1
        elif isinstance(copy, search_pb2.ExplainResponse):
            for stage in copy.stages:
                stage.seconds = 0
        if isinstance(
            copy, search_pb2.SearchResponse | search_pb2.SearchBatchResponse | search_pb2.ExplainResponse
        ):
            scores = [float(f"{score:.4g}") for score in copy.hits.scores]
            # Points at one distance come in the order they are stored in.
            copy.ClearField("hits")
        return copy.SerializeToString(deterministic=True), scores


def test_a_tenant_is_told_the_same_whoever_is_beside_it(tmp_path: Path) -> None:
    steps = max(60, QUERIES // 500)
    with two_tenants(tmp_path / "alone") as server:
        alone = Script(server).run(steps)
    with two_tenants(tmp_path / "beside") as server, upkeep(server):
        script = Script(server)
        stop = threading.Event()

        def bustle() -> None:
            ben = TenantCaller(server, BEN, ADA, 4)
            while not stop.is_set():
                ben.upsert()
                ben.step()

        with ThreadPoolExecutor(1) as pool:
            busy = pool.submit(bustle)
            try:
                beside = script.run(steps)
            finally:
                stop.set()
            busy.result()
    assert len(alone) == len(beside)
    for number, (one, other) in enumerate(zip(alone, beside, strict=True)):
        assert one == other, number


def test_an_explained_walk_tells_no_effort(tmp_path: Path) -> None:
    """Tenants share the graph of a segment, and how far a walk goes depends on the rows of all."""
    with two_tenants(tmp_path / "db") as server:
        admin, bound = server.key("admin"), server.key("read", tenants=(ADA,))
        rng = np.random.default_rng(3)
        for tenant in (ADA, BEN):
            fields = [
                vectors_pb2.FieldVectors(
                    field="vector", vectors=columns.dense(rng.standard_normal((9_000, DIM)).astype("<f4"))
                )
            ]
            points = points_pb2.PointColumns(ids=columns.point_ids(range(9_000)), vectors=fields)
            scope = points_pb2.Scope(collection=PLAIN, tenant=tenant)
            request = points_pb2.UpsertPointsRequest(scope=scope, points=points)
            assert server.call("UpsertPoints", request, admin).ok
        merge = collections_pb2.MergeCollectionRequest(collection=PLAIN)
        assert server.call("MergeCollection", merge, admin).ok
        options = search_pb2.SearchOptions(k=1, ef=4)
        explain = search_pb2.ExplainRequest(
            scope=points_pb2.Scope(collection=PLAIN, tenant=ADA), queries=queries(3), options=options
        )
        everything, own = (server.call("Explain", explain, key).responses[0] for key in (admin, bound))
        assert isinstance(everything, search_pb2.ExplainResponse)
        assert isinstance(own, search_pb2.ExplainResponse)
        assert everything.segments[0].hops > 0
        assert everything.segments[0].rows == 18_000
        (plan,) = own.segments
        assert plan == search_pb2.SegmentPlan(
            rows=9_000, allowed=9_000, kind=search_pb2.PLAN_KIND_INDEX_SEARCH
        )


def test_numbers_say_nothing_of_the_writes_of_others(tmp_path: Path) -> None:
    """Whether two numbers are equal, ordered or near tells nothing of what was written between them."""
    with two_tenants(tmp_path / "db") as server:
        ada, ben = TenantCaller(server, ADA, BEN, 1), TenantCaller(server, BEN, ADA, 2)
        rng, key_of_ben = random.Random(5), server.key("write", tenants=(BEN,))

        def write() -> int:
            return int(
                ada.ask("UpsertPoints", mixed.upsert(rng, ADA, [1, 2, 3], rng.randrange(100))).sequence_number
            )

        def ask_for_number() -> Outcome:
            # Nothing is written, so an honest answer would be the number that the whole collection is at.
            nothing = vectors_pb2.FieldVectors(
                field="vector", vectors=columns.dense(np.empty((0, DIM), "<f4"))
            )
            points = points_pb2.PointColumns(vectors=[nothing])
            scope = points_pb2.Scope(collection=PLAIN)
            return ada.call("UpsertPoints", points_pb2.UpsertPointsRequest(scope=scope, points=points))

        def cursor() -> int:
            request = points_pb2.ScrollPointsRequest(scope=points_pb2.Scope(collection=mixed.NAME), limit=2)
            return int(ada.ask("ScrollPoints", request).next)

        def write_of_another() -> None:
            outcome = server.call("UpsertPoints", ENTRIES[UPSERT].make(Target(PLAIN, BEN)), key_of_ben)
            assert outcome.ok, outcome

        write()
        ada.ask("UpsertPoints", ENTRIES[UPSERT].make(Target(PLAIN)))
        asked, page = ask_for_number(), cursor()
        same_without = ask_for_number().responses == asked.responses
        for _ in range(20):
            ben.upsert()
            write_of_another()
        assert (ask_for_number().responses == asked.responses) == same_without
        assert cursor() == page
        numbers = [write() for _ in range(12)]
        assert len(set(numbers)) == 12
        assert numbers != sorted(numbers)
        assert min(abs(a - b) for a, b in itertools.pairwise(numbers)) > 10**6


@pytest.mark.parametrize("after", [0, 1, 2, 2**63, 2**63 + 1, 2**64 - 1])
def test_cursors_that_were_never_given_out(tmp_path: Path, after: int) -> None:
    with two_tenants(tmp_path / "db") as server:
        ada, ben = TenantCaller(server, ADA, BEN, 1), TenantCaller(server, BEN, ADA, 2)
        for _ in range(5):
            ada.upsert()
            ben.upsert()
        request = points_pb2.ScrollPointsRequest(
            scope=points_pb2.Scope(collection=mixed.NAME), limit=5, after=after, with_vectors=True
        )
        outcome = ada.call("ScrollPoints", request)
        if outcome.ok:
            (answer,) = outcome.responses
            assert isinstance(answer, points_pb2.ScrollPointsResponse)
            ada.check_points(answer.points, columns.ids_of(answer.points.ids), True)
        else:
            assert outcome.code is grpc.StatusCode.INVALID_ARGUMENT
