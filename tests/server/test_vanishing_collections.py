"""Collections that are dropped and created again while every RPC is about them: no call ends in INTERNAL."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from serving.rpcs import RPCS
from serving.running_server import RunningServer, running_server
from serving.valid_requests import ENTRIES, Target, collection_schema

from vicinal.engine.maintenance.merge_policy import MergePolicySettings
from vicinal.proto.v1 import collections_pb2

CALLS = 1500
NAMES = ("first", "second")
EXPECTED = {
    grpc.StatusCode.OK,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    # Another schema may have come under the name.
    grpc.StatusCode.INVALID_ARGUMENT,
    # Work on a collection that is dropped meanwhile cannot be finished.
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
}
# What names no collection finds none missing.
ALWAYS = {"GetDatabaseInfo", "GetLimits", "ListCollections", "ListAliases"}
BUSY = MergePolicySettings(quiet_seconds=0.01, seal_rows=2, growing_bytes=1 << 14, tier_factor=2)


class Churn:
    """Callers of every RPC, and two who drop and create what the others use."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._left = CALLS
        self._lock = threading.Lock()
        self.codes: Counter[tuple[str, str]] = Counter()

    def use(self, seed: int) -> None:
        rng = random.Random(seed)
        while self._take():
            rpc = rng.choice(
                [rpc for rpc in RPCS if not rpc.name.endswith(("DeleteCollection", "CreateCollection"))]
            )
            target = Target(rng.choice(NAMES), "ada")
            self._call(rpc.path.rpartition("/")[2], ENTRIES[rpc.name].make(target))

    def replace(self, seed: int) -> None:
        rng = random.Random(seed)
        while self._take():
            name = rng.choice(NAMES)
            schema = collection_schema()
            schema.partitioned = rng.random() < 0.8
            self._call("DeleteCollection", collections_pb2.DeleteCollectionRequest(name=name))
            self._call("CreateCollection", collections_pb2.CreateCollectionRequest(name=name, schema=schema))

    def _take(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0

    def _call(self, name: str, request: object) -> None:
        outcome = self._server.call(name, request, timeout=30)  # type: ignore[arg-type]
        assert outcome.code in EXPECTED, (name, outcome)
        assert outcome.ok or name not in ALWAYS, (name, outcome)
        assert outcome.code is not grpc.StatusCode.NOT_FOUND or name != "CreateCollection", outcome
        with self._lock:
            self.codes[name, outcome.code.name] += 1


def test_collections_that_vanish(tmp_path: Path) -> None:
    with running_server(tmp_path / "db", merge_policy=BUSY) as server:
        churn = Churn(server)
        with ThreadPoolExecutor(6) as pool:
            users = [pool.submit(churn.use, seed) for seed in range(4)]
            owners = [pool.submit(churn.replace, seed) for seed in range(4, 6)]
            for done in [*users, *owners]:
                done.result()
        print(dict(sorted(churn.codes.items())))
        (left,) = server.call("ListCollections", collections_pb2.ListCollectionsRequest()).responses
        assert isinstance(left, collections_pb2.ListCollectionsResponse)
        for name in left.names:
            server.call("DeleteCollection", collections_pb2.DeleteCollectionRequest(name=name))
        outcome = server.call("ListCollections", collections_pb2.ListCollectionsRequest())
        assert outcome.responses == (collections_pb2.ListCollectionsResponse(),)
