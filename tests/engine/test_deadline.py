"""Calls give up at their deadline, at known places, and leave everything as it was.

A deadline with a caller who leaves at a chosen look shows where the looks are, without a clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import DeadlineExceeded, Dense, F, Multi, Sparse
from vicinal.engine import deadline
from vicinal.engine.deadline import Deadline
from vicinal.storage import durable

DIM, PART = 8, 1000
NO_MERGES = vicinal.MergePolicySettings(quiet_seconds=1e9, seal_rows=2000)
FIELDS = {"dense": Dense(DIM), "terms": Sparse(), "tokens": Multi(DIM)}


class Caller:
    """Somebody who leaves after so many looks, and remembers which threads looked."""

    def __init__(self, stays: int = 1_000_000) -> None:
        self._stays = stays
        self.looks: list[str] = []

    def is_gone(self) -> bool:
        self.looks.append(threading.current_thread().name)
        return len(self.looks) > self._stays

    def waiting(self) -> Any:
        return Deadline(None, self.is_gone).within()


def vectors(n: int, seed: int = 0) -> dict[str, Any]:
    matrix = np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)
    terms = [{int(row): 1.0, int(row) + 1: 0.5} for row in range(n)]
    return {"dense": matrix, "terms": terms, "tokens": list(matrix[:, None, :])}


@pytest.fixture(scope="module")
def points() -> Iterator[vicinal.Collection]:
    """Return a collection of two sealed segments and a growing one."""
    with vicinal.open(":memory:", merge_policy=NO_MERGES) as db:
        points = db.create_collection("points", FIELDS, fields={"n": "integer"})
        for part in range(3):
            ids = np.arange(part * PART, (part + 1) * PART)
            points.upsert(ids, vectors(PART, part), [{"n": int(i)} for i in ids])
            if part < 2:
                points.flush()
        yield points


def queries(n: int, seed: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)


def test_a_search_looks_before_each_segment(points: vicinal.Collection) -> None:
    caller = Caller()
    with caller.waiting():
        points.search(queries(1)[0], field="dense")
    # Before rows are chosen, and before those of each segment are searched.
    assert len(caller.looks) == 1 + 3
    for stays in range(1 + 3):
        leaving = Caller(stays)
        with leaving.waiting(), pytest.raises(DeadlineExceeded, match="caller is gone"):
            points.search(queries(1)[0], field="dense")
        assert len(leaving.looks) == stays + 1


def test_a_query_alone_in_the_only_segment_looks_too() -> None:
    with vicinal.open(":memory:", merge_policy=NO_MERGES) as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        points.upsert(range(5), queries(5))
        # The second time by what the first has prepared.
        for _ in range(2):
            points.search(queries(1)[0])
            leaving = Caller(0)
            with leaving.waiting(), pytest.raises(DeadlineExceeded, match="caller is gone"):
                points.search(queries(1)[0])


def test_a_batch_is_searched_in_pieces(points: vicinal.Collection) -> None:
    caller = Caller()
    with caller.waiting():
        points.search(queries(200), field="dense")
    # Of each segment: two looks before it, and one before each of 64 + 64 + 64 + 8 queries.
    assert len(caller.looks) == 3 * 6
    leaving = Caller(7)
    with leaving.waiting(), pytest.raises(DeadlineExceeded):
        points.search(queries(200), field="dense")
    assert len(leaving.looks) == 8


def test_pieces_of_costly_rows_are_smaller(points: vicinal.Collection) -> None:
    caller = Caller()
    long = [np.repeat(queries(1), 20_000, axis=0)] * 40
    with caller.waiting():
        points.search(long, field="tokens")
    assert len(caller.looks) > 3 * 3


def test_worker_threads_see_the_deadline(points: vicinal.Collection) -> None:
    caller = Caller()
    with caller.waiting():
        points.search(queries(200), field="dense", threads=2)
    workers = [name for name in caller.looks if name != threading.current_thread().name]
    # Of each segment each of two threads searches 64 + 36 queries.
    assert len(workers) == 3 * 2 * 2
    assert len(caller.looks) == len(workers) + 3 * 2
    leaving = Caller(1)
    with leaving.waiting(), pytest.raises(DeadlineExceeded):
        points.search(queries(200), field="dense", threads=2)


@pytest.mark.parametrize("options", [{}, {"exact": True}, {"threads": 2}, {"filter": F("n") < 1500}])
@pytest.mark.parametrize("field", FIELDS)
def test_pieces_find_what_the_whole_batch_finds(
    points: vicinal.Collection, field: str, options: dict[str, Any]
) -> None:
    asked = vectors(150, seed=9)[field]
    whole = points.search(asked, 7, field=field, **options)
    with vicinal.deadline(3600):
        pieces = points.search(asked, 7, field=field, **options)
    np.testing.assert_array_equal(pieces.ids, whole.ids)
    np.testing.assert_array_equal(pieces.scores, whole.scores)


@pytest.mark.parametrize("field", FIELDS)
def test_scores_in_pieces_are_those_of_the_whole_batch(points: vicinal.Collection, field: str) -> None:
    asked, ids = vectors(150, seed=9)[field], [*range(0, 3000, 3), -1 + 2**40]
    whole = points.score(asked, ids, field=field)
    with vicinal.deadline(3600):
        np.testing.assert_array_equal(points.score(asked, ids, field=field), whole)
    caller = Caller()
    with caller.waiting():
        points.score(asked, [ids[:9]] * 150, field=field)
    assert len(caller.looks) > 100


CALLS: list[Callable[[vicinal.Collection], Any]] = [
    lambda points: points.search(queries(1)[0], field="dense"),
    lambda points: points.search(queries(300), field="dense", threads=2),
    lambda points: points.explain(queries(1)[0], field="dense"),
    lambda points: points.score(queries(2), [1, 2], field="dense"),
    lambda points: points.score(queries(2), [[1], [2]], field="dense"),
    lambda points: points.get([1, 2]),
    lambda points: points.scroll(),
    lambda points: points.count(filter=F("n") < 5),
    lambda points: points.upsert([7], {"dense": queries(1), "terms": [{1: 1.0}], "tokens": [queries(1)]}),
    lambda points: points.delete([1]),
    lambda points: points.update_payload({"n": 0}, [1]),
    lambda points: points.calibrate(queries(60), field="dense"),
    lambda points: points.flush(),
    lambda points: points.merge(),
]


@pytest.mark.parametrize("call", CALLS)
def test_no_call_is_done_when_time_is_over(
    points: vicinal.Collection, call: Callable[[vicinal.Collection], Any]
) -> None:
    before = [view.uuid for view in points._state.snapshot.views], points.scroll(limit=10_000).points
    with vicinal.deadline(0), pytest.raises(DeadlineExceeded, match="given 0 s"):
        call(points)
    after = [view.uuid for view in points._state.snapshot.views], points.scroll(limit=10_000).points
    assert after == before


def test_reads_look_before_each_segment(points: vicinal.Collection) -> None:
    for read in (lambda: points.count(filter=F("n") < 5), lambda: points.scroll(limit=1)):
        leaving = Caller(2)
        with leaving.waiting(), pytest.raises(DeadlineExceeded):
            read()
        assert len(leaving.looks) == 3


def test_many_points_are_read_with_looks_between(points: vicinal.Collection) -> None:
    caller = Caller()
    with caller.waiting():
        assert len(points.get(range(3 * PART))) == 3 * PART
    assert len(caller.looks) == 3


def test_the_sooner_of_nested_deadlines_counts(points: vicinal.Collection) -> None:
    assert deadline.remaining() is None
    with vicinal.deadline(3600):
        with vicinal.deadline(0), vicinal.deadline(7200):
            assert deadline.remaining() == 0
            with pytest.raises(DeadlineExceeded, match="given 0 s"):
                points.count(filter=F("n") == 1)
        with Deadline(None).within():
            left = deadline.remaining()
        assert left is not None
        assert 0 < left <= 3600
        assert points.count(filter=F("n") == 1) == 1
    assert deadline.remaining() is None


def test_all_callers_around_a_call_are_asked() -> None:
    outer, inner = Caller(1), Caller()
    with outer.waiting(), inner.waiting():
        deadline.check()
        with pytest.raises(DeadlineExceeded, match="gone"):
            deadline.check()
    assert (len(outer.looks), len(inner.looks)) == (2, 2)


def test_another_thread_has_its_own_time(points: vicinal.Collection) -> None:
    found: list[Any] = []

    def search() -> None:
        found.append((deadline.remaining(), points.search(queries(1)[0], field="dense")))

    with vicinal.deadline(0):
        thread = threading.Thread(target=search)
        thread.start()
        thread.join()
    ((left, hits),) = found
    assert left is None
    assert len(hits) == 10


@pytest.mark.parametrize("seconds", [-1, float("nan"), True, "soon", None])
def test_a_deadline_is_a_number_of_seconds(points: vicinal.Collection, seconds: Any) -> None:
    with pytest.raises(vicinal.InvalidArgument, match="expected seconds"), vicinal.deadline(seconds):
        pass
    if seconds is not None:
        with pytest.raises(vicinal.InvalidArgument, match="timeout"):
            points.wait_indexed(timeout=seconds)


def grown(path: Path, n: int) -> tuple[vicinal.Database, vicinal.Collection]:
    db = vicinal.open(path, merge_policy=NO_MERGES)
    points = db.create_collection("points", Dense(DIM))
    points.upsert(range(n), vectors(n)["dense"])
    return db, points


@pytest.mark.parametrize("call", ["flush", "merge", "wait_indexed"])
def test_a_build_that_is_given_up_leaves_nothing(tmp_path: Path, call: str) -> None:
    db, points = grown(tmp_path / "db", 3000)
    with db:
        caller = Caller()
        with caller.waiting():
            getattr(points, call)(progress=lambda *_: None)
        steps = len(caller.looks)
        assert steps > 5
    for stays in {0, 1, steps // 2, steps - 1}:
        db, points = grown(tmp_path / f"{stays}", 3000)
        with db:
            with Caller(stays).waiting(), pytest.raises(DeadlineExceeded):
                getattr(points, call)()
            assert [segment.uuid for segment in points.info().segments] == ["growing"]
            assert list((tmp_path / f"{stays}" / "segments").iterdir()) == []
            assert points.info().activity.stage == ""
            assert points.search(queries(1)[0]).ids.shape == (10,)
            getattr(points, call)()
            assert points.info().indexed_rows == 3000


def test_waiting_for_a_merge_ends_at_the_deadline(tmp_path: Path) -> None:
    db, points = grown(tmp_path / "db", 10)
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with points._host._maintenance.exclusive(points._state):  # type: ignore[attr-defined]
            entered.set()
            leave.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert entered.wait(60)
    with db:
        for wait in (points.flush, points.merge, points.wait_indexed, lambda: db.drop_collection("points")):
            with vicinal.deadline(0.01), pytest.raises(DeadlineExceeded, match=r"given 0\.01 s"):
                wait()
            with Caller(1).waiting(), pytest.raises(DeadlineExceeded, match="gone"):
                wait()
        leave.set()
        holder.join()
        points.flush()
        assert [segment.rows for segment in points.info().segments] == [10]


def test_calibration_that_is_given_up_changes_no_segment(tmp_path: Path) -> None:
    db, points = grown(tmp_path / "db", 3000)
    with db:
        points.flush()
        points.upsert(range(3000, 6000), vectors(3000, 1)["dense"])
        points.flush()
        with Caller(1).waiting(), pytest.raises(DeadlineExceeded):
            points.calibrate(queries(60))
        assert points._state.calibrations == 0
        assert points.calibrate(queries(60)) == 2
        assert points._state.calibrations == 1


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Return two events: the next commit sets the first and waits for the second."""
    begun, go_on = threading.Event(), threading.Event()
    commit = durable.commit

    def slow(transaction: Any) -> None:
        begun.set()
        assert go_on.wait(60)
        commit(transaction)

    monkeypatch.setattr(durable, "commit", slow)
    return begun, go_on


def test_a_write_that_was_not_begun_is_withdrawn(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    db, points = grown(tmp_path / "db", 10)
    begun, go_on = request.getfixturevalue("held")
    with db:
        other = threading.Thread(target=points.upsert, args=([100], queries(1)))
        other.start()
        assert begun.wait(60)
        with vicinal.deadline(0.01), pytest.raises(DeadlineExceeded):
            points.upsert([200], queries(1))
        with Caller(2).waiting(), pytest.raises(DeadlineExceeded):
            points.delete([1])
        go_on.set()
        other.join()
        points.upsert([300], queries(1))
        assert [point and point.id for point in points.get([1, 100, 200, 300])] == [1, 100, None, 300]


def test_a_write_that_was_begun_is_waited_for(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    db, points = grown(tmp_path / "db", 10)
    begun, go_on = request.getfixturevalue("held")
    left: list[bool] = []

    def leaves_during_the_commit() -> bool:
        if begun.is_set():
            left.append(True)
            go_on.set()
        return begun.is_set()

    with db:
        with Deadline(None, leaves_during_the_commit).within():
            points.upsert([100], queries(1))
        assert left
        assert points.count() == 11
