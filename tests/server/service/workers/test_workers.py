"""Three workers and a writer: what one process promises, several keep together."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from serving import columns
from serving.calls import call
from serving.rpcs import BY_NAME
from serving.running_workers import RunningWorkers, running_workers
from serving.valid_requests import DIM, collection_schema, dense

from vicinal.proto.v1 import collections_pb2, points_pb2, search_pb2, vectors_pb2

WORKERS = 3
WRITERS = 8
# Writes of each thread; the long form goes on for so many seconds.
WRITES = 12
SECONDS = float(os.environ.get("VICINAL_READ_YOUR_WRITES", "0"))
SERVING = 1


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorkers]:
    """Three workers, without keys; each test has a collection of its own."""
    with running_workers(tmp_path_factory.mktemp("served") / "db", WORKERS) as server:
        yield server


def create(server: RunningWorkers, name: str, partitioned: bool = False) -> points_pb2.Scope:
    schema = collection_schema()
    schema.partitioned = partitioned
    outcome = server.call(
        "CreateCollection", collections_pb2.CreateCollectionRequest(name=name, schema=schema)
    )
    assert outcome.ok, outcome
    return points_pb2.Scope(collection=name)


def upsert(scope: points_pb2.Scope, ids: list[int]) -> points_pb2.UpsertPointsRequest:
    vectors = np.repeat(np.array(ids, "<f4")[:, None], DIM, axis=1) + 1
    field = vectors_pb2.FieldVectors(field="vector", vectors=dense(vectors))
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
