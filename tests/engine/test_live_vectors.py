"""Vector fields that are added to and dropped from a collection with points in it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest
from serving.held_writer import held_writer

import vicinal
from vicinal import Dense, F, Multi, Sparse
from vicinal.storage import durable
from vicinal.storage.verify.folder_check import check_folder

NOTHING_BY_ITSELF = vicinal.MergePolicySettings(quiet_seconds=1e9)


def rows(n: int, dim: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def has(points: Any, ids: range) -> dict[int, list[str]]:
    """Return the names of the vectors that each point has."""
    found = points.get(ids, with_vectors=True)
    return {point.id: sorted(name for name, v in point.vectors.items() if v is not None) for point in found}


@pytest.mark.parametrize(
    "field", [Dense(6, metric="dot"), Sparse(), Multi(6)], ids=["dense", "sparse", "multi"]
)
def test_what_was_stored_before_lacks_the_field_wherever_it_is(tmp_path: Path, field: Any) -> None:
    values = {
        "dense": [np.ones(6, np.float32)] * 2,
        "sparse": [{1: 1.0}] * 2,
        "multi": [np.ones((2, 6), np.float32)] * 2,
    }[field.kind]
    query = values[0]
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", {"a": Dense(4)}, fields={"n": "integer"})
        points.upsert(range(4), {"a": rows(4, 4)}, [{"n": i} for i in range(4)])
        points.flush()
        points.upsert(range(4, 8), {"a": rows(4, 4)}, [{"n": i} for i in range(4, 8)])
        points.add_vector_field("a.b", field)
        assert points.schema.vectors["a.b"] == field
        assert len(points.search(query, k=9, field="a.b")) == 0
        points.upsert([8, 3], {"a": rows(2, 4), "a.b": values})
        expected = {i: ["a"] for i in range(9)} | {3: ["a", "a.b"], 8: ["a", "a.b"]}
        points.add_vector_field("a.b", field)
    for step in ("log", "seal", "fill", "merge"):
        with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
            points = db.collection("points")
            if step == "seal":
                points.flush()
            elif step == "fill":
                points.add_field("m", "integer")
                points.wait_indexed()
            elif step == "merge":
                points.merge()
            assert has(points, range(9)) == expected, step
            assert set(points.search(query, k=9, field="a.b").ids) == {3, 8}
            assert set(points.search(query, k=9, field="a.b", filter=F("n") >= 0).ids) == set()
            assert len(points.search(np.ones(4), k=9, field="a")) == 9
        assert check_folder(tmp_path / "db") == []


def test_a_field_that_comes_back_finds_nothing_of_the_one_that_went(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", {"a": Dense(4), "b": Dense(6)})
        points.upsert(range(4), {"a": rows(4, 4), "b": rows(4, 6)})
        points.flush()
        points.upsert(range(4, 8), {"a": rows(4, 4), "b": rows(4, 6)})
        found = points.search(rows(1, 6)[0], field="b", with_vectors=True)
        points.drop_vector_field("b")
        with pytest.raises(vicinal.InvalidArgument, match="no vector field is named 'b'"):
            points.search(rows(1, 6)[0], field="b")
        assert len(points.search(rows(1, 4)[0])) == 8
        # What was found before is read as it was.
        assert all(hit.vectors["b"].shape == (6,) for hit in found)
        points.add_vector_field("b", Dense(6))
        assert has(points, range(8)) == {i: ["a"] for i in range(8)}
        points.upsert([7], {"a": rows(1, 4), "b": rows(1, 6)})
        with vicinal.open(tmp_path / "db", read_only=True) as follower:
            seen = follower.collection("points")
            assert list(seen.search(rows(1, 6)[0], field="b").ids) == [7]
            points.drop_vector_field("b")
            assert list(seen.schema.vectors) == ["a"]
            points.add_vector_field("b", Dense(8))
            assert seen.schema.vectors["b"].dim == 8
            assert len(seen.search(rows(1, 8)[0], field="b")) == 0
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.collection("points")
        assert has(points, range(8)) == {i: ["a"] for i in range(8)}
        points.update_payload({"n": 1}, [1])
        before = points.info().bytes_disk
        points.merge()
        assert points.info().bytes_disk > 0 < before
        assert has(points, range(8)) == {i: ["a"] for i in range(8)}
        points.upsert([1], {"a": rows(1, 4), "b": rows(1, 8)})
        assert list(points.search(rows(1, 8)[0], field="b").ids) == [1]
    assert check_folder(tmp_path / "db") == []


def test_bytes_of_a_dropped_field_are_freed_by_the_next_merge(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", {"a": Dense(4), "b": Dense(256)})
        for first in (0, 200):
            points.upsert(range(first, first + 200), {"a": rows(200, 4), "b": rows(200, 256)})
            points.flush()
        points.drop_vector_field("b")
        assert points.info().bytes_disk > 400 * 1024
        points.merge()
        assert points.info().bytes_disk < 400 * 1024


def test_an_index_is_built_of_a_field_that_came_later_and_measured_anew() -> None:
    n = 2100
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", {"a": Dense(4), "b": Dense(4)})
        points.upsert(range(n), {"a": rows(n, 4), "b": rows(n, 4)})
        points.flush()
        assert points.calibrate(rows(60, 4, 1), field="b") == 1
        points.drop_vector_field("b")
        points.add_vector_field("b", Dense(8))
        assert points.info().segments[0].indexed == ("a",)
        points.upsert(range(n), {"a": rows(n, 4), "b": rows(n, 8)})
        points.merge()
        assert set(points.info().segments[0].indexed) == {"a", "b"}
        assert points.calibrate(rows(60, 8, 1), field="b") == 1
        points.merge()
        assert len(points.search(rows(1, 8)[0], k=5, field="b")) == 5


def test_a_write_that_waits_meets_the_fields_of_that_moment(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db, ThreadPoolExecutor(8) as pool:
        points = db.create_collection("points", {"a": Dense(4), "b": Dense(4)})
        queue = points._host._writer._queue  # type: ignore[attr-defined]

        def behind(call: Any, *arguments: Any) -> Any:
            waiting = queue.qsize()
            future = pool.submit(call, *arguments)
            while queue.qsize() == waiting:
                assert not future.done()
            return future

        with held_writer(tmp_path / "db") as held:
            first = pool.submit(points.upsert, [1], {"a": rows(1, 4), "b": rows(1, 4)})
            held.wait_for_writer()
            changes = [behind(points.drop_vector_field, "b"), behind(points.add_vector_field, "b", Dense(4))]
            wrong = behind(points.upsert, [2], {"a": rows(1, 4), "b": rows(1, 4)})
            right = behind(points.upsert, [3], {"a": rows(1, 4)})
            held.release()
        for future in (first, *changes, right):
            future.result()
        with pytest.raises(vicinal.InvalidArgument, match="'b' was dropped while the call waited"):
            wrong.result()
        assert points.count() == 2
        assert len(points.search(rows(1, 4)[0], field="b")) == 0


def test_a_commit_that_fails_leaves_the_fields_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = durable.commit
    faults: list[Exception] = []

    def failing(transaction: Any) -> None:
        if faults:
            raise faults.pop()
        commit(transaction)

    monkeypatch.setattr(durable, "commit", failing)
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", {"a": Dense(4), "b": Dense(4)})
        points.upsert([1], {"a": rows(1, 4), "b": rows(1, 4)})
        points.flush()
        points.upsert([2], {"a": rows(1, 4), "b": rows(1, 4)})
        for change in (
            lambda: points.drop_vector_field("b"),
            lambda: points.add_vector_field("c", Sparse()),
        ):
            faults.append(lmdb.MapFullError("mdb_put", -30792))
            with pytest.raises(vicinal.MapFull):
                change()
            assert list(points.schema.vectors) == ["a", "b"]
            assert len(points.search(rows(1, 4)[0], field="b")) == 2


def test_mistakes_are_told_and_change_nothing() -> None:
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", {"a": Dense(4)})
        with pytest.raises(vicinal.FailedPrecondition, match="'a' is the only vector field"):
            points.drop_vector_field("a")
        with pytest.raises(vicinal.AlreadyExists, match=r"drop_vector_field\('a'\) first"):
            points.add_vector_field("a", Dense(5))
        odd: list[Any] = [None, "a b", "", 3]
        for name in odd:
            with pytest.raises(vicinal.InvalidArgument):
                points.add_vector_field(name, Dense(4))
            with pytest.raises(vicinal.NotFound):
                points.drop_vector_field(name)
        wrong: Any = "dense"
        with pytest.raises(vicinal.InvalidArgument, match="pass a Dense, Sparse or Multi"):
            points.add_vector_field("b", wrong)
        for i in range(31):
            points.add_vector_field(f"f{i}", Sparse())
        with pytest.raises(vicinal.InvalidArgument, match="1 to 32"):
            points.add_vector_field("b", Sparse())
        assert len(points.schema.vectors) == 32
