"""What a search says of a field is checked against the schema there is, however often it was said before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal import Dense, F, Flat, Hnsw, Sparse
from vicinal.engine.search.calls.searched_field import _SCHEMAS_KEPT

FOUR = np.ones(4, np.float32)


def test_the_same_words_mean_what_each_schema_says() -> None:
    with vicinal.open(":memory:") as db:
        graph = db.create_collection("graph", Dense(4, index=Hnsw()), fields={"n": "integer"})
        flat = db.create_collection("flat", Dense(4, index=Flat()))
        sparse = db.create_collection("sparse", Sparse())
        others = [db.create_collection(f"other-{i}", Dense(i + 5)) for i in range(2 * _SCHEMAS_KEPT)]
        for points in (graph, flat, *others):
            points.upsert([1], np.ones((1, _dim(points))), [{"n": 1}])
        sparse.upsert([1], [{3: 2.0}])
        for _ in range(2):
            assert graph.search(FOUR, ef=16).ids.tolist() == [1]
            assert graph.search(FOUR, ef=16, filter=F("n") == 2).ids.tolist() == []
            with pytest.raises(vicinal.InvalidArgument, match="no knobs"):
                flat.search(FOUR, ef=16)
            assert flat.search(FOUR).ids.tolist() == [1]
            assert sparse.search({3: 1.0}).scores.tolist() == [2.0]
            for points in others:
                query = np.ones(_dim(points), np.float32)
                assert points.search(query).ids.tolist() == [1]
                with pytest.raises(vicinal.InvalidArgument):
                    points.search(FOUR)


def test_a_field_of_the_same_name_is_another_field() -> None:
    with vicinal.open(":memory:") as db:
        points = db.create_collection("points", {"kept": Dense(2), "changed": Dense(4)})
        points.upsert([1], {"kept": np.ones((1, 2)), "changed": FOUR[None]})
        for _ in range(2):
            assert points.search(FOUR, field="changed").ids.tolist() == [1]
            assert len(points.search(FOUR, field="changed", with_vectors=["changed"])[0].vectors) == 1
        points.drop_vector_field("changed")
        said: list[dict[str, Any]] = [{"field": "changed"}, {"field": "kept", "with_vectors": ["changed"]}]
        for options in said:
            with pytest.raises(vicinal.InvalidArgument, match="changed"):
                points.search(FOUR[:2], **options)
        points.add_vector_field("changed", Sparse())
        points.upsert([2], {"changed": [{3: 2.0}]})
        assert points.search({3: 1.0}, field="changed").scores.tolist() == [2.0]
        with pytest.raises(vicinal.InvalidArgument):
            points.search(FOUR, field="changed")


def _dim(points: vicinal.Collection) -> int:
    field = points.schema.vectors["vector"]
    assert isinstance(field, Dense)
    return field.dim
