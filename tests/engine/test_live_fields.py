"""Payload fields that are added to and dropped from a collection with points in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_filter import FIELDS, filters, holds, payloads
from serving.held_writer import held_writer

import vicinal
from vicinal import F, has_id
from vicinal.storage import durable
from vicinal.storage.verify.folder_check import check_folder

DIM = 4
NOTHING_BY_ITSELF = vicinal.MergePolicySettings(quiet_seconds=1e9)
PATIENCE = 60.0


def rows(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)


@contextmanager
def nothing_merges(points: Any) -> Iterator[None]:
    """Keep background work from a collection: a flush of one more point is under way until the block ends."""
    begun, go_on = threading.Event(), threading.Event()

    def progress(stage: str, fraction: float) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)

    points.upsert([10**6], rows(1))
    with ThreadPoolExecutor(1) as pool:
        flushing = pool.submit(points.flush, progress)
        assert begun.wait(PATIENCE)
        try:
            yield
        finally:
            go_on.set()
            flushing.result()


@settings(max_examples=25, deadline=None)
@given(st.lists(payloads(), min_size=1, max_size=30), st.lists(filters, min_size=1, max_size=4), st.data())
def test_filters_answer_exactly_whether_a_field_was_there_first_or_came_later(
    stored: list[dict[str, Any]], asked: list[vicinal.Filter], data: st.DataObject
) -> None:
    early = data.draw(st.sets(st.sampled_from(sorted(FIELDS))))
    cut = data.draw(st.integers(0, len(stored)))
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        fields = {name: FIELDS[name] for name in sorted(early)}
        points = db.create_collection("points", vicinal.Dense(DIM), fields=fields)
        points.upsert(range(cut), rows(cut), stored[:cut])
        points.flush()
        points.upsert(range(cut, len(stored)), rows(len(stored) - cut), stored[cut:])
        expected = [{i for i, p in enumerate(stored) if holds(expression, p, i)} for expression in asked]
        with nothing_merges(points):
            for name in FIELDS.keys() - early:
                points.add_field(name, FIELDS[name])
            here = ~has_id([10**6])
            for expression, ids in zip(asked, expected, strict=True):
                assert points.count(filter=expression & here) == len(ids)
                assert set(points.search(rows(1)[0], k=50, filter=expression & here).ids) == ids
        points.wait_indexed()
        assert points.info().filling == ()
        for expression, ids in zip(asked, expected, strict=True):
            assert points.count(filter=expression & here) == len(ids)


def test_a_segment_is_copied_with_its_index_its_effort_tables_and_its_dead_rows(tmp_path: Path) -> None:
    n = 3000
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", vicinal.Dense(DIM), fields={"n": "integer"})
        points.upsert(range(n), rows(n), [{"n": i, "odd": bool(i % 2)} for i in range(n)])
        points.flush()
        points.delete(range(100))
        assert points.calibrate(rows(60, 1)) == 1
        (before,) = points.info().segments
        query, promised = rows(1, 2)[0], str(points.explain(rows(1, 2)[0]).segments[0])
        nearest = points.search(query, k=20)
        with nothing_merges(points):
            points.add_field("odd", "bool")
            assert points.info().filling == ("odd",)
            assert points.count(filter=F("odd") == True) == (n - 100) // 2  # noqa: E712
        points.delete([10**6])
        stages: list[str] = []
        points.wait_indexed(progress=lambda stage, fraction: stages.append(stage))
        after = next(segment for segment in points.info().segments if segment.rows == n)
        assert (after.dead, after.indexed) == (before.dead, before.indexed)
        assert after.uuid != before.uuid
        assert points.info().filling == ()
        assert str(points.explain(query).segments[0]) == promised
        np.testing.assert_array_equal(points.search(query, k=20).ids, nearest.ids)
        assert points.count(filter=F("odd") == True) == (n - 100) // 2  # noqa: E712
        assert points.count(filter=F("n") < 200) == 100
    assert check_folder(tmp_path / "db") == []
    assert [path.stem for path in (tmp_path / "db" / "segments").iterdir()].count(before.uuid) == 0


def test_what_a_process_left_to_fill_the_next_one_fills(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        points.upsert(range(10), rows(10), [{"n": i} for i in range(10)])
        points.flush()
        with nothing_merges(points):
            points.add_field("n", "integer")
            # Another process, as far as the writer can tell.
            with vicinal.open(tmp_path / "db", read_only=True) as follower:
                seen = follower.collection("points")
                assert dict(seen.schema.fields) == {"n": "integer"}
                assert seen.info().filling == ("n",)
                assert seen.count(filter=F("n") >= 4) == 6
                points.drop_field("n")
                assert dict(seen.schema.fields) == {}
                assert seen.count(filter=F("n") >= 4) == 6
                points.add_field("n", "float")
                assert seen.count(filter=F("n") >= 4.5) == 5
                with pytest.raises(vicinal.ReadOnly):
                    seen.add_field("m", "integer")
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.collection("points")
        assert dict(points.schema.fields) == {"n": "float"}
        assert points.count(filter=F("n") >= 4.5) == 5
        points.wait_indexed(timeout=PATIENCE)
        assert points.info().filling == ()
        assert points.count(filter=F("n") >= 4.5) == 5


def test_another_type_is_another_field() -> None:
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", vicinal.Dense(DIM), fields={"n": "bool"})
        points.upsert([1, 2, 3], rows(3), [{"n": True}, {"n": False}, {}])
        points.flush()
        points.upsert([4], rows(1), [{"n": True}])
        assert points.count(filter=F("n") == True) == 2  # noqa: E712
        points.drop_field("n")
        points.upsert([5], rows(1), [{"n": 1}])
        points.add_field("n", "integer")
        # True equals 1 in Python, and is no integer of a payload.
        assert points.count(filter=F("n") == 1) == 1
        points.wait_indexed()
        assert points.count(filter=F("n") == 1) == 1
        assert points.count(filter=F("n").exists()) == 4


def test_stored_payloads_that_do_not_fit_stay_and_new_ones_are_refused() -> None:
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        points.upsert([1], rows(1), [{"year": "late", "seen": 1}])
        points.flush()
        points.upsert([2, 3], rows(2), [{"year": [1990, "x"]}, {"year": None}])
        points.add_field("year", "integer")
        for _ in range(2):
            assert points.count(filter=F("year") >= 0) == 1
            assert points.count(filter=F("year").exists()) == 3
            assert points.count(filter=F("year").is_null()) == 1
            with pytest.raises(vicinal.InvalidArgument, match="'year' is 'late'"):
                points.update_payload({"seen": 2}, [1])
            with pytest.raises(vicinal.InvalidArgument, match="'year' is 'y'"):
                points.upsert([4], rows(1), [{"year": "y"}])
            points.merge()
        points.update_payload({"year": 2000}, [1])
        assert points.count(filter=F("year") >= 0) == 2
        points.drop_field("year")
        points.upsert([4], rows(1), [{"year": "y"}])
        assert points.get([4])[0].payload == {"year": "y"}


def test_mistakes_are_told_and_change_nothing() -> None:
    with vicinal.open(":memory:") as db:
        points = db.create_collection(
            "points", vicinal.Dense(DIM), fields={f"f{i}": "keyword" for i in range(256)}
        )
        with pytest.raises(vicinal.AlreadyExists, match=r"drop_field\('f1'\) first"):
            points.add_field("f1", "integer")
        points.add_field("f1", "keyword")
        with pytest.raises(vicinal.InvalidArgument, match="at most 256"):
            points.add_field("one.more", "keyword")
        with pytest.raises(vicinal.NotFound, match="no payload field 'year' is indexed"):
            points.drop_field("year")
        points.drop_field("f2")
        odd: list[Any] = [None, "", "a..b", 3, ["a"], "a b"]
        for name in odd:
            with pytest.raises(vicinal.InvalidArgument):
                points.add_field(name, "keyword")
            with pytest.raises(vicinal.NotFound):
                points.drop_field(name)
        for kind in (None, "words", 3, ["integer"]):
            with pytest.raises(vicinal.InvalidArgument, match="expected one of 'keyword'"):
                points.add_field("year", kind)
        assert len(points.schema.fields) == 255


def test_a_write_that_waits_for_its_turn_meets_the_schema_of_that_moment(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db, ThreadPoolExecutor(8) as pool:
        points = db.create_collection("points", vicinal.Dense(DIM), fields={"n": "integer", "m": "integer"})
        points.upsert([1, 2], rows(2), [{"n": 1}, {"n": 2}])
        with held_writer(tmp_path / "db") as held:
            first = pool.submit(points.upsert, [3], rows(1), [{"n": 3}])
            held.wait_for_writer()
            # Checked while the writer is held, so against the schema there is: these form the next group.
            queue = points._host._writer._queue  # type: ignore[attr-defined]

            def behind(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
                waiting = queue.qsize()
                future = pool.submit(call, *arguments, **options)
                while queue.qsize() == waiting:
                    assert not future.done()
                return future

            behind(points.drop_field, "n")
            added = behind(points.add_field, "n", "keyword")
            late = behind(points.add_field, "late", "keyword")
            wrong = behind(points.upsert, [4], rows(1), [{"n": 4}])
            right = behind(points.upsert, [5], rows(1), [{"late": "yes"}])
            gone = behind(points.delete, filter=F("n") >= 1)
            held.release()
        first.result(), added.result(), late.result(), right.result()
        with pytest.raises(vicinal.InvalidArgument, match="'n' is 4"):
            wrong.result()
        with pytest.raises(vicinal.InvalidArgument, match="'n', a keyword field"):
            gone.result()
        assert points.count() == 4
        assert points.count(filter=F("late") == "yes") == 1


def test_a_commit_that_fails_leaves_the_schema_as_it_was(
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
        points = db.create_collection("points", vicinal.Dense(DIM), fields={"n": "integer"})
        points.upsert([1], rows(1), [{"n": 1, "m": 1}])
        points.flush()
        points.upsert([2], rows(1), [{"n": 2, "m": 2}])
        with nothing_merges(points):
            faults.append(lmdb.MapFullError("mdb_put", -30792))
            with pytest.raises(vicinal.MapFull):
                points.add_field("m", "integer")
            assert dict(points.schema.fields) == {"n": "integer"}
            assert points.explain(rows(1)[0], filter=F("m") == 2).unindexed == {"m": "integer"}
            points.upsert([3], rows(1), [{"n": 3, "m": "any"}])
            faults.append(lmdb.MapFullError("mdb_put", -30792))
            with pytest.raises(vicinal.MapFull):
                points.drop_field("n")
            assert points.count(filter=F("n") >= 2) == 2
        points.add_field("m", "integer")
        assert points.count(filter=F("m") >= 1) == 2


def test_a_hit_found_before_is_read_as_it_was_and_writers_go_on() -> None:
    n = 400
    with vicinal.open(":memory:", merge_policy=vicinal.MergePolicySettings(quiet_seconds=0.0)) as db:
        points = db.create_collection("points", vicinal.Dense(DIM), fields={"n": "integer"})
        points.upsert(range(n), rows(n), [{"n": i, "m": i} for i in range(n)])
        points.flush()
        stop = threading.Event()

        def write(first: int) -> int:
            rounds = 0
            while not stop.is_set() or not rounds:
                ids = range(first, first + 20)
                points.upsert(ids, rows(20), [{"n": i, "m": i} for i in ids])
                assert points.count(filter=F("n") < n) == n
                rounds += 1
            return rounds

        with ThreadPoolExecutor(2) as pool:
            writers = [pool.submit(write, first) for first in (n, 2 * n)]
            try:
                for kind in ("integer", "float") * 4:
                    points.add_field("m", kind)
                    assert points.count(filter=F("m") < n) == n
                    hits = points.search(rows(1)[0], filter=F("m") < n)
                    points.drop_field("m")
                    assert all(hit.payload["m"] < n for hit in hits)
            finally:
                stop.set()
            assert all(writer.result() for writer in writers)
        points.add_field("m", "integer")
        points.wait_indexed()
        assert points.count(filter=F("m") >= 0) == points.count() == n + 40
