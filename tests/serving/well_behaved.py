"""A caller who behaves while others do not, on a server that bounds what they may do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from google.protobuf.message import Message
from prometheus_client import generate_latest
from serving.raw_http2 import grpc_message
from serving.rpcs import BY_NAME
from serving.running_server import RunningServer, running_server
from serving.valid_requests import DIM, ENTRIES, Target

import vicinal
from vicinal.server.service.settings.limits import Limits

PATIENCE = 30.0
RECEIVE_SECONDS = 2.5
MESSAGE_BYTES = 1 << 20
RECEIVING = 1_024
ROOMS = Target("rooms", "ada")
# So large that sealing it takes a while.
HALLS = Target("halls", "ada")
SEARCH = BY_NAME["Search"]


class WellBehaved:
    """A caller who behaves, on a connection of its own, while others do not."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.key = server.key("read")
        self._request = search()
        self._expected = self.answer()

    def answer(self) -> bytes:
        """Return the answer to its call."""
        outcome = self.server.call("Search", self._request, self.key)
        assert outcome.ok, outcome
        return outcome.responses[0].SerializeToString(deterministic=True)

    def works(self) -> None:
        """Assert that it is answered as ever."""
        assert self.answer() == self._expected

    def settles(self) -> None:
        """Assert that no call is under way soon, and that calls are answered."""
        runtime = self.server.server.runtime
        wait_until(lambda: not (runtime.calls.running or runtime.receiving.receiving or runtime.memory.taken))
        wait_until(lambda: b"\nvicinal_requests_in_flight 0.0\n" in generate_latest(runtime.metrics.registry))
        self.works()


def wait_until(holds: Callable[[], bool]) -> None:
    """Return when something holds; it must before long."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def search() -> Message:
    """Return a request of the caller."""
    return ENTRIES[SEARCH.name].make(ROOMS)


def whole_message() -> bytes:
    """Return it as a body."""
    return grpc_message(search().SerializeToString())


def fill(folder: Path) -> None:
    """Make the collections."""
    with vicinal.open(folder) as db:
        halls = db.create_collection(HALLS.collection, {"vector": vicinal.Dense(DIM)}, partitioned=True)
        halls.upsert(range(9_000), np.random.default_rng(0).random((9_000, DIM)), tenant=HALLS.tenant)
        rooms = db.create_collection(ROOMS.collection, {"vector": vicinal.Dense(DIM)}, partitioned=True)
        rooms.upsert(range(20), [[1, 2, i, 4] for i in range(20)], tenant=ROOMS.tenant)


@contextmanager
def bounded_server(folder: Path) -> Iterator[RunningServer]:
    """Serve it with small limits."""
    fill(folder)
    limits = Limits(max_message_bytes=MESSAGE_BYTES, receive_seconds=RECEIVE_SECONDS, max_receiving=RECEIVING)
    with running_server(folder, limits=limits) as server:
        yield server
