"""The merge policy is a pure function: what it decides can be read off its arguments."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal import InvalidArgument
from vicinal.engine.maintenance.merge_policy import (
    GrowingStatistics,
    MergePolicySettings,
    MergeTask,
    SegmentStatistics,
    next_task,
    seal_task,
    tasks_to_merge_all,
)

SETTINGS = MergePolicySettings()
QUIET = 10.0
NOTHING = GrowingStatistics(0, 0, QUIET)


def segment(name: str, rows: int, *, live: int | None = None, indexed: bool = True) -> SegmentStatistics:
    return SegmentStatistics(name, rows, rows if live is None else live, rows * 2000, indexed)


def simulate(
    segments: list[SegmentStatistics], growing: GrowingStatistics, settings: MergePolicySettings = SETTINGS
) -> tuple[list[SegmentStatistics], int]:
    """Carry out tasks until there are none; return what is left and how many indexes were built."""
    names = itertools.count()
    builds = 0
    for _ in range(1000):
        task = next_task(segments, growing, settings)
        if task is None:
            return segments, builds
        rows = sum(s.n_live for s in segments if s.uuid in task.segments)
        if task.with_growing:
            rows += growing.n_rows
            growing = dataclasses.replace(growing, n_rows=0, n_bytes=0)
        segments = [s for s in segments if s.uuid not in task.segments]
        builds += task.with_index
        if rows:
            segments = [*segments, segment(f"merged{next(names)}", rows, indexed=task.with_index)]
    raise AssertionError("the policy never comes to rest")


def test_nothing_to_do() -> None:
    assert next_task([], NOTHING, SETTINGS) is None
    assert next_task([segment("a", 100_000)], NOTHING, SETTINGS) is None


def test_a_running_load_is_left_alone() -> None:
    assert next_task([], GrowingStatistics(60_000, 100 << 20, 0.01), SETTINGS) is None


def test_a_load_that_outgrows_memory_is_sealed_without_an_index() -> None:
    task = next_task([], GrowingStatistics(200_000, 300 << 20, 0.0), SETTINGS)
    assert task is not None
    assert task.with_growing
    assert not task.with_index


def test_a_bulk_load_ends_in_one_segment_built_once() -> None:
    flat = [segment(f"flat{i}", 150_000, indexed=False) for i in range(5)]
    rest, builds = simulate(flat, GrowingStatistics(20_000, 40 << 20, QUIET))
    assert [s.n_rows for s in rest] == [770_000]
    assert builds == 1


def test_a_bulk_load_with_pauses_of_a_second_is_left_alone() -> None:
    flat = [segment("flat", 150_000, indexed=False)]
    assert next_task(flat, GrowingStatistics(60_000, 100 << 20, 1.0, 20_000.0), SETTINGS) is None


def test_a_trickle_is_sealed_and_indexed_while_it_goes_on() -> None:
    slow = GrowingStatistics(5_000, 10 << 20, 0.01, 2_000.0)
    assert seal_task(slow, SETTINGS) == next_task([], slow, SETTINGS)
    rest, builds = simulate([segment("large", 500_000), segment("small", 5_000)], slow)
    assert [(s.n_rows, s.indexed) for s in rest] == [(500_000, True), (10_000, True)]
    assert builds == 1
    few = GrowingStatistics(500, 1 << 20, 0.01, 2_000.0)
    assert seal_task(few, SETTINGS) is None
    # Once it pauses, its rows go into the index at once.
    assert seal_task(dataclasses.replace(slow, idle_seconds=QUIET), SETTINGS) is None


def test_an_hour_of_small_batches_leaves_few_segments_and_writes_each_row_a_few_times() -> None:
    segments = [segment("at rest", 100_000)]
    written, most = 0, 0
    for i in range(1_600):
        growing = GrowingStatistics(4_500, 4_500 * 2_000, 0.01, 2_000.0)
        while task := next_task(segments, growing, SETTINGS):
            assert isinstance(task, MergeTask)
            rows = sum(s.n_live for s in segments if s.uuid in task.segments)
            if task.with_growing:
                rows += growing.n_rows
                growing = GrowingStatistics(0, 0, 0.01, 2_000.0)
            segments = [s for s in segments if s.uuid not in task.segments]
            segments.append(segment(f"m{i}-{written}", rows, indexed=task.with_index))
            written += rows
        most = max(most, len(segments))
    n = 1_600 * 4_500
    assert sum(s.n_rows for s in segments) == n + 100_000
    assert most <= 12
    assert written <= 7 * n


def test_a_trickle_that_leaves_builds_no_rest_leaves_few_segments() -> None:
    segments = [segment("at rest", 30_000)]
    busy = GrowingStatistics(0, 0, 0.01, 2_000.0)
    for i in range(300):
        segments += [segment(f"piece {i} {j}", 4_500, indexed=False) for j in range(3)]
        task = next_task(segments, busy, SETTINGS)
        assert isinstance(task, MergeTask)
        rows = sum(s.n_live for s in segments if s.uuid in task.segments)
        segments = [s for s in segments if s.uuid not in task.segments] + [segment(f"built {i}", rows)]
        assert len(segments) <= 14


def test_few_rows_stay_in_the_log() -> None:
    assert next_task([], GrowingStatistics(500, 1 << 20, QUIET), SETTINGS) is None


def test_dead_rows_are_cleared() -> None:
    task = next_task([segment("a", 1000, live=700)], NOTHING, SETTINGS)
    assert task is not None
    assert task.segments == ("a",)
    assert next_task([segment("a", 1000, live=900)], NOTHING, SETTINGS) is None


def test_a_segment_of_dead_rows_alone_goes() -> None:
    assert simulate([segment("a", 1000, live=0)], NOTHING) == ([], 1)


def test_segments_of_one_size_are_merged() -> None:
    task = next_task([segment(f"s{i}", 10_000 + i) for i in range(4)], NOTHING, SETTINGS)
    assert task is not None
    assert set(task.segments) == {"s0", "s1", "s2", "s3"}
    assert next_task([segment(f"s{i}", 10_000 * 10**i) for i in range(4)], NOTHING, SETTINGS) is None


def test_a_long_stream_rewrites_each_row_a_logarithmic_number_of_times() -> None:
    segments: list[SegmentStatistics] = []
    written = 0
    n, batch = 200, 5000
    for i in range(n):
        growing = GrowingStatistics(batch, batch * 2000, QUIET)
        while task := next_task(segments, growing, SETTINGS):
            rows = sum(s.n_live for s in segments if s.uuid in task.segments)
            rows += growing.n_rows if task.with_growing else 0
            growing = NOTHING if task.with_growing else growing
            segments = [s for s in segments if s.uuid not in task.segments]
            segments.append(segment(f"m{i}-{written}", rows))
            written += rows
    assert sum(s.n_rows for s in segments) == n * batch
    assert len(segments) <= 16
    assert written <= 8 * n * batch


def test_merging_all_leaves_one_segment_or_as_many_as_must_be() -> None:
    growing = GrowingStatistics(10, 20_000, QUIET)
    (task,) = tasks_to_merge_all([segment("a", 1000), segment("b", 2000)], growing, SETTINGS)
    assert (task.segments, task.with_growing, task.with_index) == (("a", "b"), True, True)
    assert tasks_to_merge_all([segment("a", 1000)], NOTHING, SETTINGS) == []
    assert len(tasks_to_merge_all([segment("a", 1000, live=9)], NOTHING, SETTINGS)) == 1
    assert len(tasks_to_merge_all([segment("a", 1000, indexed=False)], NOTHING, SETTINGS)) == 1
    large = SETTINGS.segment_bytes // 2000
    tasks = tasks_to_merge_all([segment(f"s{i}", large // 2 - 100) for i in range(4)], growing, SETTINGS)
    assert [len(task.segments) for task in tasks] == [2, 2]
    assert [task.with_growing for task in tasks] == [True, False]


statistics = st.builds(
    lambda name, rows, share, indexed: segment(str(name), rows, live=int(rows * share), indexed=indexed),
    st.integers(0, 10**9),
    st.integers(1, 2_000_000),
    st.floats(0, 1),
    st.booleans(),
)


@given(
    st.lists(statistics, max_size=12, unique_by=lambda s: s.uuid),
    st.integers(0, 300_000),
    st.floats(0, 100),
)
def test_the_policy_comes_to_rest_and_loses_no_row(
    segments: list[SegmentStatistics], rows: int, idle: float
) -> None:
    live = sum(s.n_live for s in segments) + rows
    rest, _ = simulate(segments, GrowingStatistics(rows, rows * 2000, idle))
    left = 0 if idle >= SETTINGS.quiet_seconds and rows >= SETTINGS.seal_rows else rows
    sealed = rows * 2000 >= SETTINGS.growing_bytes
    assert sum(s.n_live for s in rest) in {live, live - left} or sealed
    assert all(s.n_bytes <= 2 * SETTINGS.segment_bytes for s in rest)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(MergePolicySettings)])
@pytest.mark.parametrize(
    "value", ["4", None, True, [1], float("nan"), -1, object()], ids=lambda value: type(value).__name__
)
def test_settings_that_are_no_such_numbers_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgument, match=f"{name} is .*; expected"):
        MergePolicySettings(**{name: value})
