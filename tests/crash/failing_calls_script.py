"""A script that uses the whole public API while system calls fail, and knows what must be there."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import vicinal

DIM = 4
# No background work, so that the n-th call is the same one each time.
POLICY = vicinal.MergePolicySettings(quiet_seconds=1e9, dead_fraction=2.0, tier_factor=1000)
SHORT = -1

# Which public errors may tell of a failure. One that was repeated or done without is told of by none.
TOLD_AS: dict[int, tuple[type[vicinal.VicinalError], ...]] = {
    errno.ENOSPC: (vicinal.DiskFull,),
    errno.EDQUOT: (vicinal.DiskFull,),
    errno.EMFILE: (vicinal.ResourceExhausted,),
    errno.ENFILE: (vicinal.ResourceExhausted,),
    errno.ENOMEM: (vicinal.ResourceExhausted, vicinal.MapFull),
    errno.EACCES: (vicinal.FailedPrecondition,),
    errno.EROFS: (vicinal.FailedPrecondition,),
    errno.EIO: (vicinal.Unavailable,),
    errno.EINTR: (vicinal.Unavailable,),
    # LMDB takes a lock file that it could not lock for one of another program.
    errno.ENOLCK: (vicinal.ResourceExhausted, vicinal.Unavailable),
    SHORT: (vicinal.Unavailable, vicinal.DiskFull, vicinal.Corruption),
}
REMEDIES = (
    "free some",
    "raise",
    "close",
    "try again",
    "permission",
    "look at",
    "read the state",
    "mount",
    "restore",
)

# By collection: the payload's number of each id.
State = dict[str, dict[int, int]]


class Calls:
    """The shim in this process."""

    def __init__(self, library: str) -> None:
        self._library = ctypes.CDLL(library)
        self._library.call_name.restype = self._library.failed_call.restype = ctypes.c_char_p
        self._library.calls_counted.restype = ctypes.c_long
        self._library.arm.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_int)
        self._library.call_name.argtypes = (ctypes.c_long,)

    def watch(self, folder: Path) -> None:
        self._library.watch(os.fsencode(folder))

    def arm(self, first: int, last: int, code: int) -> None:
        self._library.arm(first, last, code)

    def disarm(self) -> None:
        self._library.arm(-1, -1, 0)

    def names(self) -> list[str]:
        return [self._library.call_name(n + 1).decode() for n in range(self._library.calls_counted())]

    def failed(self) -> str:
        return str(self._library.failed_call().decode())


class Refused(Exception):
    """A read failed while a segment was verified: the process refuses the segment until it ends."""


class Session:
    """Uses the whole public API, and knows what must be there."""

    def __init__(self, folder: Path, calls: Calls, code: int) -> None:
        self.folder = folder
        self.calls = calls
        self.code = code
        self.state: State = {}
        self.allowed: list[State] = [{}]
        self.told: list[str] = []
        self.opened: list[vicinal.Database] = []

    def do(self, call: Callable[[], Any]) -> Any:
        """Call once more when a failure was told, in the right class and in words; return the answer."""
        try:
            return call()
        except vicinal.VicinalError as error:
            self.judge(error)
            self.calls.disarm()
            return call()

    def write(self, call: Callable[[], Any], after: State) -> None:
        """Write, once more when a failure was told: that changed nothing, or says that nobody knows."""
        told = ""
        self.allowed = [self.state, after]
        try:
            call()
        except vicinal.VicinalError as error:
            self.judge(error)
            told = str(error)
        if told:
            self.calls.disarm()
            found = self.found()
            allowed = [self.state, after] if "read the state back" in told else [self.state]
            assert found in allowed, f"a failed write left {found}, allowed is {allowed}: {told}"
            if found == self.state:
                call()
        self.state = after
        self.allowed = [after]
        assert self.found() == after, f"{self.found()} is there, written was {after}"

    def judge(self, error: vicinal.VicinalError) -> None:
        said = f"{type(error).__name__}: {error}"
        assert self.calls.failed(), f"nothing failed, yet: {said}"
        self.told.append(said)
        assert "Errno" not in said, f"not in words: {said}"
        if isinstance(error, vicinal.Corruption) and "it cannot be read" in said:
            raise Refused
        # Whatever ends the last step of a commit, nobody knows whether it was made.
        allowed = vicinal.Unavailable if "read the state back" in said else TOLD_AS[self.code]
        assert isinstance(error, allowed), f"the wrong class: {said}"
        assert any(words in str(error) for words in REMEDIES), f"no word of what to do: {said}"

    def found(self) -> State:
        db = self.db
        return {
            name: {int(p.id): p.payload["n"] for p in self.do(db.collection(name).scroll).points}
            for name in db.collections()
        }

    def open(self, **options: Any) -> vicinal.Database:
        db = self.do(lambda: vicinal.open(self.folder, **options))
        assert isinstance(db, vicinal.Database)
        self.opened.append(db)
        return db

    def run(self, enough: int | None) -> None:
        """Use everything once, or only so much of it once a failure was survived."""
        for _ in self.script():
            if enough is not None and self.calls.failed():
                enough -= 1
                if enough == 0:
                    break
        for db in self.opened:
            self.do(db.close)

    def script(self) -> Iterator[None]:
        """Use everything once; a step at a time."""
        self.db = db = self.open(merge_policy=POLICY)
        yield
        fields = {"n": "integer"}
        self.write(lambda: db.create_collection("a", vicinal.Dense(DIM), fields=fields), {"a": {}})
        yield
        a = self.do(lambda: db.collection("a"))
        self.upsert(a, range(3), 1)
        yield
        self.do(a.flush)
        yield
        self.upsert(a, [2, 3], 2)
        yield
        self.write(lambda: a.delete([0]), {"a": {1: 1, 2: 2, 3: 2}})
        yield
        self.write(lambda: a.update_payload({"n": 3}, filter=vicinal.F("n") == 1), {"a": {1: 3, 2: 2, 3: 2}})
        yield
        self.read(a)
        self.do(a.merge)
        yield
        self.upsert(a, [4], 4)
        yield
        self.do(a.wait_indexed)
        yield
        self.read(a)
        self.write(lambda: db.create_collection("b", vicinal.Dense(DIM)), self.state | {"b": {}})
        yield
        self.do(lambda: a.calibrate(vectors(range(50))))
        yield
        follower = self.open(read_only=True)
        yield
        self.do(lambda: self.read(follower.collection("a")))
        yield
        self.write(lambda: db.drop_collection("b"), {"a": self.state["a"]})
        yield
        self.upsert(a, [5], 5)
        yield
        assert self.do(follower.collections) == ["a"]
        self.do(lambda: self.read(follower.collection("a")))
        yield
        self.do(follower.close)
        self.do(db.close)
        yield
        self.db = db = self.open(merge_policy=POLICY)
        yield
        self.read(self.do(lambda: db.collection("a")))
        yield

    def upsert(self, points: vicinal.Collection, ids: Any, n: int) -> None:
        after = self.state | {points.name: self.state[points.name] | {i: n for i in ids}}
        payloads = [self.payload(i, n) for i in ids]
        self.write(lambda: points.upsert(list(ids), self.vectors(ids), payloads), after)

    def payload(self, i: int, n: int) -> dict[str, Any]:
        return {"n": n}

    def vectors(self, ids: Any) -> Any:
        return vectors(ids)

    def read(self, points: vicinal.Collection) -> None:
        expected = self.state[points.name]
        ids = sorted(expected)
        if points.name != "a" or not expected:
            assert self.do(points.count) == len(expected)
            return
        hits = self.do(lambda: points.search(vectors([2]), k=10, filter=vicinal.F("n") >= 0))[0]
        assert sorted(hits.ids.tolist()) == ids
        assert {hit.id: hit.payload["n"] for hit in self.do(lambda: list(hits))} == expected
        assert self.do(lambda: points.count(filter=vicinal.F("n") >= 2)) == sum(
            n >= 2 for n in expected.values()
        )
        got = self.do(lambda: points.get(ids, with_vectors=True))
        np.testing.assert_array_equal(np.stack([p.vectors["vector"] for p in got]), vectors(ids))
        assert self.do(points.info).points == len(expected)
        assert self.do(lambda: points.explain(vectors([2]))).queries == 1
        self.do(self.db.info)

    def check_afterwards(self) -> None:
        """Assert that a database opened anew has what was acknowledged and nothing else."""
        self.calls.disarm()
        with vicinal.open(self.folder) as self.db:
            self.state = self.found()
            assert self.state in self.allowed, f"{self.state} is there, acknowledged was {self.allowed}"
            for name in self.state:
                self.read(self.db.collection(name))


def vectors(ids: Any) -> np.ndarray:
    return np.stack([np.random.default_rng(i).standard_normal(DIM).astype(np.float32) for i in ids])
