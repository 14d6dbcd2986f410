"""Searches that are repeated exactly in the background, and what is found out by it."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audits import Audited, auditing
from counted_steps import steps

import vicinal
from vicinal import Candidates, Dense, F, Inverted, IvfFlat, Sparse
from vicinal.engine.collection import Collection
from vicinal.engine.database import audit_of
from vicinal.engine.segments.snapshot import Snapshot

DIM, ROWS = 32, 3000
RNG = np.random.default_rng(1)
CENTRES = RNG.standard_normal((60, DIM))
VECTORS = (CENTRES[np.arange(ROWS) % 60] + 0.3 * RNG.standard_normal((ROWS, DIM))).astype(np.float32)
QUERIES = (CENTRES[:20] + 0.5 * RNG.standard_normal((20, DIM))).astype(np.float32)


def films(db: vicinal.Database, **options: Any) -> Collection:
    collection = db.create_collection(
        "films", Dense(DIM, metric="l2", index=IvfFlat()), fields={"half": "integer"}, **options
    )
    payloads = [{"half": i % 2} for i in range(ROWS)]
    for tenant in ("anna", "boris") if options else (None,):
        collection.upsert(range(ROWS), VECTORS, payloads, tenant=tenant)
    collection.merge()
    return collection


@pytest.fixture(scope="module")
def audited() -> Iterator[tuple[Audited, Collection]]:
    with auditing() as found:
        yield found, films(found.db)


def recall_of(collection: Collection, query: Any, k: int, **options: Any) -> float:
    found = collection.explain(query, k, **options).hits.ids
    return float(np.isin(found, collection.search(query, k, exact=True, **options).ids).mean())


@pytest.mark.parametrize("k", [1, 10])
@pytest.mark.parametrize("filter", [None, F("half") == 1])
def test_what_an_audit_finds(audited: tuple[Audited, Collection], k: int, filter: Any) -> None:
    audits, collection = audited
    for query in QUERIES:
        with audits.resting():
            expected = recall_of(collection, query, k, recall=0.5, filter=filter)
        found = audits.search(collection, query, k, recall=0.5, filter=filter)
        assert found == ("films", 0.5, pytest.approx(expected))


def test_of_a_batch_one_query_is_repeated_under_its_own_filter(audited: tuple[Audited, Collection]) -> None:
    audits, collection = audited
    filters = [F("half") == 1, None, F("half") == 0]
    for _ in range(5):
        assert audits.search(collection, QUERIES[:3], 10, recall=0.99, filter=filters)[2] > 0.8


def test_a_query_that_is_changed_afterwards_was_audited_as_it_was(
    audited: tuple[Audited, Collection],
) -> None:
    audits, collection = audited
    audits.ready()
    batch = QUERIES.copy()
    collection.search(batch, 10, recall=0.99)
    batch[:] = np.nan
    assert audits.told.get(timeout=60)[2] > 0.8


def test_searches_in_which_no_recall_is_in_question_are_passed_over(
    audited: tuple[Audited, Collection],
) -> None:
    audits, collection = audited
    for knobs in ({"exact": True}, {"effort": {"n_probe": 3}}, {"offset": 5}, {"filter": F("half") == 7}):
        audits.passes_over(collection, QUERIES[0], 10, **knobs)
    audits.passes_over(collection, by_id=3)
    audits.passes_over(collection, np.empty((0, DIM)))
    audits.passes_over(collection, QUERIES[0], candidates=Candidates(count=50))
    audits.passes_over(collection, QUERIES[0], group_by="half")


def test_fields_that_are_searched_exactly_are_passed_over() -> None:
    with auditing() as audits:
        points = audits.db.create_collection(
            "points", {"dense": Dense(DIM, index=IvfFlat()), "sparse": Sparse(index=Inverted())}
        )
        rows = [{j: 1.0 for j in range(1 + i % 5)} for i in range(ROWS)]
        points.upsert(range(ROWS), {"dense": VECTORS, "sparse": rows})
        # Growing rows are scanned.
        audits.passes_over(points, VECTORS[0], 3, field="dense")
        points.merge()
        audits.passes_over(points, rows[0], 3, field="sparse")
        assert points.info().audited == ()


def test_the_points_of_a_tenant_are_what_its_search_is_compared_with() -> None:
    with auditing() as audits:
        shared = films(audits.db, partitioned=True)
        for query in QUERIES[:5]:
            assert audits.search(shared, query, 5, tenant="anna", recall=0.99)[2] > 0.7
        (info,) = shared.info().audited
        assert (info.field, info.filtered, info.tries) == ("vector", True, 5)


def test_what_is_written_after_a_search_was_not_missed_by_it(audited: tuple[Audited, Collection]) -> None:
    audits, collection = audited
    with audits.resting():
        expected = recall_of(collection, QUERIES[3], 10)
    audits.ready()
    hold = threading.Event()
    audit = audit_of(audits.db)
    repeat = audit._repeat
    audit._repeat = lambda sample: (hold.wait(60), repeat(sample))[1]  # type: ignore[method-assign]
    try:
        collection.search(QUERIES[3])
        collection.upsert(range(ROWS, ROWS + 50), np.tile(QUERIES[3], (50, 1)), [{"half": 0}] * 50)
        hold.set()
        assert audits.told.get(timeout=60)[2] == pytest.approx(expected)
    finally:
        del audit._repeat  # type: ignore[method-assign]
        collection.delete(ids=range(ROWS, ROWS + 50))
        collection.merge()


def snapshots() -> int:
    gc.collect()
    return sum(isinstance(one, Snapshot) for one in gc.get_objects())


def test_a_snapshot_is_let_go_of_with_the_repetition() -> None:
    with auditing() as audits:
        collection = films(audits.db)
        before = snapshots()
        audits.search(collection, QUERIES[0])
        audits.ready()
        collection.upsert([0], VECTORS[:1], [{}])
        assert snapshots() <= before + 1
        assert not any(one.views and one is not collection._state.snapshot for one in _of(collection))


def _of(collection: Collection) -> list[Snapshot]:
    state, found = collection._state, gc.get_objects()
    return [one for one in found if isinstance(one, Snapshot) and one.raised is state.audited.raised]


def auditing_threads() -> int:
    return sum(thread.name == "vicinal-recall" for thread in threading.enumerate())


def test_off_there_is_no_thread_and_a_search_costs_a_look_at_a_flag() -> None:
    before = auditing_threads()
    with vicinal.open(":memory:") as off, vicinal.open(":memory:", audit=1e-9) as on:
        assert auditing_threads() == before + 1
        costs = []
        for db in (off, on):
            collection = films(db)
            if db is on:
                # After it a rest of hours begins.
                Audited(on).search(collection, QUERIES[0])
            for _ in range(3):
                collection.search(QUERIES[0])
            costs.append(steps(lambda collection=collection: collection.search(QUERIES[0]).ids))
        assert costs[0] == costs[1]
        assert off.collection("films").info().audited == ()
        assert on.collection("films").info().audited[0].tries == 1
    assert auditing_threads() == before


def test_nothing_is_taken_while_it_rests() -> None:
    with auditing(share=1e-9) as audits:
        collection = films(audits.db)
        audits.search(collection, QUERIES[0])
        for query in QUERIES:
            collection.search(query)
        assert audits.told.empty()
        (info,) = collection.info().audited
        assert info.tries == 1


def test_closing_waits_for_no_rest_and_ends_the_thread(tmp_path: Path) -> None:
    before = auditing_threads()
    with vicinal.open(tmp_path / "db", audit=1e-9) as db:
        audits = Audited(db)
        audits.search(films(db), QUERIES[0])
        with vicinal.open(tmp_path / "db", read_only=True, audit=1e-9) as reader:
            Audited(reader).search(reader.collection("films"), QUERIES[0])
            assert auditing_threads() == before + 2
        assert auditing_threads() == before + 1
    assert auditing_threads() == before


@pytest.mark.parametrize("read_only", [False, True])
def test_a_database_that_is_let_go_of_ends_its_thread(tmp_path: Path, read_only: bool) -> None:
    before = auditing_threads()
    if read_only:
        vicinal.open(tmp_path / "db").close()
    db = vicinal.open(tmp_path / "db", read_only=read_only, audit=0.5)
    assert auditing_threads() == before + 1
    del db
    gc.collect()
    end = time.monotonic() + 60
    while auditing_threads() > before:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_forked_child_searches_and_audits_nothing(audited: tuple[Audited, Collection]) -> None:
    audits, collection = audited
    audits.ready()
    child = os.fork()
    if not child:
        searched = len(collection.search(QUERIES[0])) == 10 and len(collection.info().segments) == 1
        audits.db.close()
        os._exit(0 if searched and not audit_of(audits.db).wants else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert audits.search(collection, QUERIES[0])[0] == "films"


@pytest.mark.parametrize("audit", [-0.1, 1.5, float("nan"), True, "a little", None])
def test_what_is_no_share_is_refused(tmp_path: Path, audit: Any) -> None:
    with pytest.raises(vicinal.InvalidArgument, match="share of one core"):
        vicinal.open(tmp_path / "db", audit=audit)
    assert not (tmp_path / "db").exists()
