"""A process whose public calls are interrupted, one after the other, each somewhere else. Run by a test.

Usage: interrupted_process.py FOLDER COUNT SEED

After each interrupt a thread that holds nothing writes, reads and seals within a time that only a lock left
behind exceeds, and what is there is what was acknowledged. Prints a line of JSON with what was interrupted.
"""

from __future__ import annotations

import faulthandler
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from crash.interrupts import Interruption

import vicinal
from vicinal.engine import deadline

DIM = 4
IDS = 40
SECONDS_A_CALL = 120
POLICY = vicinal.MergePolicySettings(quiet_seconds=1e9)


def vectors(ids: Any) -> np.ndarray:
    return np.stack([np.random.default_rng(i).standard_normal(DIM).astype(np.float32) for i in ids])


class Calls:
    """The public API, as calls that may be interrupted; a write may then be there or not, as a whole."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder = folder
        self.rng = rng
        self.version = 0
        self.db = vicinal.open(folder / "db", merge_policy=POLICY)
        self.points = self.db.create_collection("points", vicinal.Dense(DIM), fields={"n": "integer"})
        self.follower = vicinal.open(folder / "db", read_only=True)
        self.memory = vicinal.open(":memory:", merge_policy=POLICY)
        self.kept = self.memory.create_collection("kept", vicinal.Dense(DIM), fields={"n": "integer"})
        self.allowed: list[dict[int, int]] = [{}]

    def write(
        self, ids: list[int], call: Callable[[int], Any], *, deletes: bool = False
    ) -> Callable[[], Any]:
        """Return a write of a new version of some points, and expect it or its absence from now on."""
        self.version += 1
        version = self.version
        (before,) = self.allowed
        after = {i: n for i, n in before.items() if i not in ids}
        if not deletes:
            after |= dict.fromkeys(ids, version)
        self.allowed = [before, after]
        return lambda: call(version)

    def upsert(self) -> Callable[[], Any]:
        ids = self.rng.sample(range(IDS), self.rng.randint(1, 4))
        data = vectors(ids)
        return self.write(ids, lambda n: self.points.upsert(ids, data, [{"n": n}] * len(ids)))

    def delete(self) -> Callable[[], Any]:
        ids = self.rng.sample(range(IDS), 2)
        return self.write(ids, lambda _: self.points.delete(ids), deletes=True)

    def update(self) -> Callable[[], Any]:
        present = sorted(self.allowed[0])[:2]
        return self.write(present, lambda n: self.points.update_payload({"n": n}, ids=present))

    def reopen(self) -> Callable[[], Any]:
        # A call that was interrupted lets go of the folder in its own time.
        while True:
            try:
                vicinal.open(self.folder / "other", merge_policy=POLICY).close()
                break
            except vicinal.LockedByAnotherProcess:
                time.sleep(0.001)

        def call() -> None:
            vicinal.open(self.folder / "other", merge_policy=POLICY).close()

        return call

    def scratch(self) -> Callable[[], Any]:
        def call() -> None:
            self.db.create_collection("scratch", vicinal.Dense(DIM)).upsert([1], vectors([1]))
            self.db.drop_collection("scratch")

        with suppress(vicinal.NotFound):
            self.db.drop_collection("scratch")
        return call

    def within(self) -> Callable[[], Any]:
        def call() -> None:
            with vicinal.deadline(1000), vicinal.deadline(900):
                self.points.search(vectors([1])[0])

        return call

    def follow(self) -> Callable[[], Any]:
        self.upsert()()
        self.allowed = self.allowed[1:]
        return lambda: self.follower.collection("points").count()

    def in_memory(self) -> Callable[[], Any]:
        ids = self.rng.sample(range(IDS), 3)
        data = vectors(ids)

        def call() -> None:
            self.kept.upsert(ids, data)
            self.kept.flush()
            self.kept.merge()

        return call

    def sealing(self) -> Callable[[], Any]:
        self.upsert()()
        self.allowed = self.allowed[1:]
        return self.rng.choice([self.points.flush, self.points.merge, self.points.wait_indexed])

    def idle(self) -> Callable[[], Any]:
        """Seal and merge when there is nothing to: little but the taking of locks."""
        self.points.merge()
        return self.rng.choice([self.points.flush, self.points.merge, self.points.wait_indexed])

    def reading(self) -> Callable[[], Any]:
        query, batch = vectors([1])[0], vectors(range(8))
        points, chosen = self.points, vicinal.F("n") >= self.rng.randint(0, 3)
        return self.rng.choice(
            [
                lambda: list(points.search(query, filter=chosen)),
                lambda: points.search(batch, threads=2).payload_column(),
                lambda: points.get(range(IDS), with_vectors=True),
                lambda: points.scroll(filter=chosen),
                lambda: points.count(filter=chosen),
                lambda: points.explain(query),
                lambda: points.calibrate(vectors(range(50))),
                self.db.info,
                lambda: self.db.collection("points").info(),
            ]
        )

    def pick(self) -> tuple[str, Callable[[], Any]]:
        kinds = [self.upsert, self.delete, self.update, self.reopen, self.scratch, self.within, self.follow]
        kind = self.rng.choice([*kinds, self.in_memory, self.sealing, self.idle, self.reading])
        return kind.__name__, kind()

    def check(self, again: vicinal.Database | None = None) -> None:
        """Use everything, from a thread that has nothing of what was interrupted."""
        # Waits for whatever the interrupted call left under way in the writer.
        self.points.upsert([IDS], vectors([IDS]), [{"n": 0}])
        found = {int(p.id): p.payload["n"] for p in self.points.scroll().points if p.id != IDS}
        assert found in self.allowed, (found, self.allowed)
        self.allowed = [found]
        assert self.points.count() == len(found) + 1
        assert len(self.points.search(vectors(range(4)), k=100, threads=2)[0]) == len(found) + 1
        assert self.follower.collection("points").count() == len(found) + 1
        self.points.flush()
        self.kept.upsert([IDS], vectors([IDS]))
        self.kept.flush()


def main(folder: str, count: str, seed: str) -> None:
    rng = random.Random(int(seed))
    calls = Calls(Path(folder), rng)
    interruption = Interruption()
    interrupted: Counter[str] = Counter()
    places: dict[str, int] = {}
    # What a first call loads is not what is looked at.
    for _ in range(100):
        name, call = calls.pick()
        interruption.run(call, 1 << 60)
        calls.allowed = calls.allowed[-1:]
        places[name] = max(places.get(name, 0), interruption.places)
    sys.unraisablehook = lambda _: None
    while interrupted.total() < int(count):
        faulthandler.dump_traceback_later(SECONDS_A_CALL, exit=True)
        name, call = calls.pick()
        if not interruption.run(call, rng.randint(1, places[name])):
            calls.allowed = calls.allowed[-1:]
        else:
            interrupted[name] += 1
        assert deadline.current() is None, f"a deadline stayed after {interruption.where}"
        wrong: list[BaseException] = []
        checking = threading.Thread(target=lambda wrong=wrong: checked(calls, wrong))
        checking.start()
        checking.join()
        if wrong:
            raise AssertionError(f"after an interrupt of {name} at {interruption.where}") from wrong[0]
    faulthandler.cancel_dump_traceback_later()
    calls.follower.close()
    calls.db.close()
    with vicinal.open(Path(folder) / "db") as db:
        found = {int(p.id): p.payload["n"] for p in db.collection("points").scroll().points if p.id != IDS}
        assert [found] == calls.allowed
    print(json.dumps(interrupted))


def checked(calls: Calls, wrong: list[BaseException]) -> None:
    try:
        calls.check()
    except BaseException as error:
        wrong.append(error)


if __name__ == "__main__":
    main(*sys.argv[1:])
