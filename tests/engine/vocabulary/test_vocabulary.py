"""What a vocabulary knows, whoever asks, whatever else happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest

import vicinal
from vicinal import Dense, Sparse
from vicinal.engine.collection import columnar
from vicinal.engine.input.queries import validate_queries
from vicinal.engine.segments.snapshot import Snapshot
from vicinal.engine.tenants.tenant import Tenant
from vicinal.engine.vocabulary.vocabulary import Vocabulary
from vicinal.engine.writing.point_operations import upsert
from vicinal.storage import durable
from vicinal.storage.columns.batch import Batch
from vicinal.storage.columns.ids import IdColumn
from vicinal.storage.columns.payloads import PayloadColumn
from vicinal.storage.columns.tokens import UNKNOWN, TokenColumn
from vicinal.storage.verify.folder_check import check_folder

WORDS = Sparse(tokens=True)


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that makes the next commit fail, before it is made or behind it."""
    pending: list[str] = []
    commit = durable.commit

    def failing(transaction: Any) -> None:
        when = pending.pop() if pending else "never"
        if when != "before":
            commit(transaction)
        if when != "never":
            error = lmdb.Error("Input/output error")
            error.code = 5  # type: ignore[misc]
            raise error

    monkeypatch.setattr(durable, "commit", failing)
    return pending.append


def vocabulary(points: vicinal.Collection) -> Vocabulary:
    snapshot, _ = columnar(points).view(None)
    found = snapshot.vocabularies.of(snapshot.schema, "vector")
    assert found is not None
    return found


def validated(snapshot: Snapshot, query: dict[str, float]) -> Any:
    """Return a query as a search of a snapshot resolves it."""
    return snapshot.resolved("vector", validate_queries("vector", WORDS, query)[0])


def stored(points: vicinal.Collection) -> dict[Any, dict[str, float]]:
    return {point.id: point.vectors["vector"] for point in points.scroll(with_vectors=True).points}


@pytest.mark.parametrize("when", ["before", "behind"])
def test_a_commit_that_fails_leaves_points_with_their_tokens_or_neither(
    tmp_path: Path, fail: Callable[[str], None], when: str
) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", WORDS)
        points.upsert([1], [{"a": 1.0}])
        fail(when)
        with pytest.raises(vicinal.VicinalError):
            points.upsert([2], [{"b": 2.0}])
        there = {1: {"a": 1.0}} | ({2: {"b": 2.0}} if when == "behind" else {})
        assert stored(points) == there
        points.upsert([3], [{"c": 3.0, "a": 1.0}])
        assert stored(points) == there | {3: {"c": 3.0, "a": 1.0}}
        known = vocabulary(points).known_ids(["a", "b", "c"])
        assert known.tolist() == ([0, 1, 2] if when == "behind" else [0, UNKNOWN, 1])
    assert check_folder(tmp_path / "db") == []
    with vicinal.open(tmp_path / "db") as db:
        assert stored(db.collection("points")) == there | {3: {"c": 3.0, "a": 1.0}}


def test_ids_that_were_read_before_a_commit_failed_are_not_written(
    tmp_path: Path, fail: Callable[[str], None]
) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", WORDS)
        points.upsert([1], [{"a": 1.0}])
        state, host = columnar(points)._state, columnar(points)._host
        untold, told = (
            Batch(IdColumn.from_values([9]), PayloadColumn.from_rows(None, 1), {"vector": column})
            for column in (TokenColumn.of_rows([{"b": 5.0}]), TokenColumn.of_rows([{"a": 5.0}]))
        )
        # As if a commit that came to nothing had given the one the id that the other has by now.
        waiting = replace(upsert(state, state.schema, Tenant(None, 0), told), untold=untold)
        fail("before")
        with pytest.raises(vicinal.VicinalError):
            points.upsert([2], [{"b": 2.0}])
        host.submit(waiting)
        assert stored(points) == {1: {"a": 1.0}, 9: {"b": 5.0}}


def test_a_follower_knows_tokens_that_it_never_saw(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", WORDS)
        points.upsert([1], [{"a": 1.0}])
        with vicinal.open(tmp_path / "db", read_only=True) as follower:
            followed = follower.collection("points")
            assert list(followed.search({"b": 1.0}).scores) == [0.0]
            for number, token in enumerate("bcdefg", 2):
                points.upsert([number], [{token: float(number)}])
                (hit,) = followed.search({token: 1.0}, k=1, with_vectors=True)
                assert (hit.id, hit.vectors["vector"]) == (number, {token: float(number)})
                points.flush()
                assert (
                    followed.get([number], with_vectors=True)[0] == points.get([number], with_vectors=True)[0]
                )
            points.merge()
            assert stored(followed) == stored(points)


def test_writers_that_bring_the_same_tokens_at_once(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db") as db:
        points = db.create_collection("points", WORDS)

        def write(worker: int) -> None:
            rng = np.random.default_rng(worker)
            for number in range(20):
                chosen = rng.choice(100, 5, replace=False)
                points.upsert([worker * 100 + number], [{f"t{t}": float(worker + 1) for t in chosen}])

        workers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        found = stored(points)
        assert len(found) == 80
        used = {token for row in found.values() for token in row}
        ids = vocabulary(points).known_ids(sorted(used))
        assert sorted(ids.tolist()) == list(range(len(used)))
        for number, row in found.items():
            rng = np.random.default_rng(number // 100)
            expected = [rng.choice(100, 5, replace=False) for _ in range(number % 100 + 1)][-1]
            assert row == {f"t{t}": float(number // 100 + 1) for t in expected}
    assert check_folder(tmp_path / "db") == []


def test_a_field_that_is_dropped_while_its_tokens_are_read() -> None:
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", {"vector": WORDS, "plot": Dense(2)})
        points.upsert([1], {"vector": [{"a": 1.0}]})
        snapshot, _ = columnar(points).view(None)
        points.drop_vector_field("vector")
        points.add_vector_field("vector", WORDS)
        points.upsert([1], {"vector": [{"other": 1.0}]})
        with pytest.raises(vicinal.NotFound, match="'vector' was dropped"):
            snapshot.vector_columns(np.array([0]), ("vector",))
        assert list(snapshot.resolved("vector", TokenColumn.of_rows([{"other": 1.0}])).indices) == []


def test_what_is_remembered_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", WORDS)
        points.upsert([1], [{"a": 1.0, "b": 1.0}])
        known = vocabulary(points)
        assert known.known_ids(["b", "a", "new"]).tolist() == [1, 0, UNKNOWN]
        assert known.tokens_of(np.array([0, 1], np.uint32)) == ["a", "b"]
        reads: list[object] = []
        read = known._catalog.read
        monkeypatch.setattr(known._catalog, "read", lambda: (reads.append(0), read())[1])
        assert known.known_ids(["a", "b"]).tolist() == [0, 1]
        assert known.tokens_of(np.array([1], np.uint32)) == ["b"]
        assert reads == []
        # What had no id is asked for again: it may have one by now.
        points.upsert([2], [{"new": 1.0}])
        assert known.known_ids(["new"]).tolist() == [2]


def test_a_token_that_nothing_has_is_looked_up_once_between_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", WORDS)
        points.upsert([1, 2], [{"a": 1.0}, {"b": 1.0}])
        known, (old, _) = vocabulary(points), columnar(points).view(None)
        reads: list[object] = []
        read = known._catalog.read
        monkeypatch.setattr(known._catalog, "read", lambda: (reads.append(0), read())[1])
        for _ in range(3):
            assert points.search({"a": 1.0, "new": 1.0}).scores.tolist() == [1.0, 0.0]
        assert len(reads) <= 2
        before = len(reads)
        points.search({"a": 1.0, "new": 1.0})
        assert len(reads) == before
        points.upsert([3], [{"new": 1.0}])
        assert points.search({"new": 1.0}, k=1).ids.tolist() == [3]
        # A search of an older snapshot says nothing of what is there now.
        assert validated(old, {"absent": 1.0}).indices.tolist() == []
        points.upsert([4], [{"absent": 3.0}])
        assert points.search({"absent": 1.0, "new": 1.0}, k=1).ids.tolist() == [4]
