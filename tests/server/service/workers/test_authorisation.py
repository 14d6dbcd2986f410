"""Every worker refuses every RPC to whoever must not make it; `make workers` runs the whole matrix."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from serving.calls import call
from serving.rpcs import RPCS, Rpc
from serving.running_workers import RunningWorkers, running_workers
from serving.valid_requests import ENTRIES, Target

from vicinal.server.service.access.principal import Right
from vicinal.server.service.access.rights import RULES

DENIED = grpc.StatusCode.PERMISSION_DENIED


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorkers]:
    with running_workers(tmp_path_factory.mktemp("served") / "db", 2, channels=4) as server:
        server.key("admin")
        yield server


@pytest.mark.parametrize("rpc", RPCS, ids=str)
def test_who_may_not_is_denied_by_every_worker(served: RunningWorkers, rpc: Rpc) -> None:
    request = ENTRIES[rpc.name].make(Target("films", "ada"))
    lesser = [right for right in Right if right < RULES[rpc.path].right]
    keys = [served.key(right.word) for right in lesser]
    if not RULES[rpc.path].for_tenants:
        keys.append(served.key("admin", tenants=("ada",)))
    for channel in served.channels:
        for key in (None, "", "garbage"):
            assert call(channel, rpc, request, key).code is grpc.StatusCode.UNAUTHENTICATED
        for key in keys:
            assert call(channel, rpc, request, key).code is DENIED
