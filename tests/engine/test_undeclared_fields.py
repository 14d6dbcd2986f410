"""Filters on payload fields without an index, over segments, processes and restarts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_filter import filters, holds, payloads
from serving.held_writer import held_writer
from waiting import wait_until

import vicinal
from vicinal import F

DIM = 4
NOTHING_BY_ITSELF = vicinal.MergePolicySettings(quiet_seconds=1e9)


def rows(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.lists(payloads(), min_size=1, max_size=30), st.lists(filters, min_size=1, max_size=4), st.data())
def test_every_call_means_what_the_payloads_mean(
    stored: list[dict[str, object]], asked: list[vicinal.Filter], data: st.DataObject
) -> None:
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        cut, gone = data.draw(st.integers(0, len(stored))), data.draw(st.sets(st.integers(0, 29), max_size=5))
        points.upsert(range(cut), rows(cut), stored[:cut])
        points.flush()
        points.upsert(range(cut, len(stored)), rows(len(stored) - cut), stored[cut:])
        points.delete(gone)
        live = {i: payload for i, payload in enumerate(stored) if i not in gone}
        for expression in asked:
            expected = {i for i, payload in live.items() if holds(expression, payload, i, {})}
            assert points.count(filter=expression) == len(expected)
            assert set(points.search(rows(1)[0], k=50, filter=expression).ids) == expected
        assert points.delete(filter=asked[0] & ~vicinal.has_id([])) == len(
            {i for i, payload in live.items() if holds(asked[0], payload, i, {})}
        )


def test_they_hold_after_a_restart_and_for_those_who_follow(tmp_path: Path) -> None:
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", vicinal.Dense(DIM))
        strict = db.create_collection("strict", vicinal.Dense(DIM), strict=True)
        points.upsert(range(10), rows(10), [{"n": i} for i in range(10)])
        points.flush()
        points.upsert(range(10, 15), rows(5), [{"n": i} for i in range(10, 15)])
        with vicinal.open(tmp_path / "db", read_only=True) as follower:
            seen = follower.collection("points")
            assert seen.count(filter=F("n") >= 4) == 11
            points.upsert([20], rows(1), [{"n": 20}])
            points.delete(filter=F("n") == 4)
            assert seen.count(filter=F("n") >= 4) == 11
            assert follower.collection("strict").schema.strict
        assert strict.schema.strict
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.collection("points")
        assert points.count(filter=F("n") >= 4) == 11
        points.merge()
        assert points.count(filter=F("n") >= 4) == 11
        assert db.collection("strict").schema.strict
        assert not points.schema.strict


def test_an_indexed_clause_leaves_fewer_payloads_to_read() -> None:
    n = 20_000
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection(
            "points", vicinal.Dense(DIM, index=vicinal.Flat()), fields={"n": "integer"}
        )
        points.upsert(range(n), rows(n), [{"n": i, "odd": i % 2 == 1} for i in range(n)])
        points.flush()
        query, odd = rows(1)[0], F("odd") == True  # noqa: E712
        for expression, read in (
            ((odd & (F("n") < 100)), 100),
            ((odd & (F("n") < 50)) | (F("n") >= 50), 50),
            (~odd & (F("n") < 100), 100),
            (odd & (F("n") < 0), 0),
            (odd, n),
            (~odd, 0),
            (odd & (F("n") < 90), 0),
        ):
            explained = points.explain(query, filter=expression)
            assert explained.payloads_read == read, str(expression)
            assert explained.unindexed == {"odd": "bool"}
            assert points.explain(query, filter=expression).payloads_read == 0
        assert points.info().segments[0].bytes_memory > n


def test_what_elements_satisfy_together_leaves_fewer_payloads_to_read() -> None:
    n = 20_000
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection(
            "points", vicinal.Dense(DIM, index=vicinal.Flat()), fields={"cast.age": "integer"}
        )
        cast = [[{"age": i, "name": "ab"[i % 2]}, {"age": 0, "name": "a"}] for i in range(n)]
        points.upsert(range(n), rows(n), [{"cast": each} for each in cast])
        points.flush()
        of_age = F("cast").nested((F("age") >= n - 100) & (F("name") == "b"))
        explained = points.explain(rows(1)[0], filter=of_age)
        # By the index 100 are left.
        assert explained.payloads_read == 100
        assert explained.unindexed == {"cast.name": "keyword"}
        assert points.count(filter=of_age) == 50


def test_a_condition_on_an_upsert_reads_the_payloads_of_its_ids() -> None:
    n = 10_000
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", vicinal.Dense(DIM, index=vicinal.Flat()))
        points.upsert(range(n), rows(n), [{"version": 1}] * n)
        points.flush()
        before = points.info().segments[0].bytes_memory
        written = points.upsert([1, 2], rows(2), [{"version": 2}] * 2, only_if=F("version") < 2)
        assert written.points == 2
        # All payloads would have been kept as a column.
        assert points.info().segments[0].bytes_memory == before


def test_a_write_by_filter_reads_payloads_before_it_waits_for_the_writer(tmp_path: Path) -> None:
    n = 10_000
    with vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF) as db, ThreadPoolExecutor(5) as pool:
        points = db.create_collection("points", vicinal.Dense(DIM, index=vicinal.Flat()))
        payloads = [{"a": i % 5, "b": i % 5, "c": i % 5, "d": i % 5} for i in range(n)]
        points.upsert(range(n), rows(n), payloads)
        points.flush()
        with held_writer(tmp_path / "db") as held:
            first = pool.submit(points.upsert, [n], rows(1))
            held.wait_for_writer()
            writes = []
            for write in (
                lambda: points.delete(filter=F("a") == 1),
                lambda: points.update_payload({"e": 1}, filter=F("b") == 2),
                lambda: points.delete_payload(["a"], filter=F("c") == 3),
                lambda: points.delete_vectors(["vector"], filter=F("d") == 4),
            ):
                before = points.info().segments[0].bytes_memory
                writes.append(pool.submit(write))
                wait_until(lambda before=before: points.info().segments[0].bytes_memory > before + n)
                assert not writes[-1].done()
            held.release()
            assert first.result().points == 1
            assert [write.result() for write in writes] == 4 * [n // 5]
        assert points.count(filter=F("e") == 1) == n // 5
        assert points.count(filter=F("a") == 1) == 0
        assert points.count() == n - n // 5 + 1
        with vicinal.deadline(0), pytest.raises(vicinal.DeadlineExceeded):
            points.delete(filter=F("f") == 1)
