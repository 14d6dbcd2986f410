"""Sealing waits for no build, short builds for no long one, and builds take the threads they are given."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from waiting import wait_until

import vicinal
from vicinal.engine.errors import Closed
from vicinal.engine.maintenance import due, maintenance
from vicinal.engine.maintenance.lanes import BuildThreads
from vicinal.engine.segments.sealed.builder import SegmentBuilder
from vicinal.indexes.graph import hnsw

DIM = 8
SPEC = vicinal.Dense(DIM, metric="l2", index=vicinal.Hnsw(m=8, ef_construction=32))
# A segment of growing rows is full after some 1,000 of them; nothing is quiet before the end.
POLICY = vicinal.MergePolicySettings(
    quiet_seconds=0.05, seal_rows=300, growing_bytes=200_000, trickle_rows_per_second=1
)


@pytest.fixture(autouse=True)
def _few_rows_are_worth_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hnsw, "_MIN_ROWS", 100)


def _rows(n: int) -> NDArray[np.float32]:
    return np.random.default_rng(n).standard_normal((n, DIM), dtype=np.float32)


def _sealed(collection: vicinal.Collection) -> list[Any]:
    return [segment for segment in collection.info().segments if segment.uuid != "growing"]


def _growing_rows(collection: vicinal.Collection) -> int:
    return sum(segment.rows for segment in collection.info().segments if segment.uuid == "growing")


class _Held:
    """Builds of indexes over more than some rows wait until they are let go."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.threads: list[int] = []

    @contextmanager
    def holding(self, monkeypatch: pytest.MonkeyPatch, more_than: int) -> Iterator[None]:
        build = SegmentBuilder.build

        def held(builder: Any, parts: Any, *rest: Any) -> Any:
            if builder._index_fields:
                self.threads.append(builder._threads)
                if sum(len(rows) for _, rows in parts) > more_than:
                    self.begun.set()
                    assert self.go_on.wait(60)
            return build(builder, parts, *rest)

        monkeypatch.setattr(SegmentBuilder, "build", held)
        try:
            yield
        finally:
            self.go_on.set()


def test_rows_are_sealed_and_others_indexed_while_an_index_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "_SHORT_ROWS", 1_000)
    held = _Held()
    rows = _rows(6_000)
    with vicinal.open(tmp_path / "db", merge_policy=POLICY) as db:
        long, other = db.create_collection("long", SPEC), db.create_collection("other", SPEC)
        with held.holding(monkeypatch, more_than=1_000):
            long.upsert(ids=np.arange(1_500), vectors=rows[:1_500])
            assert held.begun.wait(60)
            for first in range(1_500, 4_500, 500):
                long.upsert(ids=np.arange(first, first + 500), vectors=rows[first : first + 500])
                # What died before, what dies meanwhile, and what is written anew.
                long.delete([first - 1, first + 1])
                long.upsert(ids=[first - 200], vectors=rows[5_000 + first // 500][None])
            # More than is held in memory, beside the one whose index is being built.
            wait_until(lambda: len(_sealed(long)) >= 2 and _growing_rows(long) < 1_100)
            assert not held.go_on.is_set()
            other.upsert(ids=np.arange(400), vectors=rows[:400])
            wait_until(lambda: any(segment.indexed for segment in _sealed(other)))
            assert not held.go_on.is_set()
        long.wait_indexed(timeout=60)
        expected = {point: rows[point] for point in range(4_500)}
        for first in range(1_500, 4_500, 500):
            del expected[first - 1], expected[first + 1]
            expected[first - 200] = rows[5_000 + first // 500]
        for _ in range(2):
            assert long.count() == len(expected)
            for query in rows[5_900:5_903]:
                nearest = sorted(expected, key=lambda point: float(((expected[point] - query) ** 2).sum()))[
                    :5
                ]
                assert list(long.search(query, k=5, exact=True).ids) == nearest
            long.merge()
        assert len(long.info().segments) == 1


def test_a_trickle_is_indexed_while_it_goes_on(tmp_path: Path) -> None:
    policy = vicinal.MergePolicySettings(quiet_seconds=1e9, seal_rows=200, trickle_rows_per_second=10**9)
    rows = _rows(3_000)
    with vicinal.open(tmp_path / "db", merge_policy=policy) as db:
        points = db.create_collection("points", SPEC)
        for first in range(0, 3_000, 20):
            points.upsert(ids=np.arange(first, first + 20), vectors=rows[first : first + 20])
        wait_until(lambda: any(segment.indexed for segment in _sealed(points)))
        wait_until(lambda: sum(s.rows for s in points.info().segments if not s.indexed) < 400)
        assert points.count() == 3_000


def test_new_rows_of_a_trickle_wait_for_no_long_build_of_older_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = vicinal.MergePolicySettings(quiet_seconds=1e9, trickle_rows_per_second=0, seal_rows=200)
    rows = _rows(800)
    with vicinal.open(tmp_path / "db", merge_policy=idle) as db:
        points = db.create_collection("points", SPEC)
        points.upsert(ids=np.arange(400), vectors=rows[:400])
        points.flush()
        points.upsert(ids=np.arange(400, 800), vectors=rows[400:])
    with vicinal.open(tmp_path / "db", merge_policy=idle) as db:
        points = db.collection("points")
        older, newer = (segment.uuid for segment in points.info().segments)
        for short_rows, expected in ((800, {older, newer}), (700, {newer})):
            monkeypatch.setattr(due, "_SHORT_ROWS", short_rows)
            trickle = dataclasses.replace(idle, trickle_rows_per_second=10**9)
            points._state.pace.wrote(1, 0.0)
            points._state.pace.wrote(1, 1.0)
            task = due.chosen_task(points._state, due.Lane.SHORT, {}, trickle)
            assert task is not None
            assert set(task.segments) == expected


def test_background_builds_take_the_threads_they_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = _Held()
    with vicinal.open(tmp_path / "db", merge_policy=POLICY, build_threads=3) as db:
        points = db.create_collection("points", SPEC)
        with held.holding(monkeypatch, more_than=10**9):
            points.upsert(ids=np.arange(400), vectors=_rows(400))
            wait_until(lambda: any(segment.indexed for segment in _sealed(points)))
            points.upsert(ids=np.arange(40), vectors=_rows(40))
            points.merge()
    assert held.threads == [1, 3]


def _sealed_as_written(tmp_path: Path) -> Iterator[vicinal.Collection]:
    """Yield collections of 600 points in two batches, which are sealed in the background as they come."""
    policy = vicinal.MergePolicySettings(quiet_seconds=1e9, growing_bytes=1 << 16)
    rows = _rows(600)
    with vicinal.open(tmp_path / "db", merge_policy=policy) as db:
        for number in range(12):
            points = db.create_collection(f"points_{number}", SPEC)
            for first in (0, 300):
                points.upsert(ids=np.arange(first, first + 300), vectors=rows[first:][:300])
            yield points


@pytest.mark.parametrize("together", [0, 20_000])
def test_a_merge_takes_what_is_sealed_while_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(maintenance, "_TOGETHER_ROWS", together)
    for points in _sealed_as_written(tmp_path):
        points.merge()
        (segment,) = points.info().segments
        assert segment.rows == 600
        assert segment.indexed


@pytest.mark.parametrize("together", [0, 20_000])
def test_a_flush_indexes_what_is_sealed_while_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(maintenance, "_TOGETHER_ROWS", together)
    for points in _sealed_as_written(tmp_path):
        points.flush()
        assert sum(segment.rows for segment in points.info().segments) == 600
        assert all(segment.indexed for segment in points.info().segments)


def test_a_thread_that_could_not_be_started_is_started_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, refused = threading.Thread.start, []

    def limited(thread: threading.Thread) -> None:
        if thread.name == "vicinal-short-builds" and not refused:
            refused.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    monkeypatch.setattr(maintenance, "_RETRY_SECONDS", 0.01)
    with vicinal.open(tmp_path / "db", merge_policy=POLICY) as db:
        points = db.create_collection("points", SPEC)
        points.upsert(ids=np.arange(400), vectors=_rows(400))
        wait_until(lambda: any(segment.indexed for segment in _sealed(points)))
    assert refused


def test_threads_are_shared_and_given_back() -> None:
    def fail() -> None:
        raise Closed("nobody waits any more")

    threads = BuildThreads(4)
    with threads.taken(True, fail) as first, threads.taken(True, fail) as second:
        assert (first, second) == (2, 2)
        with pytest.raises(Closed), threads.taken(False, fail):
            pass
    with threads.taken(False, fail) as all_of_them:
        assert all_of_them == 4
    with BuildThreads(None).taken(False, fail) as every_core:
        assert every_core == 0


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "2", 5_000])
def test_a_number_of_threads_that_is_none(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(vicinal.InvalidArgument, match=r"build_threads is .*; expected an integer from 1 to"):
        vicinal.open(tmp_path / "db", build_threads=wrong)
    assert not (tmp_path / "db").exists()
