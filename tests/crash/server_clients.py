"""Callers of a server that is killed: each writes, retries, and knows what was acknowledged."""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from crash.writer_process import DIM, vector

import vicinal

# Ids of each client.
IDS = 60
TIMEOUT = 60.0
COLLECTIONS = {"points": False, "owned": True}

# By collection and id: the version of the vector, and the payload's "note".
State = dict[tuple[str, int], tuple[int, int | None]]


@dataclass(frozen=True)
class Write:
    """One write."""

    kind: str
    collection: str
    ids: tuple[int, ...]
    version: int

    def applied(self, state: State) -> State:
        """Return what it makes of a state."""
        after = dict(state)
        for point_id in self.ids:
            key = self.collection, point_id
            if self.kind == "upsert":
                after[key] = self.version, None
            elif self.kind == "delete":
                after.pop(key, None)
            elif key in after:
                after[key] = after[key][0], self.version
        return after


@dataclass
class Client:
    """One caller with ids, and a tenant, of its own, so that it alone knows what its points are.

    A write that failed may have happened. The client then reads its points back, which must show it as a
    whole or not at all, and goes on from what it found.
    """

    number: int
    address: str
    key: str
    stop: threading.Event
    # Whether a write whose answer was lost may have happened: not when the server was let finish.
    may_lose_answers: bool = True
    acknowledged: int = 0
    unknown: int = 0
    state: State = field(default_factory=dict)

    @property
    def first(self) -> int:
        return self.number * IDS

    def tenant(self, collection: str) -> str | None:
        return f"tenant-{self.number}" if COLLECTIONS[collection] else None

    def run(self) -> None:
        """Write until told to stop."""
        rng = random.Random(self.number)
        version = 1
        with vicinal.connect(self.address, key=self.key, timeout=TIMEOUT) as db:
            while not self.stop.is_set():
                version += 1
                self.write(db, self.choose(rng, version))

    def choose(self, rng: random.Random, version: int) -> Write:
        kind = rng.choices(["upsert", "delete", "update"], [5, 2, 3])[0]
        ids = rng.sample(range(self.first, self.first + IDS), rng.randint(1, 15))
        return Write(kind, rng.choice(list(COLLECTIONS)), tuple(ids), version)

    def write(self, db: Any, write: Write) -> None:
        after = write.applied(self.state)
        try:
            count = self.do(db, write)
        except vicinal.Unavailable:
            self.unknown += 1
            found = self.found(db)
            expected = (self.state, after) if self.may_lose_answers else (self.state,)
            assert found in expected, (write, difference(found, self.state))
            self.state = found
            return
        if write.kind != "upsert":
            assert count == sum((write.collection, i) in self.state for i in write.ids), write
        self.state = after
        self.acknowledged += 1

    def do(self, db: Any, write: Write) -> int:
        """Do a write; return what the server says."""
        points = db.collection(write.collection)
        ids, tenant = list(write.ids), self.tenant(write.collection)
        if write.kind == "upsert":
            vectors = np.stack([vector(i, write.version) for i in ids])
            return int(points.upsert(ids, vectors, [{"version": write.version}] * len(ids), tenant=tenant))
        if write.kind == "delete":
            return int(points.delete(ids, tenant=tenant))
        return int(points.update_payload({"note": write.version}, ids=ids, tenant=tenant))

    def found(self, db: Any) -> State:
        """Return what the server has of this client's points, once it answers."""
        rows: State = {}
        ids = range(self.first, self.first + IDS)
        for collection in COLLECTIONS:
            points = retried(db.collection, collection)
            answer = retried(points.get, ids, with_vectors=True, tenant=self.tenant(collection))
            for point_id, point in zip(ids, answer, strict=True):
                if point is not None:
                    version = point.payload["version"]
                    np.testing.assert_array_equal(point.vectors["vector"], vector(point_id, version))
                    rows[collection, point_id] = version, point.payload.get("note")
        return rows


def tend(address: str, key: str, stop: threading.Event) -> None:
    """Seal and merge until told to stop, so that kills come in the middle of that too."""
    with vicinal.connect(address, key=key, timeout=TIMEOUT) as db:
        while not stop.is_set():
            for collection in COLLECTIONS:
                # The next round comes anyway.
                with suppress(vicinal.Unavailable):
                    points = db.collection(collection)
                    points.flush()
                    points.merge()


def retried(function: Any, *arguments: Any, **options: Any) -> Any:
    """Call a read until the server is back; its own retries may end before that."""
    for _ in range(20):
        try:
            return function(*arguments, **options)
        except vicinal.Unavailable as error:
            last = error
    raise last


def check_all(db: Any, clients: list[Client]) -> None:
    """Assert that a database has every client's points and no other, by id, by count and by search."""
    expected = {collection: 0 for collection in COLLECTIONS}
    for client in clients:
        assert client.found(db) == client.state, difference(client.found(db), client.state)
        for collection, partitioned in COLLECTIONS.items():
            n = sum(name == collection for name, _ in client.state)
            expected[collection] += n
            if partitioned:
                check_count(db.collection(collection), client.tenant(collection), n)
    check_count(db.collection("points"), None, expected["points"])


def check_count(points: Any, tenant: str | None, n: int) -> None:
    """Assert that there are ``n`` points, counted and found."""
    assert points.count(tenant=tenant) == n
    hits = points.search(np.ones(DIM), k=10_000, exact=True, tenant=tenant)
    assert len(set(hits.ids.tolist())) == len(hits) == n


def difference(found: State, expected: State) -> dict[str, object]:
    """Return what two states do not share, for a message."""
    keys = {key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)}
    return {str(key): (found.get(key), expected.get(key)) for key in sorted(keys)}
