"""Searches that are repeated exactly in the background, and what is found out by it."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.engine.input.options import search_options
from vicinal.server.service.watching.recall_audit import RecallAudit
from vicinal.storage.columns.vectors import DenseColumn

DIM = 8
ROWS = 300
VECTORS = np.random.default_rng(1).standard_normal((ROWS, DIM)).astype(np.float32)
Found = "queue.Queue[tuple[str, float, float]]"


@contextmanager
def auditing(share: float = 1.0) -> Iterator[tuple[RecallAudit, Found]]:
    found: Found = queue.Queue()
    audit = RecallAudit(lambda *values: found.put(values), share=share)
    try:
        yield audit, found
    finally:
        audit.close()


def films(metric: str = "cosine") -> vicinal.Collection:
    collection = vicinal.open(":memory:").create_collection(
        "films", vicinal.Dense(DIM, metric=metric), fields={"half": "integer"}
    )
    collection.upsert(range(ROWS), VECTORS, [{"half": i % 2} for i in range(ROWS)])
    return collection


def offer(audit: RecallAudit, collection: vicinal.Collection, arguments: dict[str, Any], hits: Any) -> None:
    """Offer a search that was made with ``arguments``."""
    said: Any = dict(arguments)
    audit.offer(collection, said.pop("query"), search_options(said.pop("k"), said), hits)


def audited(
    audit: RecallAudit, found: Found, collection: vicinal.Collection, arguments: dict[str, Any], hits: Any
) -> tuple[str, float, float]:
    """Offer a search until it is taken, and return what was found out."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        offer(audit, collection, arguments, hits)
        try:
            return found.get(timeout=0.01)
        except queue.Empty:
            continue
    raise AssertionError("no search was audited")


@pytest.mark.parametrize("metric", ["cosine", "dot", "l2"])
def test_a_search_that_found_everything(metric: str) -> None:
    collection = films(metric)
    arguments = {"query": VECTORS[7], "k": 10, "recall": 0.9}
    with auditing() as (audit, found):
        hits = collection.search(**arguments)
        assert audited(audit, found, collection, arguments, hits) == ("films", 0.9, 1.0)


@pytest.mark.parametrize("metric", ["cosine", "dot", "l2"])
def test_a_search_that_missed_some(metric: str) -> None:
    collection = films(metric)
    arguments = {"query": VECTORS[7], "k": 20}
    # An answer from half of the points, offered as if from all, has those of the true one that are there.
    partial = collection.search(VECTORS[7], 20, filter=vicinal.F("half") == 0)
    true_ids = collection.search(VECTORS[7], 20, exact=True).ids
    expected = np.isin(true_ids, partial.ids).sum() / 20
    assert 0 < expected < 1
    with auditing() as (audit, found):
        name, target, recall = audited(audit, found, collection, arguments, partial)
    assert (name, target) == ("films", 0.95)
    assert recall == pytest.approx(expected)


def test_the_same_filter_and_tenant_are_asked_for() -> None:
    collection = vicinal.open(":memory:").create_collection(
        "films", vicinal.Dense(DIM), fields={"half": "integer"}, partitioned=True
    )
    for tenant in ("anna", "boris"):
        collection.upsert(range(ROWS), VECTORS, [{"half": i % 2} for i in range(ROWS)], tenant=tenant)
    arguments = {"query": VECTORS[3], "k": 5, "filter": vicinal.F("half") == 1, "tenant": "anna"}
    with auditing() as (audit, found):
        hits = collection.search(**arguments)
        assert audited(audit, found, collection, arguments, hits)[2] == 1.0


def test_of_a_batch_one_query_is_repeated() -> None:
    collection = films()
    arguments = {"query": DenseColumn(VECTORS[:5]), "k": 10, "threads": 2, "with_vectors": True}
    with auditing() as (audit, found):
        hits = collection.search(**arguments)
        for _ in range(10):
            assert audited(audit, found, collection, arguments, hits)[2] == 1.0


def test_of_a_batch_with_a_filter_for_each_query_the_one_of_the_query_holds() -> None:
    collection = films()
    half = vicinal.F("half")
    arguments = {"k": 5, "filter": [half == 0, half == 1, half == 7, None]}
    batch = collection.search(VECTORS[:4], **arguments)
    with auditing() as (audit, found):
        for _ in range(6):
            asked = {"query": DenseColumn(VECTORS[:4]), **arguments}
            assert audited(audit, found, collection, asked, batch)[2] == 1.0


def test_fewer_points_than_k() -> None:
    collection = films()
    arguments = {"query": VECTORS[0], "k": 1_000}
    with auditing() as (audit, found):
        hits = collection.search(**arguments)
        assert len(hits) == ROWS
        assert audited(audit, found, collection, arguments, hits)[2] == 1.0


def test_an_answer_without_hits_missed_everything() -> None:
    collection = films()
    arguments = {"query": VECTORS[7], "k": 10}
    nothing = collection.search(VECTORS[7], 10, filter=vicinal.F("half") == 2)
    no_queries = collection.search(np.empty((0, DIM)), 10)
    with auditing() as (audit, found):
        offer(audit, collection, {"query": np.empty((0, DIM)), "k": 10}, no_queries)
        assert audited(audit, found, collection, arguments, nothing)[2] == 0.0


@pytest.mark.parametrize("knobs", [{"exact": True}, {"ef": 10}, {"offset": 5}])
def test_searches_that_ask_for_no_recall_are_passed_over(knobs: dict[str, Any]) -> None:
    collection = films()
    with auditing() as (audit, found):
        arguments = {"query": VECTORS[0], "k": 10} | knobs
        hits = collection.search(**arguments)
        for _ in range(100):
            offer(audit, collection, arguments, hits)
        # The next one that does ask is the first that is audited.
        asking = {"query": VECTORS[0], "k": 10, "recall": 0.5}
        assert audited(audit, found, collection, asking, collection.search(**asking))[1] == 0.5
        assert found.empty()


def test_fields_that_are_searched_exactly_are_passed_over() -> None:
    collection = vicinal.open(":memory:").create_collection(
        "films", {"dense": vicinal.Dense(DIM), "sparse": vicinal.Sparse(index=vicinal.Inverted())}
    )
    rows = [{j: 1.0 for j in range(i + 1)} for i in range(5)]
    collection.upsert(range(5), {"dense": VECTORS[:5], "sparse": rows})
    with auditing() as (audit, found):
        sparse = {"query": rows[0], "k": 3, "field": "sparse"}
        for _ in range(100):
            offer(audit, collection, sparse, collection.search(**sparse))
        dense = {"query": VECTORS[0], "k": 3, "field": "dense", "recall": 0.6}
        assert audited(audit, found, collection, dense, collection.search(**dense))[1] == 0.6
        assert found.empty()


def test_what_has_gone_meanwhile_is_passed_over() -> None:
    db = vicinal.open(":memory:")
    gone = db.create_collection("gone", vicinal.Dense(DIM))
    gone.upsert([1], VECTORS[:1])
    arguments = {"query": VECTORS[0], "k": 1}
    hits = gone.search(**arguments)
    db.drop_collection("gone")
    there = films()
    with auditing() as (audit, found):
        for _ in range(10):
            offer(audit, gone, arguments, hits)
        assert audited(audit, found, there, arguments, there.search(**arguments))[0] == "films"
        assert found.empty()


def test_most_searches_are_passed_over_for_want_of_time() -> None:
    collection = films()
    arguments = {"query": VECTORS[0], "k": 10}
    hits = collection.search(**arguments)
    with auditing(share=1e-6) as (audit, found):
        audited(audit, found, collection, arguments, hits)
        # One repetition took microseconds at least, so the rest lasts for seconds.
        for _ in range(1_000):
            offer(audit, collection, arguments, hits)
        assert found.empty()


def test_closing_does_not_wait_for_the_rest() -> None:
    collection = films()
    arguments = {"query": VECTORS[0], "k": 10}
    hits = collection.search(**arguments)
    found: Found = queue.Queue()
    audit = RecallAudit(lambda *values: found.put(values), share=1e-9)
    audited(audit, found, collection, arguments, hits)
    audit.close()
    offer(audit, collection, arguments, hits)
    audit.close()
    assert found.empty()
