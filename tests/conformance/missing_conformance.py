"""Points that lack vectors, in every kind of database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, Flat, Multi, PartialVectors, Sparse
from vicinal.engine.api import CollectionApi, DatabaseApi

FIELDS = {
    "plot": Dense(4, metric="dot", index=Flat()),
    "terms": Sparse(),
    "tokens": Multi(3, element="float32"),
}
Model = dict[int, dict[str, Any]]


def drawn(rng: np.random.Generator) -> dict[str, Any]:
    """Return the vectors of one point, about a third of them missing."""
    terms = np.sort(rng.choice(20, 5, replace=False)).astype(np.uint32)
    vectors = {
        "plot": rng.standard_normal(4).astype(np.float32),
        "terms": (terms, rng.random(5).astype(np.float32)),
        "tokens": rng.standard_normal((rng.integers(1, 4), 3)).astype(np.float32),
    }
    return {name: vector for name, vector in vectors.items() if rng.random() < 0.65}


def score(field: str, query: Any, vector: Any) -> float:
    if field == "plot":
        return float(query @ vector)
    if field == "terms":
        weights = dict(zip(*map(np.ndarray.tolist, vector), strict=True))
        return float(sum(w * weights.get(t, 0.0) for t, w in query.items()))
    return float((query @ vector.T).max(axis=1).sum())


def assert_same_vectors(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, vector in expected.items():
        ours = found[name] if isinstance(vector, tuple) else (found[name],)
        theirs = vector if isinstance(vector, tuple) else (vector,)
        for left, right in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(left, right)


def check(points: CollectionApi, model: Model, **scope: Any) -> None:
    """Compare everything that can be read with the model."""
    ids = list(model)
    for i, point in zip(ids, points.get(ids, with_vectors=True, **scope), strict=True):
        assert point is not None
        assert_same_vectors(point.vectors, model[i])
    assert points.count(**scope) == len(model)
    queries: dict[str, Any] = {
        "plot": np.array([1, -1, 0.5, 2], np.float32),
        "terms": {1: 1.0, 4: 2.0, 9: 0.5, 15: 1.0},
        "tokens": np.eye(3, dtype=np.float32),
    }
    for field, query in queries.items():
        for filter, passing in ((None, ids), (F("even") == True, [i for i in ids if i % 2 == 0])):  # noqa: E712
            scores = {i: score(field, query, model[i][field]) for i in passing if field in model[i]}
            hits = points.search(query, k=len(ids), field=field, filter=filter, with_vectors=True, **scope)
            nearest = sorted(scores.values(), reverse=True)
            np.testing.assert_allclose(hits.scores, nearest, rtol=1e-4, atol=1e-5)
            assert {hit.id for hit in hits} == scores.keys()
            columns = hits.vector_columns()
            assert set(columns) == set(FIELDS)
            for row, hit in enumerate(hits):
                assert_same_vectors(hit.vectors, model[hit.id])
                assert {n for n in FIELDS if columns[n].row(row) is not None} == model[hit.id].keys()
            batch = points.search([query] * 3, k=len(ids) + 1, field=field, filter=filter, **scope)
            assert batch.counts.tolist() == [len(scores)] * 3
    seen = points.scroll(limit=10_000, with_vectors=True, **scope).points
    assert {point.id for point in seen} == model.keys()
    for point in seen:
        assert_same_vectors(point.vectors, model[point.id])


class MissingConformance:
    """A part of ``DatabaseConformance``."""

    @pytest.mark.parametrize("partitioned", [False, True])
    def test_points_may_lack_vectors(self, db: DatabaseApi, partitioned: bool) -> None:
        points = db.create_collection("points", FIELDS, fields={"even": "bool"}, partitioned=partitioned)
        scope = {"tenant": "ada"} if partitioned else {}
        rng = np.random.default_rng(3)
        model: Model = {}

        def write(ids: list[int]) -> None:
            new = {i: drawn(rng) for i in ids}
            vectors = {name: [new[i].get(name) for i in ids] for name in FIELDS}
            points.upsert(ids, vectors, [{"even": i % 2 == 0} for i in ids], **scope)
            model.update(new)

        if partitioned:
            points.upsert([1, 2], {"plot": np.ones((2, 4))}, tenant="bob")
        write(list(range(20)))
        check(points, model, **scope)
        points.flush()
        check(points, model, **scope)
        write(list(range(15, 30)))
        points.update_payload({"even": True}, [2, 4], **scope)
        points.delete([0, 17], **scope)
        del model[0], model[17]
        check(points, model, **scope)
        points.merge()
        check(points, model, **scope)
        if partitioned:
            assert points.count(tenant="bob") == 2

    def test_forms_in_which_vectors_are_missing(self, db: DatabaseApi) -> None:
        points = db.create_collection("points", FIELDS)
        points.upsert([1, 2], {"plot": [None, [1, 2, 3, 4]], "tokens": None})
        points.upsert([3, 4], None)
        points.upsert([5, 6], {}, [{"a": 1}, None])
        flags = np.array([True, False, True])
        terms = (([1], [0.5]), ([2], [1.5]))
        points.upsert(
            [7, 8, 9],
            {
                "plot": PartialVectors(np.eye(2, 4), flags),
                "terms": PartialVectors(terms, flags),
                "tokens": PartialVectors((np.eye(3), np.array([0, 1, 3])), flags),
            },
        )
        found = points.get(range(1, 10), with_vectors=True)
        named = [None if point is None else sorted(point.vectors) for point in found]
        every = ["plot", "terms", "tokens"]
        assert named == [[], ["plot"], [], [], [], [], every, [], every]
        hits = points.search([1, 1, 1, 1], field="plot", k=9)
        assert [hit.id for hit in hits] == [2, 7, 9]
        alone = db.create_collection("alone", Dense(2))
        alone.upsert([1, 2, 3], [[1, 2], None, [3, 4]])
        assert sorted(hit.id for hit in alone.search([1, 1], k=5)) == [1, 3]
        only = db.create_collection("only", Dense(2))
        only.upsert([1], None)
        for _ in range(2):
            assert len(only.search([1, 1], k=5)) == 0
            only.merge()

    @pytest.mark.parametrize(
        ("vectors", "message"),
        [
            ({"plot": [[1, 2, 3, 4], None, None]}, "3 rows for 2 ids"),
            ({"plot": PartialVectors(np.ones((2, 4)), [True, False])}, "2 rows for the 1 points"),
            ({"plot": PartialVectors(np.ones((1, 4)), [True])}, "1 rows for 2 ids"),
            ({"plot": PartialVectors(np.ones((1, 4)), [1, 0])}, "one bool a point"),
            ({"plot": [None, [1, 2, 3]]}, "without those that have no vector"),
            ({"plot": [None, [1, np.nan, 3, 4]]}, "NaN"),
            ({"plott": [None, None]}, "no field is named 'plott'"),
        ],
    )
    def test_missing_vectors_that_do_not_fit(self, db: DatabaseApi, vectors: Any, message: str) -> None:
        points = db.create_collection("points", FIELDS)
        with pytest.raises(vicinal.InvalidArgument, match=message) as caught:
            points.upsert([1, 2], vectors)
        assert str(caught.value.field).startswith("vectors")
        assert points.count() == 0

    @pytest.mark.parametrize("partitioned", [False, True])
    def test_vectors_change_and_go_by_field(self, db: DatabaseApi, partitioned: bool) -> None:
        points = db.create_collection("points", FIELDS, fields={"even": "bool"}, partitioned=partitioned)
        scope = {"tenant": "ada"} if partitioned else {}
        rng = np.random.default_rng(5)
        model: Model = {i: drawn(rng) for i in range(30)}
        ids = list(model)
        if partitioned:
            points.upsert([1], {"plot": np.ones((1, 4))}, tenant="bob")
        vectors = {name: [model[i].get(name) for i in ids] for name in FIELDS}
        points.upsert(ids, vectors, [{"even": i % 2 == 0} for i in ids], **scope)
        for step in range(3):
            chosen = [int(i) for i in rng.choice(40, 12, replace=False)]
            new = {i: drawn(rng) for i in chosen}
            fields = {*list(FIELDS)[step:], "plot"}
            columns = {name: [new[i].get(name) for i in chosen] for name in fields}
            assert points.update_vectors(chosen, columns, **scope) == sum(i < 30 for i in chosen)
            for i in chosen:
                if i in model:
                    model[i] |= {name: new[i][name] for name in fields if name in new[i]}
            check(points, model, **scope)
            odd = vicinal.has_vector("terms") & ~(F("even") == True)  # noqa: E712
            gone = [i for i in ids if "terms" in model[i] and i % 2]
            assert points.count(filter=odd, **scope) == len(gone)
            assert points.count(filter={"must_not": [{"has_vector": "plot"}]}, **scope) == sum(
                "plot" not in vectors for vectors in model.values()
            )
            assert points.delete_vectors(["terms", "tokens"], filter=odd, **scope) == len(gone)
            assert points.delete_vectors(["plot"], [step, step + 10, 99], **scope) == 2
            for i in gone:
                model[i] = {name: v for name, v in model[i].items() if name == "plot"}
            for i in (step, step + 10):
                model[i].pop("plot", None)
            check(points, model, **scope)
            assert [p is not None and p.payload for p in points.get(ids, **scope)] == [
                {"even": i % 2 == 0} for i in ids
            ]
            points.flush() if step == 0 else points.merge()
            check(points, model, **scope)
        assert points.update_vectors([], {"plot": []}, **scope) == 0
        assert points.update_vectors([0], {}, **scope) == 0
        if partitioned:
            assert points.count(filter=vicinal.has_vector("plot"), tenant="bob") == 1
            assert points.update_vectors([0], {"plot": [[1, 2, 3, 4]]}, tenant="nobody") == 0
            assert points.delete_vectors(["plot"], [0], tenant="nobody") == 0

    @pytest.mark.parametrize(
        ("name", "arguments", "options", "field", "message"),
        [
            ("update_vectors", ([0, 0], {"plot": np.ones((2, 4))}), {}, "ids", "once"),
            ("update_vectors", ([0], {"plot": np.ones((2, 4))}), {}, "vectors['plot']", "2 rows for 1 ids"),
            ("update_vectors", ([0], {"no": None}), {}, "vectors", "no field is named 'no'"),
            ("update_vectors", ([0], np.ones((1, 4))), {}, "vectors", "mapping"),
            ("delete_vectors", ("plot", [0]), {}, "fields", "list of vector fields"),
            ("delete_vectors", ([], [0]), {}, "fields", "no vector field is named"),
            ("delete_vectors", (["no"], [0]), {}, "fields", "'no'"),
            ("delete_vectors", (["plot"],), {}, "ids", "exactly one"),
            ("delete_vectors", (["plot"],), {"filter": {}}, "filter", "no condition"),
            ("count", (), {"filter": {"has_vector": "no"}}, "filter", "'no'"),
            ("count", (), {"filter": {"has_vector": ["plot"]}}, "a vector field", "a name is"),
        ],
    )
    def test_changes_of_vectors_that_are_refused(
        self, db: DatabaseApi, name: str, arguments: Any, options: Any, field: str, message: str
    ) -> None:
        points = db.create_collection("points", FIELDS)
        points.upsert([0], {"plot": np.ones((1, 4))})
        with pytest.raises(vicinal.InvalidArgument, match=message) as caught:
            getattr(points, name)(*arguments, **options)
        assert caught.value.field == field
        assert points.count(filter=vicinal.has_vector("plot")) == 1
