"""Live statistics of a sparse field are those of a recount, wherever points are and whatever befell them."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.engine.collection import columnar
from vicinal.engine.segments.live_statistics import LiveStatistics, prepared
from vicinal.engine.segments.snapshot import Snapshot
from vicinal.indexes.rows.sparse import SparseRows
from vicinal.indexes.sparse import inverted

NOTHING_BY_ITSELF = vicinal.MergePolicySettings(quiet_seconds=1e9)
TERMS = np.array([*range(12), 2**32 - 1], np.uint32)
Row = dict[int, float] | None
Model = dict[tuple[str | None, int], Row]


def check(collection: vicinal.Collection, model: Model, tenants: list[str] | list[None]) -> None:
    for tenant in tenants:
        snapshot, owner = columnar(collection).view(tenant)
        found = LiveStatistics(snapshot, "terms", owner and owner.scope)
        rows = [row for (owned_by, _), row in model.items() if owned_by == tenant and row is not None]
        assert found.n_vectors == len(rows)
        expected = [sum(row.get(term, 0.0) != 0 for row in rows) for term in TERMS.tolist()]
        assert found.frequencies(TERMS).tolist() == expected
        df = np.array(expected)
        weights = np.log(1 + (len(rows) - df + 0.5) / (df + 0.5))
        # Those that were kept and those that were not are the same.
        for asked in (slice(3, 5), slice(0, 9), slice(3, 5)):
            np.testing.assert_allclose(found.inverse_frequencies(TERMS[asked]), weights[asked])
        many = np.tile(np.arange(len(TERMS)), 9)
        np.testing.assert_allclose(found.inverse_frequencies(TERMS[many]), weights[many])
        np.testing.assert_allclose(found.total, sum(map(sum, (row.values() for row in rows))), atol=1e-3)


def drawn(rng: np.random.Generator) -> Row:
    if rng.random() < 0.2:
        return None
    chosen = rng.choice(TERMS, rng.integers(0, 6), replace=False).tolist()
    return {term: float(rng.choice([0.0, 0.5, 1.0, 2.0])) for term in chosen}


@pytest.mark.parametrize("tenants", [[None], ["ada", "bob", "carol"]], ids=["one", "tenants"])
@pytest.mark.parametrize("indexed", [True, False], ids=["indexed", "counted"])
def test_statistics_are_those_of_a_recount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tenants: Any, indexed: bool
) -> None:
    monkeypatch.setattr(inverted, "_MIN_ROWS", 1 if indexed else 10**9)
    rng, model = np.random.default_rng(len(tenants)), Model()
    db = vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF)
    follower = None
    points = db.create_collection(
        "points", {"terms": vicinal.Sparse(), "other": vicinal.Dense(2)}, partitioned=len(tenants) > 1
    )
    for step in range(60):
        tenant = tenants[rng.integers(len(tenants))]
        chosen = rng.choice(40, rng.integers(1, 12), replace=False).tolist()
        there = [i for i in chosen if (tenant, i) in model]
        match int(rng.integers(8)):
            case 0:
                points.delete(chosen, tenant=tenant)
                model = {key: row for key, row in model.items() if key not in {(tenant, i) for i in chosen}}
            case 1:
                points.delete_vectors(["terms"], chosen, tenant=tenant)
                model.update({(tenant, i): None for i in there})
            case 2:
                points.flush()
            case 3:
                points.merge()
            case 4:
                db.close()
                db = vicinal.open(tmp_path / "db", merge_policy=NOTHING_BY_ITSELF)
                points = db.collection("points")
            case _:
                rows = [drawn(rng) for _ in chosen]
                points.upsert(chosen, {"terms": rows, "other": np.ones((len(chosen), 2))}, tenant=tenant)
                model.update({(tenant, i): row for i, row in zip(chosen, rows, strict=True)})
        if step % 3:
            check(points, model, tenants)
        if step == 20:
            follower = vicinal.open(tmp_path / "db", read_only=True)
        if follower is not None and step % 5 == 0:
            check(follower.collection("points"), model, tenants)
    assert follower is not None
    follower.close()
    db.close()


def test_an_old_snapshot_keeps_its_statistics() -> None:
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", vicinal.Sparse())
        points.upsert(range(9), [{1: 1.0}] * 9)
        points.flush()
        kept = []
        for n in range(9, 14):
            points.upsert([n, n - 9], [{1: 1.0}, {2: 4.0}])
            kept.append((n, columnar(points).view(None)[0]))
        for n, snapshot in [*kept[::-1], *kept]:
            found = LiveStatistics(snapshot, "vector", None)
            replaced = n - 8
            assert found.frequencies(np.array([1, 2, 3], np.uint32)).tolist() == [9, replaced, 0]
            assert (found.n_vectors, found.total) == (9 + replaced, 9 + 4 * replaced)


def test_a_snapshot_keeps_its_statistics_and_goes_when_nobody_has_it() -> None:
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", vicinal.Sparse(idf=True))
        points.upsert(range(9), [{1: 1.0}] * 9)
        newest = columnar(points).view(None)[0]
        snapshot = Snapshot(newest.schema, newest.views, newest.next_sequence, newest.vocabularies)
        query = SparseRows.one(np.array([1], np.uint32), np.ones(1, np.float32))
        found = [prepared(snapshot, "vector", None, query)[0].values for _ in range(2)]
        np.testing.assert_allclose(found, np.log(1 + 0.5 / 9.5), rtol=1e-6)
        assert snapshot.statistics.keys() == {("vector", None)}
        gone = weakref.ref(snapshot)
        del snapshot
        assert gone() is None


def test_a_field_that_comes_back_counts_nothing_of_the_one_that_went() -> None:
    with vicinal.open(":memory:", merge_policy=NOTHING_BY_ITSELF) as db:
        points = db.create_collection("points", {"a": vicinal.Sparse(), "b": vicinal.Dense(2)})
        points.upsert(range(9), {"a": [{1: 1.0}] * 9, "b": np.ones((9, 2))})
        points.flush()
        points.upsert(range(9, 12), {"a": [{1: 1.0}] * 3, "b": np.ones((3, 2))})
        before = columnar(points).view(None)[0]
        points.drop_vector_field("a")
        points.add_vector_field("a", vicinal.Sparse())
        points.upsert([3], {"a": [{2: 1.0}], "b": np.ones((1, 2))})
        terms = np.array([1, 2], np.uint32)
        assert LiveStatistics(columnar(points).view(None)[0], "a", None).frequencies(terms).tolist() == [0, 1]
        assert LiveStatistics(before, "a", None).frequencies(terms).tolist() == [12, 0]
